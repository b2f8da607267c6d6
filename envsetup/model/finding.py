"""What the doctor says. Schema `envsetup.doctor/1`, additive only."""

from __future__ import annotations

from typing import Literal, Optional

import msgspec

from envsetup.model.machine import Machine
from envsetup.model.maybe import UNKNOWN, Maybe

SCHEMA = "envsetup.doctor/1"

Severity = Literal["critical", "error", "warning", "info"]
Confidence = Literal["certain", "likely", "possible"]
Needs = Literal["none", "user", "root", "reboot", "hardware"]
CheckStatus = Literal["ok", "finding", "not-applicable", "unknown", "timeout", "crashed"]
VerdictStatus = Literal["ready", "degraded", "broken", "unknown"]

SEVERITY_ORDER: tuple[Severity, ...] = ("critical", "error", "warning", "info")


class Evidence(msgspec.Struct, frozen=True):
    """What was seen, its value, and where it was read (a file, a command, nvml, a line of the text)."""

    what: str
    value: str
    source: str


class Remedy(msgspec.Struct, frozen=True):
    """One way out. `command` is ready to paste, or None."""

    text: str
    command: Optional[str] = None
    needs: Needs = "user"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong or worth knowing."""

    code: str
    severity: Severity
    confidence: Confidence
    subject: str  # gpu:0, env:PATH, host
    title: str
    evidence: list[Evidence]
    consequence: str
    remedies: list[Remedy] = []
    caused_by: Optional[str] = None
    doc: str = ""


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """How one check ended; `unknown` says in `reason` how to make it known."""

    id: str
    status: CheckStatus
    ms: int = 0
    reason: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The answer in one line, and the code to fix first."""

    status: VerdictStatus
    headline: str
    root_cause: Optional[str] = None


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at; `notes` say what of it could not be used, or means less than it seems to."""

    kind: Literal["live", "snapshot", "text"]
    env: Optional[str] = None
    notes: list[str] = []


class DoctorReport(msgspec.Struct, frozen=True, kw_only=True, rename={"schema_": "schema"}):
    """The whole report; `findings` stand in the order in which they should be read."""

    schema_: str = SCHEMA
    version: str
    target: Target
    verdict: Verdict
    findings: list[Finding]
    checks: list[CheckResult]
    ms: int = 0
    # Only in a fleet's reports, where it must be known which machine speaks and what it shares with its peers.
    host: Maybe[str] = UNKNOWN
    machine: Maybe[Machine] = UNKNOWN
