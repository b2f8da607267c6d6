"""What differs between two looks at a machine, the most likely culprit first. Pure; unknown is never a difference."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import msgspec

from envsetup.compat.changes import rank
from envsetup.model.comparison import Change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envsetup.compat.changes import ChangeRow
    from envsetup.model.finding import Finding
    from envsetup.model.machine import Machine

# What tells the members of a list apart, so that they are compared with their like and not by their place.
KEYS = ("name", "role", "soname", "path", "address", "index")
LONGEST = 200
NOWHERE = 1000  # after every piece of evidence that a finding can have
MENTIONED = 3  # shorter values stand in evidence by chance
# Groups of which every member is listed: one that is not there is absent, not unknown.
COMPLETE = (
    *("gpus.", "pci.", "env.", "environment.packages.", "environment.frameworks.", "nvidia.device_nodes."),
    *("environment.conda_packages.", "cuda.ld_library_path_libraries.", "cuda.libraries."),
)


class _Facts:
    """A machine as dotted paths with texts; `things` are the members of lists and maps, by what they are."""

    def __init__(self, machine: Machine) -> None:
        self.values: dict[str, str] = {}
        self.things: dict[str, str] = {}
        self._walk("", msgspec.to_builtins(machine))

    def _walk(self, path: str, value: Any) -> None:  # noqa: ANN401 - JSON
        if isinstance(value, dict) and (value or not path):
            for name, item in value.items():
                self._walk(f"{path}.{name}" if path else name, item)
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            for place, item in enumerate(value):
                self._member(path, place, item)
        else:
            self.values[path] = _text(value)

    def _member(self, path: str, place: int, item: dict[str, Any]) -> None:
        # Cards of one machine share their names, so these are told apart by their number.
        keys = ("index",) if path == "gpus" else KEYS
        key = next((str(item[name]) for name in keys if item.get(name) not in (None, "")), str(place))
        here = f"{path}.{key}"
        self.things[here] = " ".join(str(item[name]) for name in ("name", "version") if item.get(name))[:LONGEST] or key
        self._walk(here, {name: value for name, value in item.items() if str(value) != key})

    def group(self, fact: str) -> bool:
        """Whether this look lists the group of a fact, so that a member it does not have is absent."""
        start = next((start for start in COMPLETE if fact.startswith(start)), None)
        if start is None:
            return False
        return start[:-1] in self.values or any(name.startswith(start) for name in (*self.values, *self.things))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return (", ".join(map(_text, value)) or "none")[:LONGEST]
    return "none" if value is None or value == {} else str(value)[:LONGEST]


def compare(before: Machine, after: Machine, new: Sequence[Finding] = ()) -> tuple[list[Change], list[str]]:
    """The changes, and the facts of `before` that matter and that `after` does not know.

    `new` are findings that only the second machine has: a change that their evidence mentions comes first.
    """
    old, now = _Facts(before), _Facts(after)
    ranked: list[tuple[int, ChangeRow, Change]] = []
    unknown: list[str] = []
    gone = [thing for thing in old.things if thing not in now.things and now.group(thing)]
    come = [thing for thing in now.things if thing not in old.things and old.group(thing)]
    for thing in (*gone, *come):
        _add(ranked, thing, old.things.get(thing), now.things.get(thing), whole=True)
    inside = tuple(f"{thing}." for thing in (*gone, *come))
    for fact in dict.fromkeys((*old.values, *now.values)):
        first, second = old.values.get(fact), now.values.get(fact)
        if first == second or fact.startswith(inside):
            continue
        if first is not None and second is None and not now.group(fact):
            row = rank(fact, whole=False)
            if row and row[1].effect == "likely":
                unknown.append(fact)
        elif (first is not None or old.group(fact)) and not _empties(first, second, fact, old, now):
            _add(ranked, fact, first, second, whole=False)
    return _ordered(ranked, new), unknown


def _empties(first: str | None, second: str | None, fact: str, old: _Facts, now: _Facts) -> bool:
    """Whether this is only the list itself, which is a value where it is empty and paths where it is not."""
    other = now if second is None else old if first is None else None
    return other is not None and any(name.startswith(f"{fact}.") for name in (*other.values, *other.things))


def _add(
    ranked: list[tuple[int, ChangeRow, Change]], fact: str, first: str | None, second: str | None, *, whole: bool
) -> None:
    found = rank(fact, whole=whole)
    if found is not None:
        place, row = found
        ranked.append((place, row, Change(fact=fact, before=first, after=second, effect=row.effect, why=row.why)))


def _ordered(ranked: list[tuple[int, ChangeRow, Change]], new: Sequence[Finding]) -> list[Change]:
    """Without the consequences of other changes; what the new findings speak of comes first."""
    facts = [change.fact for _, _, change in ranked]
    told = []
    for place, row, change in ranked:
        others = [fact for fact in facts if fact != change.fact]
        if any(fnmatchcase(fact, pattern) for pattern in row.follows for fact in others):
            continue
        shown = {finding.code: _mentioned(finding, change) for finding in new if finding.severity != "info"}
        codes = [code for code, at in shown.items() if at is not None]
        first = min((at for at in shown.values() if at is not None), default=NOWHERE)
        told.append((first, place, change.fact, msgspec.structs.replace(change, findings=codes)))
    return [change for *_, change in sorted(told, key=lambda entry: entry[:3])]


def _mentioned(finding: Finding, change: Change) -> int | None:
    """Which piece of a finding's evidence shows the changed value, or names the variable; the first speaks loudest."""
    name = change.fact.rpartition(".")[2]
    value = change.after if change.after and len(change.after) >= MENTIONED else None
    word = re.compile(rf"(?<![\w.]){re.escape(value)}(?![\w.])") if value else None
    for place, item in enumerate(finding.evidence):
        if (word and word.search(item.value)) or (name.isupper() and name in f"{item.what} {item.value}"):
            return place
    return None
