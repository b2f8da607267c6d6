"""CUDA as the system offers it: toolkits, nvcc, cuDNN, and what the loader sees."""

from __future__ import annotations

import re
from posixpath import dirname, join, normpath
from typing import TYPE_CHECKING

from envsetup.model.drivers import Cuda, CudaToolkit, SharedLibrary
from envsetup.model.machine import Machine
from envsetup.probe.loader import version_of

if TYPE_CHECKING:
    from envsetup.model.maybe import Maybe
    from envsetup.probe.look import Look

FOLDER = re.compile(r"cuda(-\d+(\.\d+)*)?")


def probe_cuda(look: Look) -> Machine:
    """Fact `cuda`. No toolkit and no nvcc is a healthy state: wheels bring their own CUDA."""
    libraries = look.loader.visible()
    toolkits = [_toolkit(look, path) for path in _folders(look)]
    return Machine(
        cuda=Cuda(
            toolkits=toolkits,
            nvcc_version=_nvcc(look),
            cudnn=[*(item for item in libraries if item.soname.startswith("libcudnn.")), *_cudnn_in(look, toolkits)],
            libraries=libraries,
            ld_library_path_libraries=look.loader.shadowing(),
        )
    )


def _folders(look: Look) -> list[str]:
    """Toolkits at the usual places and where variables point, each once: /usr/local/cuda is a link to one of them."""
    places = [join("/usr/local", name) for name in look.names("/usr/local") if FOLDER.fullmatch(name)]
    places += ["/opt/cuda", look.variable("CUDA_HOME"), look.variable("CUDA_PATH")]
    real = [look.real_path(normpath(place)) for place in places if place and look.exists(place)]
    return list(dict.fromkeys(real))


def _toolkit(look: Look, path: str) -> CudaToolkit:
    return CudaToolkit(path=path, version=_version(look, path), nvcc=look.exists(join(path, "bin/nvcc")))


def _version(look: Look, path: str) -> Maybe[str]:
    """version.json since CUDA 11.1, version.txt before, else the folder's name."""
    found = (
        re.search(r'"cuda"\s*:\s*\{[^}]*"version"\s*:\s*"([\d.]+)"', look.text(join(path, "version.json")))
        or re.search(r"CUDA Version ([\d.]+)", look.text(join(path, "version.txt")))
        or re.search(r"cuda-(\d+\.\d+[\d.]*)$", path)
    )
    return found[1] if found else look.unknown("cuda.toolkits.version", f"{path} holds no version.json or version.txt")


def _nvcc(look: Look) -> Maybe[str | None]:
    """Version of the nvcc on PATH, from the files of its toolkit; a wrapper or a distribution's nvcc must be asked."""
    nvcc = look.world.which("nvcc")
    if nvcc is None:
        return None
    version = _version(look, dirname(dirname(look.real_path(nvcc))))
    look.reasons.pop("cuda.toolkits.version", None)
    if isinstance(version, str):
        return version
    answer = look.run("nvcc", "--version")
    found = re.search(r"release [\d.]+, V([\d.]+)", answer.stdout)
    if found:
        return found[1]
    why = "gave no answer in time" if answer.timed_out else "does not tell its version"
    return look.unknown("cuda.nvcc_version", f"{nvcc} {why}, and belongs to no toolkit with a version file")


def _cudnn_in(look: Look, toolkits: list[CudaToolkit]) -> list[SharedLibrary]:
    """Copies of cuDNN inside a toolkit: builds find it there, the loader only by LD_LIBRARY_PATH."""
    folders = [join(toolkit.path, name) for toolkit in toolkits for name in ("lib64", "lib")]
    return [
        SharedLibrary(soname=name, path=join(folder, name), version=version_of(look.real_path(join(folder, name))))
        for folder in dict.fromkeys(map(look.real_path, folders))
        for name in look.names(folder)
        if re.fullmatch(r"libcudnn\.so\.\d+", name)
    ]
