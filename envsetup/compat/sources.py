"""The names that `--source` accepts, and what each can hold: only the default builds, or every variant."""

from __future__ import annotations

from functools import lru_cache
from typing import Optional

import msgspec

from envsetup.compat.tables import load


class Mirror(msgspec.Struct, frozen=True, kw_only=True):
    """A mirror of the Python package index; `pytorch` is there when it mirrors the PyTorch index too."""

    title: str
    source: str
    verified: bool
    pytorch: Optional[dict[str, str]] = None


class SourceTable(msgspec.Struct, frozen=True, kw_only=True):
    """sources.json."""

    checked: str
    mirrors: dict[str, Mirror]


@lru_cache(maxsize=1)
def table() -> SourceTable:
    """The known sources."""
    return load("sources.json", SourceTable)


def mirror(name: str) -> Mirror | None:
    """A mirror by its name, or None."""
    return table().mirrors.get(name)


def cite(name: str) -> str:
    """Where a mirror's row comes from, with its date."""
    return f"{table().mirrors[name].source} ({table().checked})"
