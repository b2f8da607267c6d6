"""`pip list`, `pip freeze`, `uv pip list`, and the `[pip3]` rows of collect_env."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.importers import words

if TYPE_CHECKING:
    from envsetup.importers.facts import Facts
    from envsetup.importers.page import Page

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}"
_VERSION = r"\d{1,8}(?:[.!]\d{1,10}){0,5}[A-Za-z0-9.+_-]{0,60}"
_TAGGED = re.compile(rf"\[(?:pip|pip3|pip3?\d?|uv)\]\s*({_NAME})\s*==\s*({_VERSION})\s*$")
_FROZEN = re.compile(rf"({_NAME})(?:\[[\w,-]{{1,60}}\])?==({_VERSION})\s*(?:;.{{0,200}}|\\|#.{{0,200}})?$")
_URL = re.compile(rf"({_NAME}) @ \S{{0,300}}/{_NAME}?-(\d[A-Za-z0-9.+_]{{0,60}})-(?:cp|py)\S{{0,200}}\.whl")
_COLUMNS = re.compile(rf"({_NAME})\s+({_VERSION})(?:\s+\S.{{0,200}})?$")
_RULE = re.compile(r"-{4,}\s+-{4,}(?:\s+-{4,})*$")
_OLD_LIST = re.compile(rf"({_NAME})\s\(({_VERSION})(?:,\s.{{0,200}})?\)$")
_MIN_ROWS = 3


def read(page: Page, facts: Facts) -> bool:
    """Fill in packages; True when rows of such a list were found."""
    rows = _table(page, facts)
    old = []
    for number, line in enumerate(page.bare):
        match = _frozen(line)
        if match:
            _row(page, facts, number, match)
            rows += 1
        elif line.endswith(")") and _OLD_LIST.match(line):
            old.append(number)
        elif line.startswith(("[pip", "[uv]")):
            page.claim(number)
    if len(old) >= _MIN_ROWS:  # one such line alone is prose: "torch (1.13)"
        for number in old:
            match = _OLD_LIST.match(page.bare[number])
            if match:
                _row(page, facts, number, match)
                rows += 1
    return rows > 0


def _frozen(line: str) -> re.Match[str] | None:
    if "==" in line:
        return _TAGGED.match(line) or _FROZEN.match(line)
    return _URL.match(line) if " @ " in line else None


def _table(page: Page, facts: Facts) -> int:
    """The columns under `Package  Version`, up to the first line that is no row."""
    rows = 0
    for start, line in enumerate(page.bare):
        if not _RULE.match(line) or not page.bare[start - 1].lower().startswith("package"):
            continue
        page.claim(start - 1, start)
        for number in range(start + 1, len(page.bare)):
            match = _COLUMNS.match(page.bare[number])
            if match is None:
                break
            _row(page, facts, number, match)
            rows += 1
    return rows


def _row(page: Page, facts: Facts, number: int, match: re.Match[str]) -> None:
    page.claim(number)
    add(facts, match.group(1), match.group(2))


def add(facts: Facts, name: str, version: str, *, weight: int = 2) -> None:
    """A distribution in the environment; a framework's row also says which build it is when it carries a tag."""
    facts.package(name, version, weight)
    lower = name.lower().replace("_", "-")
    if lower == "torch":
        words.torch(facts, version, weight)
    elif lower in {"tensorflow", "tensorflow-gpu", "tensorflow-cpu", "tensorflow-intel"}:
        facts.framework("tensorflow", weight, version=version)
        if lower == "tensorflow-cpu":
            facts.framework("tensorflow", weight, variant="cpu", cuda=None)
    elif lower == "jax":
        facts.framework("jax", weight, version=version)
