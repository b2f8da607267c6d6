"""Lines joined into one string: looking for a literal in all of them at once is a hundred times a loop's speed."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


_COPIES = 5
_WITHOUT_DIGITS = str.maketrans("", "", "0123456789")


def fresh(lines: Sequence[str]) -> list[str]:
    """The lines, with what repeats but for its numbers left empty after a few: most of a long log is one sentence."""
    counts: dict[str, int] = {}
    kept = []
    for line in lines:
        kind = line.translate(_WITHOUT_DIGITS)
        counts[kind] = count = counts.get(kind, 0) + 1
        kept.append(line if count <= _COPIES else "")
    return kept


class Searched:
    """The text, and which line a place in it belongs to."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.text = "\n".join(lines)
        self._starts = list(accumulate((len(line) + 1 for line in lines), initial=0))

    def first(self, literal: str, limit: int) -> list[int]:
        """Numbers of the first lines that hold a literal, ascending."""
        found: list[int] = []
        place = self.text.find(literal)
        while place >= 0 and len(found) < limit:
            found.append(bisect_right(self._starts, place) - 1)
            place = self.text.find(literal, self._starts[found[-1] + 1])
        return found

    def last(self, literal: str, limit: int) -> list[int]:
        """Numbers of the last lines that hold a literal, descending."""
        found: list[int] = []
        place = self.text.rfind(literal)
        while place >= 0 and len(found) < limit:
            found.append(bisect_right(self._starts, place) - 1)
            place = self.text.rfind(literal, 0, self._starts[found[-1]])
        return found
