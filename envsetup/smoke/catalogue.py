"""What the checks are, when they apply, and where their limits come from: `data/smoke_checks.json`, typed."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Literal

import msgspec

from envsetup.model.codec import decode
from envsetup.model.errors import InputError

ACCELERATORS = ("cuda", "rocm", "xpu", "mps")


class Gate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit on one or more numbers of a check, with its source.

    `data` restricts it to one data set, `on` to kinds of device (empty: all); `optional` lets the number be absent
    (where nobody counts it).
    """

    metrics: list[str]
    op: Literal["<=", ">=", "=="]
    limit: float
    source: str
    severity: Literal["fail", "warn"] = "fail"
    data: str | None = None
    on: list[str] = []
    optional: bool = False


class Band(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A failing number between `above` and `upto` has a known meaning on these devices: WARN and say it."""

    above: float
    upto: float
    on: list[str]
    means: str


class CheckSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One check: `on` lists the devices it applies to (empty: all).

    `where` says who measures it; with both, the target's numbers wait for the host's. One that is not `essential` may
    be skipped when the environment lacks what it needs. `summary` is a format string over the numbers and evidence.
    `rates` are numbers of which more is better, with their unit: they are held against references and baselines.
    """

    id: str
    number: int
    title: str
    levels: list[str]
    deadline_s: float
    proves: str
    blind: str
    summary: str
    gates: list[Gate]
    where: Literal["target", "host", "both"] = "target"
    essential: bool = True
    on: list[str] = []
    bands: list[Band] = []
    rates: dict[str, str] = {}


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """How long to train: `steps`, and `steps_at_most` when the validation accuracy is not yet `enough`."""

    rate: float
    steps: int
    steps_at_most: int
    validate_every: int
    enough: float
    ceiling: float
    source: str


class Digests(msgspec.Struct, frozen=True, kw_only=True):
    """Checksums of each data set by split or file."""

    source: str
    date: str
    generated: dict[str, str]
    cifar10: dict[str, str]


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file."""

    checks: list[CheckSpec]
    training: dict[str, Training]
    digests: Digests

    def level(self, name: str) -> list[CheckSpec]:
        """The checks of a level, in the order of running."""
        return [check for check in self.checks if name in check.levels]

    def find(self, name: str) -> CheckSpec:
        """The check with this id or number.

        Raises InputError that lists what is accepted.
        """
        for check in self.checks:
            if name in (check.id, str(check.number)):
                return check
        accepted = ", ".join(check.id for check in self.checks)
        raise InputError(f"--check {name}: no such check; accepted: {accepted}")


class Golden(msgspec.Struct, frozen=True, kw_only=True):
    """The shipped losses and how they were made."""

    made: str
    how: str
    losses: list[float]


def _read(name: str) -> bytes:
    return (resources.files("envsetup.data") / name).read_bytes()


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """The shipped catalogue."""
    return decode(_read("smoke_checks.json"), Catalogue)


@lru_cache(maxsize=1)
def golden() -> Golden:
    """The shipped golden curve."""
    return decode(_read("smoke_golden.json"), Golden)
