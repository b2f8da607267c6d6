"""How likely the change of a fact breaks what worked."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal

from envsetup.compat.tables import Row, Table, load

Effect = Literal["likely", "possible", "unlikely"]


class ChangeRow(Row, frozen=True, kw_only=True):
    """A pattern of facts. `whole` rows speak of things that came or went, the others of values that changed."""

    fact: str
    effect: Effect
    why: str
    follows: tuple[str, ...] = ()
    whole: bool = False


class ChangeTable(Table, frozen=True, kw_only=True):
    """changes.json; the rows stand in the order in which culprits are told."""

    rows: list[ChangeRow]
    ignored: list[str]


@lru_cache(maxsize=1)
def table() -> ChangeTable:
    """All rows."""
    return load("changes.json", ChangeTable)


def rank(fact: str, *, whole: bool) -> tuple[int, ChangeRow] | None:
    """Place and row of a changed fact; None when its change says nothing, as with temperatures and paths."""
    known = table()
    if any(fnmatchcase(fact, pattern) for pattern in known.ignored):
        return None
    fitting = (
        (place, row)
        for place, row in enumerate(known.rows)
        if fnmatchcase(fact, row.fact) and (row.whole == whole or not row.whole)
    )
    return next(fitting, None)
