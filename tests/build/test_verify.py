"""Verification finds what is not as planned: each fault is planted in a real environment and must be named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
import uv

from envsetup.build.uv import make_uv
from envsetup.build.verify import build_variant, verify
from envsetup.model.errors import BuildError
from envsetup.model.lock import Lock, LockedPackage
from envsetup.model.plan import Plan, PlannedPackage

pytestmark = pytest.mark.build
ARCHS = "sm_75 sm_80 sm_86 sm_90 compute_90"


@pytest.fixture
def built(tmp_path, wheel_maker):
    """Makes an environment with a torch that says what it is told to say; returns how verification ends."""

    def make(*, locked=None, plan=None, after=None, extras=(), **torch):
        options = {"local": "cu126", "cuda": "12.6", "arch": ARCHS} | torch
        folder, env = tmp_path / "wheels", tmp_path / "env"
        wheel_maker.torch(folder, requires=(), **options)
        wheel_maker.wheel(folder, "numpy", "2.4.0")
        version = f"2.13.0+{options['local']}"
        run = [
            uv.find_uv_bin(),
            "pip",
            "install",
            "-q",
            "--no-index",
            "--find-links",
            str(folder),
            "--python",
            str(env),
        ]
        # A cache of its own: a folder of an earlier run may have had the same name, and another torch in it.
        alone = os.environ | {"UV_CACHE_DIR": str(tmp_path / "cache")}
        subprocess.run([uv.find_uv_bin(), "venv", "-q", "--python", sys.executable, str(env)], check=True)
        subprocess.run([*run, "torch", "numpy"], check=True, env=alone)
        if after:
            after(next(env.glob("lib/python*/site-packages")))
        packages = [LockedPackage(name=n, version=v, hashes=[]) for n, v in (locked or {"torch": version}).items()]
        planned = PlannedPackage(name="torch", version="2.13.0", variant=options["local"])
        plan = plan or Plan(status="ok", device="cuda", packages=[planned], gpu_targets=["8.6", "8.9"])
        return verify(env, plan, Lock(packages=packages), make_uv({}), extras=extras).facts

    return make


def test_a_good_one(built):
    facts = built()
    assert "torch is the cu126 build" in facts
    assert "compiled for sm_75, sm_80, sm_86, sm_90, compute_90: covers 8.6, 8.9" in facts


@pytest.mark.parametrize(
    ("planted", "message"),
    [
        ({"cuda": "13.0"}, "torch is the cu130 build, planned was cu126"),
        ({"cuda": None}, "torch is the cpu build, planned was cu126"),
        ({"arch": "sm_90 sm_100"}, "torch: no code for compute capability 8.6"),
        ({"locked": {"torch": "2.12.0+cu126"}}, r"torch is 2\.13\.0\+cu126, the lock says 2\.12\.0\+cu126"),
        ({"locked": {"torch": "2.13.0+cu126", "triton": "3"}}, "triton is in the lock but not installed"),
        ({"torch/__init__.py": "import missing_thing\n"}, "torch cannot be imported: ModuleNotFoundError"),
        ({"torch/__init__.py": "raise SystemExit(3)\n"}, "torch cannot be imported: SystemExit: 3"),
        (
            {"torch/__init__.py": "import os; os.abort()\n"},
            "does not survive a look at its imports: killed by signal 6",
        ),
        ({"torch/__init__.py": "import os; os._exit(3)\n"}, "does not survive a look at its imports"),
    ],
)
def test_planted_faults_are_found(built, planted, message):
    with pytest.raises(BuildError, match=message):
        built(**planted)


def test_what_a_library_prints_does_not_spoil_the_answer(built):
    noisy = "print('hello')\nimport os\nos.write(1, b'noise')\nfrom torch import version\n_C = None\n"
    assert built(**{"torch/__init__.py": noisy, "arch": ""}, plan=Plan(status="ok", device="cpu"))


@pytest.fixture(scope="session")
def compiler():
    found = shutil.which("cc") or shutil.which("gcc")
    if found is None:
        pytest.skip("no C compiler")
    return found


def library(compiler, path, *needs):
    """A shared library that needs others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    argv = [
        compiler,
        "-shared",
        "-fPIC",
        "-x",
        "c",
        "-",
        "-x",
        "none",
        "-o",
        str(path),
        f"-Wl,-soname,{path.name}",
        "-Wl,--no-as-needed",
        *map(str, needs),
    ]
    subprocess.run(argv, input=b"int answer(void) { return 42; }\n", check=True)


def test_a_library_that_needs_the_driver_may_wait(built, compiler, tmp_path):
    library(compiler, tmp_path / "libcuda.so.1")

    def plant(site):
        library(compiler, site / "nvidia/cu/lib/libgood.so.1")
        library(compiler, site / "nvidia/cu/lib/libwaits.so.1", tmp_path / "libcuda.so.1")
        (tmp_path / "libcuda.so.1").unlink()

    assert "1 CUDA libraries open, 1 wait for the driver" in built(after=plant)


def test_a_plug_in_for_what_is_not_here_is_no_fault(built, compiler, tmp_path):
    library(compiler, tmp_path / "libmpi.so.40")

    def plant(site):
        library(compiler, site / "nvidia/nvshmem/lib/nvshmem_bootstrap_mpi.so.3", tmp_path / "libmpi.so.40")
        (tmp_path / "libmpi.so.40").unlink()

    assert "1 optional plug-ins lack a system library" in built(after=plant)


def test_a_library_that_cannot_be_opened_is_named(built, compiler, tmp_path):
    library(compiler, tmp_path / "libelse.so.1")

    def plant(site):
        library(compiler, site / "nvidia/cu/lib/libbad.so.1", tmp_path / "libelse.so.1")
        (tmp_path / "libelse.so.1").unlink()

    with pytest.raises(BuildError, match=r"nvidia/cu/lib/libbad\.so\.1 cannot be opened"):
        built(after=plant)


def test_a_truncated_library_is_named(built):
    def plant(site):
        (site / "torch" / "lib").mkdir()
        (site / "torch" / "lib" / "libtorch_cuda.so").write_bytes(b"\x7fELF")

    with pytest.raises(BuildError, match=r"torch/lib/libtorch_cuda\.so cannot be opened: .*file too short"):
        built(after=plant)


def test_packages_that_do_not_fit_together_are_named(built):
    def plant(site):
        metadata = next(site.glob("torch-*.dist-info")) / "METADATA"
        metadata.write_text(metadata.read_text() + "Requires-Dist: numpy>=3\n")

    with pytest.raises(BuildError, match="`torch` requires `numpy>=3`"):
        built(after=plant)


def test_names_of_builds():
    assert build_variant("12.6", None) == "cu126"
    assert build_variant(None, "7.1.25424") == "rocm7.1"
    assert build_variant(None, None, xpu=True) == "xpu"
    assert build_variant(None, None) == "cpu"


def stack_module(site, name, text):
    (site / name).mkdir()
    (site / name / "__init__.py").write_text(text)


def test_a_stack_is_imported_and_used(built):
    def plant(site):
        stack_module(site, "debugpy", "")
        stack_module(site, "ipykernel", "")
        (site / "ipykernel/kernelspec.py").write_text("def get_kernel_dict():\n    return {}\n")

    assert "used Visual Studio Code notebooks and debugging: one operation each" in built(
        after=plant, extras=["vscode"]
    )


@pytest.mark.parametrize(
    ("module", "text", "message"),
    [
        (None, "", "Visual Studio Code .* does not work in the environment: ModuleNotFoundError: No module named"),
        ("", "raise RuntimeError('cuda mismatch')", "RuntimeError: cuda mismatch"),
        ("", "import os; os.kill(os.getpid(), 11)", "does not survive a look at its Visual Studio Code"),
    ],
    ids=["missing", "raises", "crashes"],
)
def test_a_stack_that_does_not_work_is_named(built, module, text, message):
    def plant(site):
        if module is not None:
            stack_module(site, "debugpy", text)

    with pytest.raises(BuildError, match=message):
        built(after=plant, extras=["vscode"])


def test_a_stack_without_its_framework_is_not_run(built):
    assert not [fact for fact in built(extras=["tf-models"]) if fact.startswith("used")]
