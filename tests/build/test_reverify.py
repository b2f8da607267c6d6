"""`envsetup verify` and `envsetup diff`: each fault is planted in a real environment and must be named."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
import uv

from envsetup.build import consistent
from envsetup.build.life.reverify import verify_path
from envsetup.build.verify import Cudnn

pytestmark = pytest.mark.build


@pytest.fixture
def made(box):
    """A created environment; a call runs a command on it, whose JSON (or None) and exit code come back."""
    assert box.create("env", "--framework", "pytorch", "--cpu").returncode == 0

    def run(command, *args, **env):
        argv = [sys.executable, "-m", "envsetup", command, *args]
        return subprocess.run(
            argv, check=False, capture_output=True, text=True, cwd=box.folder, env=box.env | env, timeout=120
        )

    run.env = box.folder / "env"
    run.site = next(run.env.glob("lib/python*/site-packages"))
    return run


def verified(made, *args, **env):
    done = made("verify", *(args or ("env",)), "--json", **env)
    report = json.loads(done.stdout)
    assert report["schema"] == "envsetup.verify/1"
    assert done.stderr == ""
    return done.returncode, report["verdict"], {c["id"]: (c["status"], c["reason"]) for c in report["checks"]}


def test_what_was_made_is_what_is_there(made):
    code, verdict, checks = verified(made)
    assert (code, verdict) == (0, "pass")
    assert checks["lock"] == ("PASS", "3 packages as locked")
    assert checks["files"][1].endswith("files as installed")
    assert checks["requirements"] == ("PASS", "every requirement is met")
    assert checks["imports"][0] == checks["build"][0] == "PASS"
    assert checks["gpus"] == ("SKIP", "it was made for cpu")
    same = made("diff", "env")
    assert (same.returncode, same.stdout) == (0, f"no difference: {made.env} is as locked\n")
    told = made("verify", "env")
    assert told.stdout.startswith(f"pass: {made.env} is as it was made: PyTorch 2.13.0+cpu\n")


def append(path, text):
    path.write_text(path.read_text() + text)


def pip(made, *args):
    argv = [uv.find_uv_bin(), "pip", *args, "-q", "--python", str(made.env / "bin/python")]
    subprocess.run(argv, check=True)


PLANTED = {
    "edited": (lambda m: append(m.site / "tiny/__init__.py", "#\n"), "files", "tiny/__init__.py was changed"),
    "deleted": (lambda m: (m.site / "tiny/data.txt").unlink(), "files", "tiny/data.txt is missing"),
    "record": (
        lambda m: append(next(m.site.glob("tiny-*")) / "RECORD", "x,,\n"),
        "files",
        "RECORD of tiny was changed",
    ),
    "gone": (lambda m: pip(m, "uninstall", "tiny"), "lock", "tiny is in the lock but not installed"),
    "needed": (lambda m: pip(m, "uninstall", "tiny"), "requirements", "torch requires tiny, which is not installed"),
    "lock": (
        lambda m: append(m.env / "requirements.lock", f"x==1 --hash=sha256:{64 * '0'}\n"),
        "lock",
        "is not the one",
    ),
    "import": (lambda m: append(m.site / "torch/__init__.py", "1/0\n"), "imports", "torch cannot be imported: ZeroDiv"),
    "crash": (lambda m: append(m.site / "torch/__init__.py", "import os; os.abort()\n"), "imports", "signal 6"),
    "build": (lambda m: append(m.site / "torch/version.py", "cuda = '12.6'\n"), "build", "torch is the cu126 build"),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_fault_is_named(made, planted):
    plant, check, said = PLANTED[planted]
    plant(made)
    code, verdict, checks = verified(made)
    assert (code, verdict) == (1, "fail")
    assert checks[check][0] == "FAIL"
    assert said in checks[check][1]


def test_another_version_is_named_by_both(made, wheel_maker, tmp_path):
    wheel_maker.wheel(tmp_path / "new", "numpy", "2.4.1")
    wheel_maker.wheel(tmp_path / "new", "mine", "1.0")
    pip(made, "install", "numpy==2.4.1", "mine", "--no-index", "--find-links", str(tmp_path / "new"))
    (made.env / "notes.txt").write_text("mine")
    append(made.env / "ACTIVATE.txt", "mine\n")
    _, _, checks = verified(made)
    assert "numpy is 2.4.1, the lock says 2.4.0" in checks["lock"][1]
    done = made("diff", "env")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "+ mine 1.0",
        "~ numpy 2.4.0 -> 2.4.1",
        "! ACTIVATE.txt: edited",
        "files of your own: 1 (notes.txt)",
    ]
    told = json.loads(made("diff", "env", "--json").stdout)
    assert told["schema"] == "envsetup.drift/1"
    assert told["changed"] == {"numpy": {"locked": "2.4.0", "installed": "2.4.1"}}
    assert (made("diff", "env", "-q").stdout, told["own"]) == ("", ["notes.txt"])


def test_no_interpreter_is_a_fault(made):
    for name in ("python", "python3"):
        (made.env / "bin" / name).unlink()
    code, verdict, checks = verified(made)
    assert (code, verdict) == (1, "fail")
    assert "cannot be started" in checks["imports"][1]


def test_what_envsetup_did_not_make_is_no_case_for_it(made, tmp_path):
    subprocess.run([uv.find_uv_bin(), "venv", "-q", str(tmp_path / "mine")], check=True)
    for command in ("verify", "diff"):
        other = made(command, str(tmp_path / "mine"))
        assert (other.returncode, other.stdout) == (2, "")
        assert "was not made by envsetup" in other.stderr
        assert made(command, "./nowhere").returncode == 2
    (made.env / "envsetup.json").write_text('{"schema": 3}')
    done = made("verify", "env")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "envsetup.json: " in done.stderr


def test_an_image_without_an_engine_is_undecided(made):
    done = made("verify", "localhost/nothing:1", PATH=str(made.env))
    assert done.returncode == 3
    assert "none answers: docker: not installed" in done.stderr


GPU = {"local": "cu126", "cuda": "12.6", "requires": ()}


@pytest.mark.parametrize(
    ("archs", "present", "status", "said"),
    [
        ("sm_80 sm_86 sm_90", ["8.6"], "PASS", "covers 8.6, 8.9"),
        ("sm_80 sm_86 sm_90", ["12.0"], "FAIL", "no code for compute capability 12.0"),
        ("sm_90", [], "FAIL", "no code for compute capability 8.9"),
        ("", ["8.9"], "ERROR", "does not say"),
    ],
)
def test_gpus_planned_and_present(  # noqa: PLR0917 - fixtures and parameters
    box, wheel_maker, tmp_path, archs, present, status, said
):
    wheel_maker.torch(tmp_path / "gpu", arch="sm_89", **GPU)
    wheel_maker.wheel(tmp_path / "gpu", "numpy", "2.4.0")
    machine = {
        "os": {"system": "linux"}, "arch": "x86_64", "libc": {"name": "glibc", "version": "2.36"},
        "driver": {"nvidia": "580.65.06"}, "gpus": [{"vendor": "nvidia", "name": "L4", "compute_capability": "8.9"}],
    }  # fmt: skip
    (box.folder / "m.json").write_text(json.dumps(machine))
    args = ("--framework", "pytorch", "--gpu", "--machine", "m.json", "--python", sys.executable)
    done = box.create("env", *args, PIP_FIND_LINKS=str(tmp_path / "gpu"))
    assert done.returncode == 0, done.stdout + done.stderr
    env = box.folder / "env"
    module = next(env.glob("lib/python*/site-packages/torch/__init__.py"))
    shutil.rmtree(module.parent / "__pycache__")  # of the same second and size it would count
    module.write_text(module.read_text().replace("'sm_89'", repr(archs)))
    report = verify_path(env, present, lambda: None)
    gpus = next(check for check in report.checks if check.id == "gpus")
    assert (gpus.status, said in gpus.reason) == (status, True), gpus


@pytest.mark.parametrize(
    ("built", "found", "fault"),
    [
        ("9.10.2", "9.20.0", None),
        ("9.10.2", "9.10.1", None),
        ("9.10.2", "9.5.1", "built against cuDNN 9.10.2, found is 9.5.1"),
        ("8.9.2", "9.1.0", "built against cuDNN 8.9.2, found is 9.1.0"),
        ("9", "9.28.0", None),
        (None, "9.28.0", None),
    ],
)
def test_cudnn_built_against_and_found(built, found, fault):
    assert Cudnn(built, found).fault == fault


def test_the_cudnn_that_the_wheels_brought_is_asked(made):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    folder = made.site / "nvidia/cudnn/lib"
    folder.mkdir(parents=True)
    source = "unsigned long cudnnGetVersion(void) { return 90501; }"
    argv = [compiler, "-shared", "-fPIC", "-x", "c", "-", "-o", str(folder / "libcudnn.so.9")]
    subprocess.run(argv, input=source, text=True, check=True)
    init = made.site / "torch/__init__.py"
    line = "class _cudnn:\n        getCompileVersion = staticmethod(lambda: (9, 10, 2))\n"
    init.write_text(init.read_text().replace("class _C:\n", f"class _C:\n    {line}        getRuntimeVersion = None\n"))
    _, _, checks = verified(made)
    assert checks["cudnn"] == ("FAIL", "built against cuDNN 9.10.2, found is 9.5.1")


def test_requirements_count_markers_and_extras():
    def faults(*requires, **packages):
        there = {name: consistent.Distribution(version, []) for name, version in packages.items()}
        answer = consistent.Requires(
            there | {"x": consistent.Distribution("1", list(requires))}, {"sys_platform": "linux"}
        )
        return list(consistent.faults(answer))

    assert faults("a>=2", a="2.0+cpu") == []
    assert faults("A_b>=2", **{"a-b": "1"}) == ["x requires A_b>=2, installed is 1"]
    assert faults("a; sys_platform == 'win32'", "b; extra == 'dev'", "not a requirement !") == []
    assert faults("a") == ["x requires a, which is not installed"]
