"""TensorFlow's builds: one wheel per platform, with the CUDA, cuDNN and architectures it was built for."""

from __future__ import annotations

from functools import lru_cache
from typing import Optional

import msgspec

from envsetup.compat.tables import CpuNeed, Row, Table, key, load


class Release(Row, frozen=True, kw_only=True):
    """One release. `python`: platform ("linux-x86_64") to Pythons; `archs` of Linux; ranges from METADATA."""

    version: str
    date: str
    python: dict[str, str]
    glibc: str
    cuda: str
    cudnn: str
    archs: str
    and_cuda: bool
    cudnn_pin: Optional[str]
    windows_gpu: bool
    numpy: str
    protobuf: str


class Aarch64(Row, frozen=True, kw_only=True):
    """Whether aarch64 wheels use a GPU."""

    gpu: bool
    text: str


class Windows(Row, frozen=True, kw_only=True):
    """The last release that uses a GPU on native Windows."""

    last_gpu: str
    text: str


class Ptx(Row, frozen=True, kw_only=True):
    """Compute capability majors on which the wheel's PTX does not work."""

    broken_cc_major: list[int]
    text: str


class Cudnn(Row, frozen=True, kw_only=True):
    """The last cuDNN with code for GPUs below a compute capability."""

    package: str
    last: str
    below_cc: str
    text: str


class Metal(Row, frozen=True, kw_only=True):
    """Apple's plug-in and what it goes with."""

    tensorflow_below: str
    package: str
    version: str
    python: str
    text: str


class SystemCuda(Row, frozen=True, kw_only=True):
    """The last minor release that brings no CUDA libraries."""

    until: str
    text: str


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for several releases."""

    aarch64: Aarch64
    windows: Windows
    ptx: Ptx
    cudnn: Cudnn
    system_cuda: SystemCuda
    cpu: CpuNeed
    metal: Metal


class TensorflowTable(Table, frozen=True, kw_only=True):
    """tensorflow.json; releases newest first."""

    rules: Rules
    releases: list[Release]


@lru_cache(maxsize=1)
def table() -> TensorflowTable:
    """The releases."""
    return load("tensorflow.json", TensorflowTable)


def releases() -> list[Release]:
    """Every release, newest first."""
    return table().releases


def release(version: str) -> Release | None:
    """The release of a version; of one that the table has not, such as 2.16 or 2.16.0rc1, the newest of its minor."""
    minor = key(version)[:2]
    exact = next((row for row in releases() if row.version == version), None)
    return exact or next((row for row in releases() if version and key(row.version)[:2] == minor), None)


def pythons(version: str, os: str, arch: str) -> list[str]:
    """The Python versions with a wheel, ascending."""
    row = release(version)
    return row.python.get(f"{os}-{arch}", "").split() if row else []


def uses_gpu(version: str, os: str, arch: str) -> bool:
    """Whether this release's wheel uses a CUDA GPU there (macOS never: see `table().rules.metal`)."""
    row = release(version)
    if row is None or arch != "x86_64":
        return False
    return os == "linux" or (os == "windows" and row.windows_gpu)


def needs_cudnn_pin(version: str, cc: str) -> Cudnn | None:
    """The cuDNN to hold when this release lets cuDNN float and the GPU is older than newer cuDNN supports."""
    row, rule = release(version), table().rules.cudnn
    floats = row is not None and row.cudnn_pin is not None and "==" not in row.cudnn_pin
    return rule if floats and key(cc) < key(rule.below_cc) else None


def cite(source: str | None) -> str:
    """A source of this table with its date."""
    return table().cite(source)
