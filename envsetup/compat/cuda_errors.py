"""What the errors of CUDA's first call speak for."""

from __future__ import annotations

from functools import lru_cache

from envsetup.compat.tables import Row, Table, load


class CudaError(Row, frozen=True, kw_only=True):
    """One number; `code` is a failure mode of the doctor, `certain` whether the number means only that."""

    number: int
    name: str
    code: str
    certain: bool


class CudaErrorTable(Table, frozen=True, kw_only=True):
    """cuda_errors.json."""

    rows: list[CudaError]


@lru_cache(maxsize=1)
def table() -> CudaErrorTable:
    """All numbers."""
    return load("cuda_errors.json", CudaErrorTable)


def row(number: int) -> CudaError | None:
    """What an error number means, or None when it names no failure mode."""
    return next((entry for entry in table().rows if entry.number == number), None)


def cite(entry: CudaError) -> str:
    """Source and date of a row of this table."""
    return table().cite(entry.source)
