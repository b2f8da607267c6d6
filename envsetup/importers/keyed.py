"""The engine of all formats that write `key: value`: a table from keys to small readers, looked up line by line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from envsetup.importers.facts import Facts
    from envsetup.importers.page import Page


@dataclass(frozen=True)
class Entry:
    """A `key: value` line where it stands."""

    page: Page
    facts: Facts
    number: int
    key: str
    value: str


Handler: TypeAlias = "Callable[[Entry], None]"


def read(page: Page, facts: Facts, table: Mapping[str, Handler]) -> list[int]:
    """Read every line whose key is in the table, claim it, and return the numbers of those lines."""
    found = []
    for number, pair in enumerate(page.pairs):
        if pair is None or pair[0] not in table or page.claimed(number):
            continue
        page.claim(number)
        found.append(number)
        table[pair[0]](Entry(page, facts, number, *pair))
    return found
