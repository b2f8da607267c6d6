"""Two reports side by side: what differs in verdicts, statuses and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from envsetup.model.proof import SmokeCheck, SmokeReport

FAR = 0.1  # a tenth: more than healthy machines of one kind differ by


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One number of both; `ratio` is the second over the first, `far` when they differ by more than a tenth."""

    check: str
    metric: str
    unit: str
    one: float | None
    two: float | None
    ratio: float | None
    far: bool


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A status that is not the same; None where a report lacks the check."""

    check: str
    one: str | None
    two: str | None
    why: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Schema `envsetup.smoke-comparison/1`."""

    schema: str = "envsetup.smoke-comparison/1"
    headline: str
    one: dict[str, str]
    two: dict[str, str]
    statuses: list[Difference]
    rates: list[Row]
    numbers: list[Row]


def compare(one: SmokeReport, two: SmokeReport, names: tuple[str, str]) -> Comparison:
    """Statuses that differ, every rate, and every other number that both have and that has a limit."""
    first, second = _checks(one), _checks(two)
    statuses = []
    for check in sorted(first.keys() | second.keys(), key=list({**first, **second}).index):
        a, b = first.get(check), second.get(check)
        if (a and a.status) != (b and b.status):
            worse = next((c for c in (b, a) if c and c.status not in ("PASS", "SKIP")), b or a)
            was, now = a.status if a else None, b.status if b else None
            statuses.append(Difference(check=check, one=was, two=now, why=worse.reason if worse else ""))
    rows = [row for check, a in first.items() if check in second for row in _rows(check, a, second[check])]
    rates = [row for row in rows if row.unit]
    far = [row for row in rates if row.far]
    headline = f"{len(statuses)} of {len(first.keys() | second.keys())} checks ended differently"
    if rates:
        headline += f", {len(far)} of {len(rates)} rates differ by more than a tenth"
    return Comparison(
        headline=headline,
        one=_who(one, names[0]),
        two=_who(two, names[1]),
        statuses=statuses,
        rates=rates,
        numbers=[row for row in rows if not row.unit],
    )


def _checks(report: SmokeReport) -> dict[str, SmokeCheck]:
    return {check.id: check for check in report.checks}


def _who(report: SmokeReport, name: str) -> dict[str, str]:
    device = report.host.get("device_name") or report.host.get("machine")
    framework = f"{report.framework.get('name', '')} {report.framework.get('version', '')}".strip()
    return {
        "file": name,
        "verdict": report.verdict,
        "device": f"{report.device} {device or ''}".strip(),
        "framework": framework,
        "started": report.started,
    }


def _rows(check: str, a: SmokeCheck, b: SmokeCheck) -> list[Row]:
    rows = []
    for name, metric in a.metrics.items():
        other = b.metrics.get(name)
        if other is None or not (metric.unit or metric.limit):
            continue
        ratio = other.value / metric.value if metric.value and other.value is not None else None
        far = ratio is not None and abs(ratio - 1) > FAR
        rows.append(
            Row(check=check, metric=name, unit=metric.unit, one=metric.value, two=other.value, ratio=ratio, far=far)
        )
    return rows
