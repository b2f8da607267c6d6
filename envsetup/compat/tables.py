"""How a data file is read: once per process, into typed rows, each of which cites a source and its date."""

from __future__ import annotations

import pkgutil
import re
from functools import lru_cache
from typing import Optional, TypeVar

import msgspec

from envsetup.model.codec import decode

T = TypeVar("T")


class Source(msgspec.Struct, frozen=True):
    """Where a row comes from and when that was read (ISO date)."""

    text: str
    date: str

    def __str__(self) -> str:
        return f"{self.text} ({self.date})"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every row: the id of its source, and whether it is confirmed."""

    source: str
    certain: bool = True


class CpuNeed(Row, frozen=True, kw_only=True):
    """An instruction set that a framework's x86_64 wheels use, as /proc/cpuinfo writes it."""

    flag: str
    text: str


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every data file."""

    sources: dict[str, Source]
    about: str = ""

    def cite(self, source: Optional[str]) -> str:
        """The source with its date as one line; KeyError when a row names a source that the file does not have."""
        return "" if source is None else str(self.sources[source])

    def unsure(self, source: Optional[str], *, certain: bool) -> str:
        """The clause that a sentence gets which rests on an unconfirmed row; empty for a confirmed one."""
        return "" if certain or source is None else f" (unconfirmed: {self.sources[source].text})"


def load(name: str, kind: type[T]) -> T:
    """Read envsetup/data/NAME into `kind`; the callers keep it for the life of the process."""
    data = pkgutil.get_data("envsetup.data", name)
    if data is None:  # only a loader without get_data answers None; a missing file raises
        raise FileNotFoundError(name)
    return decode(data, kind)


@lru_cache(maxsize=4096)
def key(version: str) -> tuple[int, ...]:
    """Numbers of a version for comparison: "580.95.05" is (580, 95, 5); "2.15.0.post1" sorts after "2.15.0"."""
    return tuple(int(number) for number in re.findall(r"\d+", version))


def at_least(version: str, floor: str) -> bool:
    """Whether `version` reaches `floor`, on the numbers both have: driver "580" counts as all of its branch."""
    have, need = key(version), key(floor)
    size = min(len(have), len(need))
    # "N/A" has no numbers: nothing is known to be reached.
    return bool(have) and have[:size] >= need[:size]
