"""What the files of installed frameworks say, in the forms that their builders write."""

from __future__ import annotations

import pytest

from envsetup.model.maybe import UNKNOWN
from envsetup.probe.collect import probe
from envsetup.probe.distributions import EGG, FOLDER, normalise
from envsetup.world.live import LiveWorld


@pytest.fixture
def found(tmp_path):
    """The environment that holds these files in site-packages."""

    def make(files):
        site = tmp_path / "env" / "lib" / "python3.12" / "site-packages"
        (tmp_path / "env" / "bin").mkdir(parents=True)
        (tmp_path / "env" / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.12.1\n")
        for name, text in files.items():
            path = site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return probe(LiveWorld(), env=str(tmp_path / "env")).environment

    return make


@pytest.mark.parametrize(
    ("text", "version", "variant", "cuda"),
    [
        ("__version__ = '2.13.0+cpu'\ncuda: Optional[str] = None\nhip: Optional[str] = None\n", "2.13.0", "cpu", None),
        (
            "__version__ = '2.14.1+cu130'\ncuda: Optional[str] = '13.0'\nhip: Optional[str] = None\n",
            "2.14.1",
            "cu130",
            "13.0",
        ),
        ("__version__ = '1.13.1'\ndebug = False\ncuda = '11.7'\nhip = None\n", "1.13.1", "cu117", "11.7"),
        ("__version__ = '2.6.0a0+ecf3bae40a.nv25.01'\ncuda: Optional[str] = '12.8'\n", "2.6.0a0", "cu128", "12.8"),
        (
            "__version__ = '2.9.1+rocm6.4'\ncuda: Optional[str] = None\nhip: Optional[str] = '6.4.43482-0f2d60242'\n",
            "2.9.1",
            "rocm6.4",
            None,
        ),
        (
            "__version__ = '2.9.0'\ncuda: Optional[str] = None\nhip: Optional[str] = '6.4.43482'\n",
            "2.9.0",
            "rocm6.4",
            None,
        ),
        (
            "__version__ = '2.8.0+xpu'\ncuda: Optional[str] = None\nxpu: Optional[str] = '20250101'\n",
            "2.8.0",
            "xpu",
            None,
        ),
        (
            "__version__ = '2.8.0'\ncuda: Optional[str] = None\nhip: Optional[str] = None\nxpu: Optional[str] = None\n",
            "2.8.0",
            "cpu",
            None,
        ),
    ],
)
def test_torch_by_its_version_file(found, text, version, variant, cuda):
    [torch] = found({"torch/version.py": text}).frameworks
    assert (torch.name, torch.version, torch.variant, torch.cuda) == ("torch", version, variant, cuda)


def test_torch_without_its_version_file_has_no_guessed_variant(found):
    [torch] = found({"torch-2.9.1.dist-info/METADATA": "Name: torch\nVersion: 2.9.1\n"}).frameworks
    assert torch.version == "2.9.1"
    assert torch.variant is UNKNOWN
    assert torch.cuda is UNKNOWN


PAIRS = (
    "build_info = collections.OrderedDict([('cuda_compute_capabilities', ['sm_60', 'compute_90']), "
    "('cuda_version', '12.5.1'), ('cudnn_version', '9'), ('is_cuda_build', True), ('is_rocm_build', False)])\n"
)
CPU = "build_info = collections.OrderedDict([('is_cuda_build', False), ('is_rocm_build', False)])\n"


@pytest.mark.parametrize(
    ("text", "variant", "cuda", "cudnn"), [(PAIRS, "cu125", "12.5.1", "9"), (CPU, "cpu", None, None)]
)
def test_tensorflow_by_its_build_file(found, text, variant, cuda, cudnn):
    files = {
        "tensorflow/python/platform/build_info.py": text,
        "tensorflow-2.19.0.dist-info/METADATA": "Name: tensorflow\n",
    }
    [tensorflow] = found(files).frameworks
    assert (tensorflow.version, tensorflow.variant, tensorflow.cuda) == ("2.19.0", variant, cuda)
    assert tensorflow.cudnn == cudnn
    assert tensorflow.arch_list in (["sm_60", "compute_90"], UNKNOWN)


@pytest.mark.parametrize(
    ("plugin", "variant", "cuda"),
    [("jax_cuda13_plugin", "cuda13", "13"), ("jax_rocm7_plugin", "rocm7", None), ("x", "cpu", None)],
)
def test_jax_by_its_plugin(found, plugin, variant, cuda):
    files = {f"{name}-0.9.0.dist-info/METADATA": "" for name in ("jax", "jaxlib", plugin)}
    [jax] = found(files).frameworks
    assert (jax.name, jax.version, jax.variant, jax.cuda) == ("jax", "0.9.0", variant, cuda)


def test_libraries_that_wheels_bring_old_layout_and_new(found):
    names = {
        "nvidia/cublas/lib/libcublas.so.12",
        "nvidia/cu13/lib/libcudart.so.13",
        "nvidia/__init__.py",
        "torch/lib/libcudnn_ops-3f.so.9",
        "torch/lib/libtorch.so",
    }
    bundled = found(dict.fromkeys(names, "")).bundled
    assert {(library.soname, library.package) for library in bundled} == {
        ("libcublas.so.12", "nvidia/cublas"),
        ("libcudart.so.13", "nvidia/cu13"),
        ("libcudnn_ops-3f.so.9", "torch"),
    }


@pytest.mark.parametrize(
    ("entry", "name", "version"),
    [
        ("torch-2.14.1+cu130.dist-info", "torch", "2.14.1+cu130"),
        ("nvidia_cublas_cu12-12.4.5.8.dist-info", "nvidia-cublas-cu12", "12.4.5.8"),
        ("ruamel.yaml-0.18.6.dist-info", "ruamel-yaml", "0.18.6"),
        ("foo-bar-1.0.dist-info", "foo-bar", "1.0"),
        ("x2-1!2.0.dist-info", "x2", "1!2.0"),
        ("six-1.16.0.egg-info", "six", "1.16.0"),
        ("PyYAML-5.3.1-py3.8.egg-info", "pyyaml", "5.3.1"),
    ],
)
def test_names_and_versions_of_folders(entry, name, version):
    match = FOLDER.fullmatch(entry) or EGG.fullmatch(entry)
    assert (normalise(match["name"]), match["version"]) == (name, version)
