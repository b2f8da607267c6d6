"""Which failure modes a new environment cures, and which a variable."""

from __future__ import annotations

from functools import lru_cache

from envsetup.compat.tables import Table, load


class RepairTable(Table, frozen=True, kw_only=True):
    """repairs.json; `rebuild` and `variables` are codes of the doctor."""

    rebuild: frozenset[str]
    variables: frozenset[str]


@lru_cache(maxsize=1)
def table() -> RepairTable:
    """The whole file."""
    return load("repairs.json", RepairTable)
