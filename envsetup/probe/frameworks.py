"""Framework builds in an environment, from their own files read as text.

The architectures that a PyTorch build was compiled for are not among them: they stand only inside a library of
some 25 MB, and are known from a table by version and variant.
"""

from __future__ import annotations

import re
from posixpath import join
from typing import TYPE_CHECKING

from envsetup.model.maybe import UNKNOWN, Maybe
from envsetup.model.software import BundledLibrary, Framework
from envsetup.probe.watch import watch

if TYPE_CHECKING:
    from envsetup.probe.look import Look

TENSORFLOW = ("tensorflow", "tensorflow-cpu", "tensorflow-rocm", "tensorflow-intel")
LIBRARY = re.compile(r"(lib[A-Za-z-]+)[\w.-]*?\.so[\d.]*")


def frameworks(look: Look, folders: list[str], packages: dict[str, str]) -> list[Framework]:
    """The frameworks found, each with what its files say."""
    found = [_torch(look, folders, packages), _tensorflow(look, folders, packages), _jax(look, folders, packages)]
    return [framework for framework in found if framework is not None]


def _file(look: Look, folders: list[str], name: str) -> tuple[str, str]:
    """Path and text of the first such file on the import path, both empty when there is none."""
    return next(((join(folder, name), text) for folder in folders if (text := look.text(join(folder, name)))), ("", ""))


def _torch(look: Look, folders: list[str], packages: dict[str, str]) -> Framework | None:
    path, text = _file(look, folders, "torch/version.py")
    if not text and "torch" not in packages:
        return None
    values = dict(re.findall(r"^(\w+)(?::[^=\n]+)?\s*=\s*'([^']*)'", text, re.MULTILINE))
    text = text if "__version__" in text else ""  # a file cut off or overwritten tells nothing
    public, _, local = (values.get("__version__") or packages.get("torch") or "").partition("+")
    cuda, hip = values.get("cuda"), values.get("hip")
    return Framework(
        name="torch",
        version=public or UNKNOWN,
        variant=_torch_variant(look, text, local, values),
        cuda=cuda if text else UNKNOWN,
        hip=hip if text else UNKNOWN,
        cudnn=_cudnn(packages, cuda),
        path=path.rsplit("/", 1)[0] or UNKNOWN,
        source=path or "dist-info",
    )


def unreadable(look: Look, folders: list[str]) -> list[str]:
    """PyTorch's own version file without a version, each one plain clause: such an installation cannot be imported."""
    paths = [path for folder in folders if look.exists(path := join(folder, "torch/version.py"))]
    return [f"{path} states no version" for path in paths[:1] if "__version__" not in look.text(path)]


def _torch_variant(look: Look, text: str, local: str, values: dict[str, str]) -> Maybe[str | None]:
    """The local version where there is one; else what the build says of itself: wheels of an index may omit it."""
    tag = re.match(r"(cpu|cu\d+|rocm[\d.]+|xpu)", local)
    if tag:
        return tag[1].rstrip(".")
    if not text:
        return look.unknown("environment.frameworks.torch.variant", "torch/version.py is missing or states no version")
    if values.get("cuda"):
        return "cu" + "".join(values["cuda"].split(".")[:2])
    rocm = values.get("rocm") or values.get("hip")
    if rocm:
        return "rocm" + ".".join(rocm.split(".")[:2])
    if values.get("xpu"):
        return "xpu"
    return None if look.system("platform") == "darwin" else "cpu"


def _cudnn(packages: dict[str, str], cuda: str | None) -> Maybe[str | None]:
    """The cuDNN wheel beside it; a build that carries cuDNN inside does not tell."""
    versions = [version for name, version in packages.items() if re.fullmatch(r"nvidia-cudnn-cu\d+", name)]
    if versions:
        return versions[0]
    return UNKNOWN if cuda else None


def _tensorflow(look: Look, folders: list[str], packages: dict[str, str]) -> Framework | None:
    # The file holds an OrderedDict of pairs; some builders write a plain dictionary.
    name = next((name for name in TENSORFLOW if name in packages), None)
    path, text = _file(look, folders, "tensorflow/python/platform/build_info.py")
    if name is None and not text:
        return None
    values = dict(re.findall(r"['\"](\w+)['\"]\s*[:,]\s*(\[[^\]]*\]|'[^']*'|\"[^\"]*\"|\w+)", text))
    cuda, rocm = values.get("is_cuda_build") == "True", values.get("is_rocm_build") == "True"
    return Framework(
        name="tensorflow",
        version=packages[name] if name else UNKNOWN,
        variant=_tensorflow_variant(text, values, cuda=cuda, rocm=rocm),
        cuda=(_plain(values.get("cuda_version")) if cuda else None) if text else UNKNOWN,
        hip=(_plain(values.get("rocm_version")) if rocm else None) if text else UNKNOWN,
        cudnn=(_plain(values.get("cudnn_version")) if cuda else None) if text else UNKNOWN,
        arch_list=re.findall(r"(?:sm|compute)_\d+[a-z]?", values.get("cuda_compute_capabilities", "")) or UNKNOWN,
        path=join(path.split("/tensorflow/")[0], "tensorflow") if path else UNKNOWN,
        source=path or "dist-info",
    )


def _tensorflow_variant(text: str, values: dict[str, str], *, cuda: bool, rocm: bool) -> Maybe[str | None]:
    if not text:
        return UNKNOWN
    if cuda:
        return "cu" + "".join(str(_plain(values.get("cuda_version")) or "").split(".")[:2])
    return "rocm" if rocm else "cpu"


def _plain(value: str | None) -> Maybe[str | None]:
    return value.strip("'\"") or UNKNOWN if value else UNKNOWN


def _jax(look: Look, folders: list[str], packages: dict[str, str]) -> Framework | None:
    """JAX is a CPU build that plugins extend: jax-cuda12-plugin, jax-cuda13-plugin, jax-rocm7-plugin."""
    if "jax" not in packages and "jaxlib" not in packages:
        return None
    plugins = [found for found in (re.fullmatch(r"jax-(cuda|rocm)(\d+)-plugin", name) for name in packages) if found]
    kind, major = (plugins[0][1], plugins[0][2]) if plugins else ("", "")
    path = next((folder for folder in folders if look.exists(join(folder, "jax"))), "")
    return Framework(
        name="jax",
        version=packages.get("jax") or packages["jaxlib"],
        variant=f"{kind}{major}" or "cpu",
        cuda=major if kind == "cuda" else None,
        hip=major if kind == "rocm" else None,
        cudnn=_cudnn(packages, major if kind == "cuda" else None),
        path=join(path, "jax") if path else UNKNOWN,
        source="dist-info",
    )


def bundled_libraries(look: Look, folders: list[str]) -> list[BundledLibrary]:
    """The CUDA libraries that wheels brought: nvidia/*/lib, since CUDA 13 nvidia/cu13/lib, and torch/lib."""
    prefixes = frozenset(watch().bundled)
    places = [
        (join(folder, "nvidia", name, "lib"), f"nvidia/{name}")
        for folder in folders
        for name in look.names(join(folder, "nvidia"))
        if not name.endswith(".py")
    ]
    places += [(join(folder, "torch", "lib"), "torch") for folder in folders]
    return [
        BundledLibrary(soname=name, package=package, path=join(place, name))
        for place, package in places
        for name in look.names(place)
        if (found := LIBRARY.fullmatch(name)) and found[1] in prefixes
    ]
