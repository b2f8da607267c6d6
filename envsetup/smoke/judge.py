"""Numbers in, statuses out. Nothing here touches a machine, so every limit can be tripped in a test."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import msgspec

from envsetup.model.proof import Metric, SmokeCheck

if TYPE_CHECKING:
    from envsetup.model.proof import Status
    from envsetup.smoke.catalogue import CheckSpec, Gate

OPS = {"<=": operator.le, ">=": operator.ge, "==": operator.eq}
BREACH = {"<=": "is above", ">=": "is below", "==": "is not"}


class Measured(msgspec.Struct, kw_only=True):
    """What a check brought home: numbers (None when not finite) and evidence."""

    metrics: dict[str, float | None]
    evidence: dict[str, Any] = {}
    duration_s: float = 0.0


def judge(spec: CheckSpec, found: Measured, *, device: str, data: str) -> SmokeCheck:
    """Hold every number against its gates; a number that was promised and is missing is an ERROR, never a PASS."""
    metrics = {
        name: Metric(value=value, unit=spec.rates.get(name, ""), nonfinite=value is None)
        for name, value in found.metrics.items()
    }
    worst: Status = "PASS"
    reasons: list[str] = []
    failed: set[str] = set()
    for gate in sorted(spec.gates, key=lambda gate: gate.severity == "warn"):
        if gate.data not in (None, data) or (gate.on and device not in gate.on):
            continue
        for name in gate.metrics:
            if name not in found.metrics:
                if not gate.optional:
                    return _check(
                        spec, found, metrics, device=device, status="ERROR", reason=f"{name} was not measured"
                    )
                continue
            value = found.metrics[name]
            if metrics[name].limit is None or (_breached(gate, value) and name not in failed):
                metrics[name] = msgspec.structs.replace(
                    metrics[name], limit=gate.limit, op=gate.op, limit_source=gate.source
                )
            if _breached(gate, value) and name not in failed:  # a warning adds nothing to a failure
                status, reason = _consequence(spec, gate, name, value, device)
                named = found.evidence.get("named", {}).get(name)  # who it was, where the check can tell
                reasons.append(f"{reason} ({named})" if named else reason)
                worst = "FAIL" if "FAIL" in (worst, status) else "WARN"
                failed.update({name} if status == "FAIL" else ())
    reason = _breaches(reasons) if reasons else _summary(spec, found)
    return _check(spec, found, metrics, device=device, status=worst, reason=reason)


def _breached(gate: Gate, value: float | None) -> bool:
    return value is None or not OPS[gate.op](value, gate.limit)


def _consequence(spec: CheckSpec, gate: Gate, name: str, value: float | None, device: str) -> tuple[Status, str]:
    if value is None:
        return "FAIL", f"{name} is not a finite number"
    for band in spec.bands:
        if device in band.on and band.above < value <= band.upto:
            return "WARN", f"{name} {value:.3g}: {band.means}"
    return ("FAIL" if gate.severity == "fail" else "WARN"), f"{name} {value:.3g} {BREACH[gate.op]} {gate.limit:.4g}"


def _breaches(reasons: list[str]) -> str:
    shown = 3
    more = f" and {len(reasons) - shown} more" if len(reasons) > shown else ""
    return "; ".join(reasons[:shown]) + more


def _summary(spec: CheckSpec, found: Measured) -> str:
    """The check's own sentence; the bare title when a number for it is missing."""
    worst = found.evidence.get("worst")
    known = {**found.evidence, **found.metrics}
    if isinstance(worst, str):
        known["worst_value"] = found.metrics.get(worst, found.metrics.get("worst_gradient"))
    try:
        return spec.summary.format(**known)
    except (KeyError, TypeError, ValueError):
        return ""


def _check(
    spec: CheckSpec, found: Measured, metrics: dict[str, Metric], *, device: str, status: Status, reason: str
) -> SmokeCheck:
    return SmokeCheck(
        id=spec.id,
        title=spec.title,
        status=status,
        reason=reason,
        device=device,
        metrics=metrics,
        evidence=found.evidence,
        duration_s=round(found.duration_s, 3),
    )


def unmeasured(
    spec: CheckSpec, status: Status, reason: str, *, device: str, required: bool, evidence: dict[str, Any]
) -> SmokeCheck:
    """A check that brought no numbers home, and why."""
    return SmokeCheck(
        id=spec.id, title=spec.title, status=status, reason=reason, device=device, required=required, evidence=evidence
    )
