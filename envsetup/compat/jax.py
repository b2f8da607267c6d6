"""JAX: one pure package, and a plug-in per CUDA major that brings the GPU."""

from __future__ import annotations

from functools import lru_cache
from typing import Optional

from envsetup.compat.tables import CpuNeed, Row, Table, load


class Release(Row, frozen=True, kw_only=True):
    """One release. `python`: platform ("linux-x86_64") to Pythons; `plugins`: newest CUDA first; `doubt`: a source."""

    version: str
    python: dict[str, str]
    glibc: str
    plugins: list[str]
    doubt: Optional[str] = None


class Plugin(Row, frozen=True, kw_only=True):
    """A CUDA plug-in (cuda12, cuda13): its floors, its kernels' architectures, the cuDNN to hold."""

    name: str
    cuda: str
    driver: str
    min_cc: str
    archs: str
    archs_source: str
    cudnn: Optional[str] = None
    cudnn_last: Optional[str] = None
    cudnn_below_cc: Optional[str] = None
    cudnn_source: Optional[str] = None


class Platform(Row, frozen=True, kw_only=True):
    """Whether a platform's wheels use a GPU."""

    gpu: bool


class JaxTable(Table, frozen=True, kw_only=True):
    """jax.json; releases newest first."""

    plugins: list[Plugin]
    platforms: dict[str, Platform]
    cpu: CpuNeed
    releases: list[Release]


@lru_cache(maxsize=1)
def table() -> JaxTable:
    """The releases and plug-ins."""
    return load("jax.json", JaxTable)


def releases() -> list[Release]:
    """Every release, newest first."""
    return table().releases


def release(version: str) -> Release | None:
    """The release of a version, or None when it is not in the table."""
    return next((row for row in releases() if row.version == version), None)


def plugin(name: str) -> Plugin | None:
    """A plug-in by name (cuda12, cuda13)."""
    return next((row for row in table().plugins if row.name == name), None)


def platform(os: str, arch: str) -> Platform | None:
    """What JAX has for a platform, or None when it has nothing."""
    return table().platforms.get(f"{os}-{arch}")


def pythons(row: Release, os: str, arch: str) -> list[str]:
    """The Pythons with wheels of a release ("3.12", "3.13t"), those without the GIL last."""
    return row.python.get(f"{os}-{arch}", "").split()


def cite(source: str | None) -> str:
    """A source of this table with its date."""
    return table().cite(source)
