"""What the doctor is asked to look at: this machine, a snapshot, or a text that somebody pasted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from envsetup.model.machine import Machine
    from envsetup.model.symptom import SymptomHit


@dataclass
class Subject:
    """A machine, what error texts say about it, and how it was looked at."""

    machine: Machine
    kind: Literal["live", "snapshot", "text"]
    symptoms: list[SymptomHit] = field(default_factory=list)
    weak: list[str] = field(default_factory=list)  # facts that a text only says in passing
    notes: list[str] = field(default_factory=list)  # what of a text could not be used


def given(text: str, name: str, complaint: str, complaint_name: str) -> Subject:
    """Another machine: its facts stand in the report and in what the error text says in passing."""
    from envsetup.doctor.symptoms import read_all  # noqa: PLC0415

    text, complaint = (half.encode("utf-8", "replace").decode() for half in (text, complaint))  # no lone surrogates
    told = [(complaint, complaint_name)] if complaint else []
    if is_document(text):
        from envsetup.probe.snapshot import parse_snapshot  # noqa: PLC0415

        return Subject(parse_snapshot(text.encode(), name=name), "snapshot", read_all(told))
    from envsetup.importers import read, rest_of  # noqa: PLC0415

    imported = read(f"{text}\n{complaint}" if complaint else text)
    symptoms = read_all([(rest_of(imported, text), name), *told])
    return Subject(imported.machine, "text", symptoms, imported.weak, imported.notes)


def is_document(text: str) -> bool:
    """Whether this is a machine file, whole or cut off, and not a text in which some JSON stands."""
    if not text.lstrip().startswith("{"):
        return False
    if '"envsetup.' in text[:2000]:
        return True
    import msgspec  # noqa: PLC0415

    try:
        return isinstance(msgspec.json.decode(text), dict)
    except RecursionError:
        return True  # to be refused as the machine file that it looks like
    except msgspec.DecodeError:
        return False
