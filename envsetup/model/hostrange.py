"""Host names as ranges, in the syntax of Slurm and ClusterShell: n[1-3,7],login."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

# The last number of the first label (n7.rack2.example folds on 7); of an address, the last number.
_ADDRESS = re.compile(r"[0-9.]+|[0-9a-fA-F:]+:[0-9a-fA-F:]*")
_FIRST_LABEL = re.compile(r"(?P<before>[^.]*?)(?P<number>\d+)(?P<after>[^.\d]*(?:\..*)?)")
_LAST_NUMBER = re.compile(r"(?P<before>.*?)(?P<number>\d+)(?P<after>\D*)")
_BRACKETS = re.compile(r"(?P<before>[^\[\],]*)\[(?P<ranges>[0-9,\-]+)\](?P<after>[^\[\],]*)")
_COMMA = re.compile(r",(?![^\[]*\])")  # not those inside brackets
EXPANSION_LIMIT = 1_000_000  # hosts: more is a typing error, and would only fill the memory


def fold(hosts: Iterable[str]) -> str:
    """Names to ranges. Padding is kept: n[001-003] are n001, n002, n003."""
    families: dict[tuple[str, str, int], list[int]] = {}
    single: list[str] = []
    for host in sorted(set(hosts)):
        match = (_LAST_NUMBER if _ADDRESS.fullmatch(host) else _FIRST_LABEL).fullmatch(host)
        if match is None:
            single.append(host)
            continue
        before, number, after = match["before"], match["number"], match["after"]
        width = len(number) if number[0] == "0" and len(number) > 1 else 0
        families.setdefault((before, after, width), []).append(int(number))
    # n[08-09] and n[10-12] are one padded family: widths agree once a number outgrows its padding.
    for before, after, width in [family for family in families if family[2]]:
        for number in families.get((before, after, 0), [])[:]:
            if len(str(number)) == width:
                families[before, after, 0].remove(number)
                families[before, after, width].append(number)
    folded = [
        f"{before}{_ranges(sorted(numbers), width)}{after}"
        for (before, after, width), numbers in families.items()
        if numbers
    ]
    return ",".join(sorted(folded + single, key=natural))


def _ranges(numbers: list[int], width: int) -> str:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], number]
        else:
            runs.append([number])
    text = ",".join("-".join(str(end).zfill(width) for end in run) for run in runs)
    return text if len(numbers) == 1 else f"[{text}]"


def natural(host: str) -> list[tuple[int, int, str]]:
    """A sort key under which n2 stands before n10."""
    return [(0, int(part), part) if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", host)]


def expand(text: str) -> list[str]:
    """Ranges to names, in the order in which they stand.

    Raises InputError naming the part that is no range.
    """
    names: list[str] = []
    for part in filter(None, map(str.strip, _COMMA.split(text))):
        if "[" not in part and "]" not in part:
            names.append(part)
            continue
        match = _BRACKETS.fullmatch(part)
        if match is None:
            raise InputError(f"{part}: not a host range; accepted: n1,n[2-4],gpu[01-16,20].example")
        for run in match["ranges"].split(","):
            first, _, last = run.partition("-")
            last = last or first
            if not first.isdigit() or not last.isdigit() or int(last) < int(first):
                raise InputError(f"{part}: {run} is not a range of numbers; accepted: n[2-4,7]")
            if int(last) - int(first) + len(names) > EXPANSION_LIMIT:
                raise InputError(f"{part}: names more than {EXPANSION_LIMIT} hosts")
            width = len(first) if first[0] == "0" else 0
            names += [
                f"{match['before']}{str(n).zfill(width)}{match['after']}" for n in range(int(first), int(last) + 1)
            ]
    return names
