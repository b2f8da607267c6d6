"""What a check is, and the words in which it answers.

A check is a small pure function from a `Case` to findings. It is asked only when its situation holds (`when`)
and its facts are known (`needs`); both are declared, so that "not applicable" and "unknown, because" come for
free and no check can turn an unknown fact into a clean bill.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

import msgspec

from envsetup.model.finding import Confidence, Evidence, Finding, Remedy, Severity
from envsetup.model.maybe import UNKNOWN, Maybe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envsetup.doctor.case import Case
    from envsetup.model.machine import Machine


@dataclass(frozen=True)
class Unknown:
    """The facts do not decide; `reason` says why, or how to make them known."""

    reason: str


@dataclass(frozen=True)
class NotApplicable:
    """The question does not arise here."""

    reason: str


# None is "looked, and all is well".
Outcome = Union[None, Finding, list[Finding], Unknown, NotApplicable]


@dataclass(frozen=True)
class When:
    """A situation a check is about: `holds` says whether it is given, `otherwise` what is said when it is not."""

    holds: Callable[[Case], Maybe[bool]]
    otherwise: str

    def __and__(self, other: When) -> When:
        """Both; false as soon as one is known to be false."""

        def both(case: Case) -> Maybe[bool]:
            answers = (self.holds(case), other.holds(case))
            if False in answers:
                return False
            return UNKNOWN if UNKNOWN in answers else True

        return When(both, f"{self.otherwise}, or {other.otherwise}")


ALWAYS = When(lambda _: True, "never")


@dataclass(frozen=True)
class Check:
    """One question to a machine.

    `id` is stable for ever. `needs` are fact paths of the machine ("nvidia.module_loaded"; "pci|gpus" when either
    will do). `hangs` marks the checks whose facts a wedged driver withholds: their unknown is a timeout.
    """

    id: str
    area: str
    look: Callable[[Case], Outcome]
    when: When = ALWAYS
    needs: Sequence[str] = ()


def read(machine: Machine, path: str) -> Maybe[Any]:
    """A fact by its dotted path; UNKNOWN when it or a group above it is."""
    value: Any = machine
    for name in path.split("."):
        if value is None or isinstance(value, msgspec.UnsetType):
            return value if value is None else UNKNOWN
        value = getattr(value, name)
    return value


def missing(machine: Machine, needs: Sequence[str]) -> str | None:
    """The first need that is not known, as the reason to give; None when all are."""
    for need in needs:
        paths = need.split("|")
        if all(read(machine, path) is UNKNOWN for path in paths):
            return _reason(machine, paths)
    return None


def _reason(machine: Machine, paths: Sequence[str]) -> str:
    for path in paths:
        parts = path.split(".")
        for end in range(len(parts), 0, -1):
            why = machine.unknown.get(".".join(parts[:end]))
            if why:
                return f"{path}: {why}"
    return f"{' or '.join(paths)} is not known"


def seen(what: str, value: object, source: str) -> Evidence:
    """A piece of evidence."""
    return Evidence(what=what, value=str(value), source=source)


def fix(text: str, command: str | None = None, needs: str = "user") -> Remedy:
    """A way out; needs: none, user, root, reboot, hardware."""
    return Remedy(text=text, command=command, needs=needs)  # type: ignore[arg-type]


def finding(
    code: str,
    *evidence: Evidence,
    subject: str = "host",
    title: str | None = None,
    severity: Severity | None = None,
    confidence: Confidence = "certain",
    consequence: str | None = None,
    remedies: Sequence[Remedy] | None = None,
) -> Finding:
    """A finding; what is not given stands in the catalogue (data/failure_modes.json)."""
    from envsetup.doctor.catalogue import entry  # noqa: PLC0415 - read only when something was found

    known_as = entry(code)
    return Finding(
        code=code,
        severity=severity or known_as.severity,
        confidence=confidence,
        subject=subject,
        title=title or known_as.title,
        evidence=list(evidence),
        consequence=consequence or known_as.consequence,
        remedies=list(known_as.remedies if remedies is None else remedies),
        doc=f"docs/codes/{code}.md",
    )
