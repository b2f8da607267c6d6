"""Many machines in one report. Schema `envsetup.fleet/1`, additive only."""

from __future__ import annotations

from typing import Literal, Optional

import msgspec

from envsetup.model.finding import Severity
from envsetup.model.plan import Plan

SCHEMA = "envsetup.fleet/1"
AGENT_SCHEMA = "envsetup.agent/1"

NO_REPORT = msgspec.Raw(b"null")
Outcome = Literal["ok", "findings", "no-python", "timeout", "unreachable", "bad-output", "not-run"]
REPORTED: frozenset[Outcome] = frozenset({"ok", "findings"})

AgentFailure = Literal["no-python", "python-too-old", "not-carried", "timeout", "refused", "not-made", "crashed"]
CREATE_SCHEMA = "envsetup.create/1"


class AgentError(msgspec.Struct, frozen=True, kw_only=True, rename={"schema_": "schema"}):
    """What the bundle answers on a host where it could not run the doctor."""

    schema_: str
    error: AgentFailure
    host: str = ""
    detail: str = ""


class HostCreated(msgspec.Struct, frozen=True, kw_only=True, rename={"schema_": "schema"}):
    """What `create` says on a host of a fleet; `locked` is the lock that it made, None where one was brought."""

    schema_: str = CREATE_SCHEMA
    version: str
    host: str = ""
    status: Literal["created", "rendered", "planned", "impossible"]
    path: str
    plan: Plan
    python: Optional[str] = None
    lock: Optional[str] = None  # digest
    packages: dict[str, str] = {}
    verified: Optional[list[str]] = None
    activate: Optional[str] = None
    locked: Optional[str] = None


class HostRow(msgspec.Struct, frozen=True, kw_only=True):
    """One host and its one outcome; `report` is the JSON that it sent, null where it sent none."""

    host: str
    outcome: Outcome
    reason: str = ""
    report: msgspec.Raw = NO_REPORT


class FleetFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding and every host that has it; `hosts` is a range such as n[1-3,7]. The worst severity seen is kept."""

    code: str
    hosts: str
    count: int
    severity: Severity
    title: str
    caused_by: Optional[str] = None


class Outlier(msgspec.Struct, frozen=True, kw_only=True):
    """A host whose fact differs from what the machines of its kind agree on."""

    host: str
    fact: str
    value: str
    peers: str  # the peers' value and how many hold it


class Camp(msgspec.Struct, frozen=True, kw_only=True):
    """The hosts that share one value."""

    value: str
    hosts: str
    count: int


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """A fact on which machines of one kind differ without a majority: nobody is named an outlier."""

    fact: str
    camps: list[Camp]


class ClassPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Machines of one kind and the one environment that all of them get; `hosts` is a range.

    `canary` made it first; `lock` is the digest of what the others installed, None where nothing was made yet.
    """

    kind: str  # GPU models, architecture, C library, Python
    hosts: str
    count: int
    plan: str  # in a few words
    canary: str
    lock: Optional[str] = None
    warnings: list[str] = []


class FleetReport(msgspec.Struct, frozen=True, kw_only=True, rename={"schema_": "schema"}):
    """Every host with one outcome, then what they share. `received` counts the hosts that gave a report."""

    schema_: str = SCHEMA
    version: str
    expected: int
    received: int
    hosts: list[HostRow]
    findings: list[FleetFinding]
    outliers: list[Outlier]
    splits: list[Split] = []
    undecided: list[str] = []  # hosts whose doctor could not decide
    plans: list[ClassPlan] = []  # of `create`: what each class of machines gets
