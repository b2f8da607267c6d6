"""The self-test as a matrix: which check caught which planted fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.smoke.catalogue import catalogue

if TYPE_CHECKING:
    from envsetup.model.proof import FaultRow, SmokeReport


def smoke_matrix(report: SmokeReport, *, ascii_only: bool = False) -> str:
    """The page, verdict first, ending in a newline."""
    rows = report.self_test or []
    planted = [row for row in rows if not row.control]
    missed = [row for row in planted if row.missed_by]
    caught, passed, lost = ("x", ".", "MISSED") if ascii_only else ("●", "·", "MISSED")
    present = {check for row in rows for check in row.statuses}
    checks = [spec for spec in catalogue().checks if spec.id in present]
    width = max((len(row.fault) for row in rows), default=0)
    word = "PROVEN" if self_test_holds(report) else "FAILED"
    kept = f"{len(planted) - len(missed)} of {len(planted)} planted faults were caught"
    lines = [f"{word}   {kept}; the clean run: {report.verdict}", ""]
    for number, spec in enumerate(checks):
        lines.append(f"  {' ' * width}{'  |' * number}  {spec.id}")
    for row in rows:
        cells = "".join(f"  {_cell(row, spec.id, caught, passed)}" for spec in checks)
        lines.append(
            f"  {row.fault:<{width}}{cells}{f'  {lost}: ' + ', '.join(row.missed_by) if row.missed_by else ''}"
        )
    lines += ["", f"  {caught} caught   {passed} passed   (blank: not run, or never reached)"]
    return "\n".join(lines) + "\n"


def self_test_holds(report: SmokeReport) -> bool:
    """Whether the clean run passed and every promise was kept."""
    rows = report.self_test or []
    return report.verdict == "pass" and bool(rows) and not any(row.missed_by for row in rows)


def _cell(row: FaultRow, check: str, caught: str, passed: str) -> str:
    if check in row.caught_by:
        return caught
    return passed if row.statuses.get(check) in ("PASS", "WARN") else " "
