"""A text made safe and cut into lines: bounded, without control characters, without what loggers and Markdown add.

Everything here is linear in the text, whatever the text holds.
"""

from __future__ import annotations

import re
from functools import cached_property

from envsetup.importers.searched import Searched, fresh

MAX_CHARS = 4 * 1024 * 1024
MAX_LINE = 4000
MAX_LINES = 120_000

_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\x07\x1b]{0,4000}(?:\x07|\x1b\\)?|[@-Z\\^_])?|\x9b[0-?]{0,64}[@-~]"
)
_TYPOGRAPHY = {0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0x2013: "-", 0x00A0: " ", 0xFF1A: ":", 0x2011: "-"}
# Bidirectional marks and zero-width characters can make a line read other than it is.
_INVISIBLE = dict.fromkeys(
    (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF, 0x2028, 0x2029)
)
_CONTROLS = dict.fromkeys(c for c in (*range(0x20), *range(0x7F, 0xA0)) if chr(c) not in "\t\n")
_TABLE = {**_CONTROLS, **_TYPOGRAPHY, **_INVISIBLE}
_TO_CHANGE = re.compile(f"[{re.escape(''.join(map(chr, _TABLE)))}]")

# What loggers, CI systems, compose, launchers and mail put before a line; each part once, none nested.
_PREFIX = re.compile(
    r"""\s*
    (?:>\s?){0,4}
    (?:[\w.-]{1,40}-\d{1,3}\s{1,4}\|\s)?                                                    # compose: service-1  |
    (?:\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|\s?[+-]\d\d:?\d\d)?\]?[:,]?\s*)?  # a time stamp
    (?:\[?(?:INFO|WARNING|WARN|ERROR|DEBUG|CRITICAL|FATAL|TRACE|stdout|stderr)\]?[:\s-]\s*)?
    (?:\d\d-\d\d\ \d\d:\d\d:\d\d(?:\.\d{1,6})?\s+)?                                          # 05-23 09:31:47
    (?:\[[\w./-]{1,60}:\d{1,6}\]\s*)?                                                       # [core.py:396]
    (?:\([\w\ =.-]{1,60}pid=\d{1,9}(?:,[^()]{0,60})?\)\s*)?                                  # (Worker pid=12)
    (?:\[rank\d{1,4}\]:?\s*)?
    """,
    re.VERBOSE,
)
# A key is at most 90 characters, so the search for its end is bounded.
_KEY = re.compile(r"[`*|]{0,3}\s*([A-Za-z\[][^:=|]{0,89}?)[`*]{0,3}\s*[:=|]\s*[`*]{0,3}\s?(.*)")
_BULLET = re.compile(r"(?:[-*+•]\s+|\d{1,2}[.)]\s+|#{1,6}\s+|\*\*(?=\w))?")


def clean(text: str) -> str:
    """The text within bounds, with line feeds only and without escape sequences or invisible characters."""
    text = text[:MAX_CHARS].encode("utf-8", "replace").decode()  # half a surrogate pair fits into no JSON
    if "\x1b" in text or "\x9b" in text:
        text = _ESCAPE.sub("", text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # Beyond ASCII a table is looked up for every character, which takes ten times as long as finding the few.
    return text.translate(_TABLE) if text.isascii() else _TO_CHANGE.sub(_changed, text)


def _changed(found: re.Match[str]) -> str:
    return found[0].translate(_TABLE)


class Page:
    """Lines of a text, and which of them a format has claimed as its own."""

    def __init__(self, text: str) -> None:
        cleaned = clean(text)
        self.truncated = len(text) > MAX_CHARS or cleaned.count("\n") >= MAX_LINES
        self.lines = [
            line[:MAX_LINE].expandtabs(8)[:MAX_LINE].rstrip() for line in cleaned.split("\n", MAX_LINES)[:MAX_LINES]
        ]
        self._claimed = bytearray(len(self.lines))

    @cached_property
    def bare(self) -> list[str]:
        """The lines without log prefix, list bullet and bold marks, stripped."""
        return [_bare(line) for line in self.lines]

    @cached_property
    def pairs(self) -> list[tuple[str, str] | None]:
        """Each line as key and value, None where it is no such pair."""
        return [split(line) if ":" in line or "=" in line or "|" in line else None for line in self.bare]

    @cached_property
    def joined(self) -> str:
        """All lines in one string, for a quick look whether something can be in the text at all."""
        return self._as_written.text

    @cached_property
    def lowered(self) -> str:
        return self._lower_case.text

    @cached_property
    def _as_written(self) -> Searched:
        return Searched(self._fresh)

    @cached_property
    def _lower_case(self) -> Searched:
        return Searched([line.lower() for line in self._fresh])

    @cached_property
    def _fresh(self) -> list[str]:
        return fresh(self.lines)

    def containing(self, needle: str, limit: int = 100) -> list[int]:
        """Numbers of the first lines that hold a lower-case literal."""
        return self._lower_case.first(needle, limit)

    def telling(self, literal: str, limit: int) -> set[int]:
        """Numbers of the first and the last lines that hold a literal, in any case unless it has a capital itself.

        What stands in thousands of lines says nothing new in the middle ones.
        """
        where = self._lower_case if literal == literal.lower() else self._as_written
        found = where.first(literal, limit)
        return {*found, *where.last(literal, limit)} if len(found) == limit else {*found}

    def claim(self, *numbers: int) -> None:
        """Mark lines (from 0) as facts that were read: they are no error text."""
        for number in numbers:
            if number < len(self._claimed):
                self._claimed[number] = 1

    def claimed(self, number: int) -> bool:
        return bool(self._claimed[number])

    def rest(self) -> str:
        """What no format claimed; claimed lines are left empty, so line numbers stay those of the text."""
        kept = (line if not taken else "" for line, taken in zip(self.lines, self._claimed, strict=True))
        return "\n".join(kept).rstrip()

    def following(self, number: int, limit: int = 3) -> tuple[int, str] | None:
        """The next line that is not empty, at most `limit` lines further, with its number."""
        for index in range(number + 1, min(number + 1 + limit, len(self.lines))):
            if self.bare[index]:
                return index, self.bare[index]
        return None


def split(line: str) -> tuple[str, str] | None:
    """Key in lower case with single spaces, and value; None when the line is no `key: value` pair."""
    match = _KEY.match(line)
    if match is None:
        return None
    key = " ".join(match.group(1).lower().replace("`", "").split())
    return key, match.group(2).strip().strip("`*").strip()


def _bare(line: str) -> str:
    match = _PREFIX.match(line)
    start = match.end() if match else 0
    bullet = _BULLET.match(line, start)
    return line[bullet.end() if bullet else start :].strip()
