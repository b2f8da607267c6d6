"""A build that might be taken, with the verdict of every constraint on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.compat.tables import key

if TYPE_CHECKING:
    from envsetup.model.plan import Constraint
    from envsetup.model.plan import Device as Kind
    from envsetup.resolve.asked import Asked, Framework
    from envsetup.resolve.facts import Device, Facts


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One constraint on one build: what it says, the machine's fact, the data row, and what would lift it."""

    constraint: Constraint
    ok: bool
    text: str
    evidence: str
    table: str
    need: str = ""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A framework's build.

    `doubt`: why it is not certain. `native`: the driver is as new as its toolkit. `default`: the package index gives
    it. `held`: it works, but is taken only when nothing else is to be had, and why (a CUDA build on a CPU).
    """

    framework: str
    package: str
    version: str
    variant: Optional[str]
    device: Kind
    index: str
    checks: list[Check]
    certain: bool = True
    doubt: str = ""
    native: bool = True
    default: bool = True
    ptx: bool = False
    held: Optional[Check] = None
    extras: list[str] = []

    @property
    def label(self) -> str:
        """Version and variant as users write them: 2.14.1+cu126."""
        return f"{self.version}+{self.variant}" if self.variant else self.version

    @property
    def failing(self) -> list[Check]:
        """The constraints that it does not meet, the most telling first."""
        return [check for check in self.checks if not check.ok]

    @property
    def rank(self) -> tuple[object, ...]:
        """Release first, then a native driver, then the package index's own build, then the newer toolkit."""
        return (key(self.version), self.native, self.default, key(self.variant or ""))


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """An accelerator that can be planned for: its kind, the devices that must work, what is known and worth saying."""

    kind: Kind
    devices: list[Device]
    checks: list[Check]
    warnings: list[str]


class Blocked(msgspec.Struct, frozen=True, kw_only=True):
    """An accelerator that cannot be used here. `table` is empty where no data row is behind it."""

    kind: Kind
    constraint: Constraint
    text: str
    nearest: str
    evidence: str = ""
    table: str = ""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What a candidate is judged against: the request, one of its frameworks, the machine, the accelerator."""

    asked: Asked
    framework: Framework
    facts: Facts
    target: Target


def fits(candidates: list[Candidate], *, but_for: str | None = None) -> list[Candidate]:
    """What meets every constraint (or every one but `but_for`), best first; confirmed builds come first."""
    able = [c for c in candidates if all(check.constraint == but_for for check in c.failing)]
    return sorted(able, key=lambda c: (c.held is None, c.certain, c.rank), reverse=True)
