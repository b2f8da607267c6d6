"""Two changes of one text, joined where they do not meet."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class ConflictError(Exception):
    """Both texts changed the same lines in different ways; `line` is the first of them in the user's text, from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


class _Same(NamedTuple):
    """A run of lines that all three texts share, by its beginning in each."""

    base: int
    mine: int
    theirs: int
    size: int


def merge3(base: str, mine: str, theirs: str) -> str:
    """`theirs` with the changes that made `mine` out of `base`. Raises ConflictError; no text is ever guessed."""
    a, b, c = (text.splitlines(keepends=True) for text in (base, mine, theirs))
    merged: list[str] = []
    at_a = at_b = at_c = 0
    for same in _shared(a, b, c):
        before = (a[at_a : same.base], b[at_b : same.mine], c[at_c : same.theirs])
        merged += _joined(*before, line=at_b + 1)
        merged += a[same.base : same.base + same.size]
        at_a, at_b, at_c = same.base + same.size, same.mine + same.size, same.theirs + same.size
    return "".join(merged)


def _joined(base: list[str], mine: list[str], theirs: list[str], *, line: int) -> list[str]:
    if mine in (base, theirs):
        return theirs
    if theirs == base:
        return mine
    raise ConflictError(line)


def _shared(base: Sequence[str], mine: Sequence[str], theirs: Sequence[str]) -> Iterator[_Same]:
    """Runs that neither changed, in order, and an empty one at the end."""
    ours = SequenceMatcher(None, base, mine, autojunk=False).get_matching_blocks()
    new = SequenceMatcher(None, base, theirs, autojunk=False).get_matching_blocks()
    i = j = 0
    while i < len(ours) and j < len(new):
        one, two = ours[i], new[j]
        start, end = max(one.a, two.a), min(one.a + one.size, two.a + two.size)
        if start < end:
            yield _Same(start, one.b + start - one.a, two.b + start - two.a, end - start)
        if one.a + one.size < two.a + two.size:
            i += 1
        else:
            j += 1
    yield _Same(len(base), len(mine), len(theirs), 0)
