"""Which conda packages a framework is, by device."""

from __future__ import annotations

from functools import lru_cache

from envsetup.compat.tables import Row, Table, load


class CondaFramework(Row, frozen=True, kw_only=True):
    """Match specs that choose the build; `package` carries the framework's version."""

    name: str
    package: str
    gpu: list[str]
    cpu: list[str]


class CondaTable(Table, frozen=True, kw_only=True):
    """conda.json."""

    channel: str
    frameworks: list[CondaFramework]


@lru_cache(maxsize=1)
def table() -> CondaTable:
    """The conda packages."""
    return load("conda.json", CondaTable)


def framework(name: str) -> CondaFramework | None:
    """The row of a framework (torch), or None where it is not offered."""
    return next((row for row in table().frameworks if row.name == name), None)
