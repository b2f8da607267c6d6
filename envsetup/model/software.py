"""Python interpreters and environments, as read from their files without running them."""

from __future__ import annotations

from typing import Optional

from envsetup.model.hardware import Fact
from envsetup.model.maybe import UNKNOWN, Maybe


class Python(Fact, frozen=True, kw_only=True):
    """An interpreter. `version` is X.Y or X.Y.Z."""

    version: Maybe[str] = UNKNOWN
    free_threaded: Maybe[bool] = UNKNOWN
    implementation: Maybe[str] = UNKNOWN
    executable: Maybe[str] = UNKNOWN
    bits: Maybe[int] = UNKNOWN
    arch: Maybe[str] = UNKNOWN


class Framework(Fact, frozen=True, kw_only=True):
    """A framework build found in an environment, read statically (`torch/version.py`, file names), never imported."""

    name: str  # torch, tensorflow, jax
    version: Maybe[str] = UNKNOWN  # public version, e.g. 2.14.1
    variant: Maybe[Optional[str]] = UNKNOWN  # cu126, cu130, rocm7.1, xpu, cpu; None for builds without variants
    cuda: Maybe[Optional[str]] = UNKNOWN  # CUDA it was built with, e.g. 12.6; None for a build without CUDA
    hip: Maybe[Optional[str]] = UNKNOWN
    cudnn: Maybe[Optional[str]] = UNKNOWN
    arch_list: Maybe[list[str]] = UNKNOWN  # e.g. sm_75, sm_80, compute_90 (PTX)
    path: Maybe[str] = UNKNOWN
    source: Maybe[str] = UNKNOWN  # which file said so
    cuda_available: Maybe[bool] = UNKNOWN  # as reported by the framework itself (text or deep mode only)


class BundledLibrary(Fact, frozen=True, kw_only=True):
    """A CUDA library that a wheel brought (nvidia/*/lib/*.so*, torch/lib)."""

    soname: str
    package: Maybe[str] = UNKNOWN
    path: Maybe[str] = UNKNOWN


class Kernelspec(Fact, frozen=True, kw_only=True):
    """A notebook kernel. `where`: environment, user. `exists` is whether its program is there, for an absolute path."""

    name: str
    where: str
    program: Maybe[str] = UNKNOWN
    exists: Maybe[bool] = UNKNOWN


class Environment(Fact, frozen=True, kw_only=True):
    """A Python environment. kind: venv, conda, system, unknown. `packages` maps normalised name to version."""

    kind: str
    path: Maybe[str] = UNKNOWN
    python: Maybe[Python] = UNKNOWN
    base: Maybe[Optional[str]] = UNKNOWN  # pyvenv.cfg home
    site_packages: Maybe[list[str]] = UNKNOWN
    include_system_site: Maybe[bool] = UNKNOWN
    packages: Maybe[dict[str, str]] = UNKNOWN
    conda_packages: Maybe[dict[str, str]] = UNKNOWN  # name to "version build"
    requires: Maybe[dict[str, list[str]]] = UNKNOWN  # Requires-Dist of the packages that checks judge
    frameworks: Maybe[list[Framework]] = UNKNOWN
    bundled: Maybe[list[BundledLibrary]] = UNKNOWN
    installer: Maybe[dict[str, str]] = UNKNOWN  # name to pip, uv, conda
    duplicates: Maybe[dict[str, list[str]]] = UNKNOWN  # name to the versions found more than once
    kernelspecs: Maybe[list[Kernelspec]] = UNKNOWN
    user_packages: Maybe[dict[str, str]] = UNKNOWN  # conda: those of ~/.local that Python imports before its own
    externally_managed: Maybe[bool] = UNKNOWN  # the distribution forbids pip here (PEP 668)
    problems: Maybe[list[str]] = UNKNOWN  # what is broken about it, one plain clause each
    created_by_envsetup: Maybe[bool] = UNKNOWN
