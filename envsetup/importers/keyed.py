"""The engine of all formats that write `key: value`: a table from keys to small readers, looked up line by line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from envsetup.importers.facts import Facts
    from envsetup.importers.page import Page

# A key is at most 90 characters, so the search for its end is bounded.
_KEY = re.compile(r"[`*|]{0,3}\s*([A-Za-z\[][^:=|]{0,89}?)[`*]{0,3}\s*[:=|]\s*[`*]{0,3}\s?(.*)")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True)
class Entry:
    """A `key: value` line where it stands."""

    page: Page
    facts: Facts
    number: int
    key: str
    value: str


Handler: TypeAlias = "Callable[[Entry], None]"


def split(line: str) -> tuple[str, str] | None:
    """Key in lower case with single spaces, and value; None when the line is no such pair."""
    match = _KEY.match(line)
    if match is None:
        return None
    key = _SPACES.sub(" ", match.group(1)).strip().lower().replace("`", "")
    return key, match.group(2).strip().strip("`*").strip()


def read(page: Page, facts: Facts, table: Mapping[str, Handler]) -> list[int]:
    """Read every line whose key is in the table, claim it, and return the numbers of those lines."""
    found = []
    for number, line in enumerate(page.bare):
        pair = split(line) if line else None
        if pair is None or pair[0] not in table or page.claimed(number):
            continue
        page.claim(number)
        found.append(number)
        table[pair[0]](Entry(page, facts, number, *pair))
    return found
