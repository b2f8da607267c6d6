"""What the smoke test proved. Schema `envsetup.smoke/1`."""

from __future__ import annotations

from typing import Any, Literal, Optional, Union

import msgspec

SCHEMA = "envsetup.smoke/1"

Status = Literal["PASS", "WARN", "FAIL", "SKIP", "ERROR", "TIMEOUT"]
SmokeVerdict = Literal["pass", "fail", "not-verified"]


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A number with its limit; a value that is not finite is null with `nonfinite` set.

    A rate may stand beside the `peak` of this model of device, a `reference` that a healthy one reached, and the
    `baseline` that was saved on this machine.
    """

    value: Optional[Union[int, float]]
    unit: str = ""
    limit: Optional[Union[int, float]] = None
    op: Optional[Literal["<=", ">=", "==", "<", ">"]] = None
    limit_source: Optional[str] = None
    nonfinite: bool = False
    peak: Optional[float] = None
    reference: Optional[float] = None
    baseline: Optional[float] = None


class SmokeCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One check of the proof. SKIP is never PASS."""

    id: str
    title: str
    status: Status
    required: bool = True
    reason: str = ""
    framework: Optional[str] = None
    device: Optional[str] = None
    metrics: dict[str, Metric] = {}
    evidence: dict[str, Any] = {}
    duration_s: float = 0.0


class FaultRow(msgspec.Struct, frozen=True, kw_only=True):
    """One planted fault: what each check said, which caught it, and which had promised to and did not."""

    fault: str
    what: str
    statuses: dict[str, str]
    caught_by: list[str]
    missed_by: list[str] = []
    control: bool = False  # nothing is wrong: the checks must pass


class SmokeReport(msgspec.Struct, frozen=True, kw_only=True, rename={"schema_": "schema"}):
    """The whole proof; `headline` says in one line what was and what was not verified."""

    schema_: str = SCHEMA
    version: str
    level: str
    device: str
    verdict: SmokeVerdict
    headline: str
    checks: list[SmokeCheck]
    framework: dict[str, Any] = {}
    host: dict[str, Any] = {}
    started: str = ""
    duration_s: float = 0.0
    telemetry: dict[str, Any] = {}  # columns over `seconds`: utilisation, power_w, ...; `reasons`, `spans` of checks
    self_test: Optional[list[FaultRow]] = None  # only after --self-test; the report itself is that of the clean run
