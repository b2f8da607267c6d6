"""What is known about releases before those of torch.json, and the first releases for NumPy 2."""

from __future__ import annotations

import re
from functools import lru_cache

from envsetup.compat.tables import Row, Table, key, load

_UNRELEASED = re.compile(r"\d(?:a|b|rc|\.dev)\d")


class OldTorch(Row, frozen=True, kw_only=True):
    """A minor release of PyTorch, the torchvision minor built for it, and the CUDA of its default Linux wheel."""

    torch: str
    torchvision: str
    cuda: str


class OldCuda(Row, frozen=True, kw_only=True):
    """The oldest driver of a CUDA toolkit from before minor-version compatibility."""

    cuda: str
    linux: str
    windows: str


class Numpy2(Row, frozen=True, kw_only=True):
    """The first release of a package that works with NumPy 2 on an operating system."""

    package: str
    os: str
    first: str


class ToolkitLast(Row, frozen=True, kw_only=True):
    """The newest compute capability that CUDA toolkits from this version on compile for."""

    cuda: str
    cc: str


class CudnnSplit(Row, frozen=True, kw_only=True):
    """A cuDNN of wheels that takes a part of a newer cuDNN which the loader shows it."""

    packages: list[str]
    bundled: str
    other_from: str


class OlderTable(Table, frozen=True, kw_only=True):
    """older.json."""

    torch: list[OldTorch]
    cuda: list[OldCuda]
    numpy2: list[Numpy2]
    toolkit_last_cc: list[ToolkitLast]
    cudnn_split: CudnnSplit


@lru_cache(maxsize=1)
def table() -> OlderTable:
    """The older releases."""
    return load("older.json", OlderTable)


def cudnn_split() -> CudnnSplit:
    """The one release that is known for it."""
    return table().cudnn_split


def old_torch(version: str) -> OldTorch | None:
    """The row of a PyTorch release before 1.12, by its minor ("1.4.0" is "1.4"); None for newer ones and own builds."""
    if _UNRELEASED.search(version):
        return None
    return next((row for row in table().torch if key(row.torch) == key(version)[:2]), None)


def old_cuda(cuda: str) -> OldCuda | None:
    """The row of a CUDA version before 11 ("10.1.243" is "10.1"), or None for newer ones."""
    return next((row for row in table().cuda if key(row.cuda) == key(cuda)[:2]), None)


def first_for_numpy2(package: str, os: str) -> Numpy2 | None:
    """The first release of torch or tensorflow for NumPy 2, or None for other packages."""
    return next((row for row in table().numpy2 if (row.package, row.os) == (package, os)), None)


def toolkit_last_cc(cuda: str) -> ToolkitLast | None:
    """The newest compute capability that a CUDA version compiles for, or None for one older than the table."""
    rows = [row for row in table().toolkit_last_cc if key(row.cuda) <= key(cuda)[:2]]
    return max(rows, key=lambda row: key(row.cuda), default=None)


def cite(source: str) -> str:
    """A source of this table with its date."""
    return table().cite(source)
