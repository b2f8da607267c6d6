"""What the doctor is asked to look at: this machine, a snapshot, or a text that somebody pasted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import msgspec

from envsetup.model.maybe import UNKNOWN, known

if TYPE_CHECKING:
    from envsetup.importers import Imported
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
    return Subject(_of_one_generation(imported), "text", symptoms, imported.weak, imported.notes)


def _of_one_generation(imported: Imported) -> Machine:
    """Which of several named GPUs a sentence is about does not matter where all are of one generation."""
    if imported.machine.gpus is not UNKNOWN or len(imported.named) < 2:  # noqa: PLR2004 - several
        return imported.machine
    from envsetup.compat.gpus import compute_capability  # noqa: PLC0415 - most texts name one

    rows = [compute_capability(known(gpu.name) or "") for gpu in imported.named]
    majors = {row.cc.split(".")[0] if row else None for row in rows}
    if len(majors) > 1 or None in majors:
        return imported.machine
    unknown = {fact: why for fact, why in imported.machine.unknown.items() if fact != "gpus"}
    return msgspec.structs.replace(imported.machine, gpus=imported.named, unknown=unknown)


def is_document(text: str) -> bool:
    """Whether this is a machine file, whole or cut off, and not a text in which some JSON stands."""
    if not text.lstrip().startswith("{"):
        return False
    if '"envsetup.' in text[:2000]:
        return True
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except RecursionError:
        return True  # to be refused as the machine file that it looks like
    except msgspec.DecodeError:
        return False
