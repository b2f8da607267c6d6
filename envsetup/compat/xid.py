"""NVIDIA's Xid numbers and the failure modes that they speak for."""

from __future__ import annotations

from functools import lru_cache

from envsetup.compat.tables import Row, Table, load


class Xid(Row, frozen=True, kw_only=True):
    """One number; `code` is a failure mode of the doctor."""

    number: int
    code: str
    text: str


class XidTable(Table, frozen=True, kw_only=True):
    """xid.json."""

    rows: list[Xid]


@lru_cache(maxsize=1)
def table() -> XidTable:
    """All numbers."""
    return load("xid.json", XidTable)


def row(number: int) -> Xid | None:
    """What an Xid number means, or None when it is not in the table."""
    return next((entry for entry in table().rows if entry.number == number), None)


def cite(entry: Xid) -> str:
    """Source and date of a row of this table."""
    return table().cite(entry.source)
