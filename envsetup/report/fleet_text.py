"""A fleet's report for the terminal: the answer first, findings and differences by host range, silent hosts last."""

from __future__ import annotations

import textwrap
from collections import Counter, defaultdict
from itertools import islice
from typing import TYPE_CHECKING

from envsetup.model.fleet import REPORTED
from envsetup.model.hostrange import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envsetup.model.fleet import FleetReport, HostRow

OUTLIERS_SHOWN = 50  # lines; the JSON has all of them


def fleet_text(report: FleetReport, *, width: int = 100, verbose: bool = False, quiet: bool = False) -> str:
    """The report as plain text; `quiet` is its first line, `verbose` names the hosts that are well too."""
    if quiet:
        return headline(report) + "\n"
    parts = (
        _plans(report),
        _not_made(report),
        _findings(report),
        _undecided(report),
        _outliers(report),
        _splits(report),
        _silent(report),
        _well(report) if verbose else iter(()),
    )
    lines = [headline(report)]
    for part in parts:
        title, *rest = [*part] or [""]
        lines += ["", title, *(wrapped for line in rest for wrapped in _wrapped(line, width))] if title else []
    return "\n".join(lines) + "\n"


def _plans(report: FleetReport) -> Iterator[str]:
    if report.plans:
        yield "Environments"
    for plan in report.plans:
        lock = f", lock {plan.lock.partition(':')[2][:12]}" if plan.lock else ""
        yield f"  {plan.hosts} ({plan.count}): {plan.plan}{lock}"
        yield f"           {plan.kind}; {plan.canary} goes first" if not plan.lock else f"           {plan.kind}"
        yield from (f"           warning: {warning}" for warning in plan.warnings)


def _not_made(report: FleetReport) -> Iterator[str]:
    failed = [row for row in report.hosts if row.outcome == "findings"] if report.plans else []
    if failed:
        yield "Not made"
    yield from (f"  {fold(hosts)} ({len(hosts)}): {reason}" for (_, reason), hosts in by_reason(failed))


def _findings(report: FleetReport) -> Iterator[str]:
    if report.findings:
        yield "Findings"
    for finding in report.findings:
        because = f" (because of {finding.caused_by})" if finding.caused_by else ""
        yield f"  {finding.severity:8} {finding.code}: {finding.hosts} ({finding.count})"
        yield f"           {finding.title}{because}"


def _undecided(report: FleetReport) -> Iterator[str]:
    if report.undecided:
        yield "Could not decide"
        yield f"  {fold(report.undecided)} ({len(report.undecided)})"


def _outliers(report: FleetReport) -> Iterator[str]:
    groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for outlier in report.outliers:
        groups[outlier.fact, outlier.value, outlier.peers].append(outlier.host)
    if groups:
        yield "Different from their peers"
    for (fact, value, peers), hosts in islice(groups.items(), OUTLIERS_SHOWN):
        yield f"  {fold(hosts)}: {fact} {value}; peers: {peers}"
    if len(groups) > OUTLIERS_SHOWN:
        yield f"  and {len(groups) - OUTLIERS_SHOWN} more: see --json"


def _splits(report: FleetReport) -> Iterator[str]:
    if report.splits:
        yield "No majority"
    for split in report.splits:
        yield f"  {split.fact}: " + "; ".join(f"{camp.value} on {camp.hosts} ({camp.count})" for camp in split.camps)


def _well(report: FleetReport) -> Iterator[str]:
    rows = [row for row in report.hosts if row.outcome == "ok"]
    if rows:
        yield "Well"
    yield from (f"  {fold(hosts)} ({len(hosts)}): {reason}" for (_, reason), hosts in by_reason(rows))


def _silent(report: FleetReport) -> Iterator[str]:
    silent = [row for row in report.hosts if row.outcome not in REPORTED]
    if silent:
        yield "No report"
    for (outcome, reason), hosts in by_reason(silent):
        said = f": {reason}" if reason else ""
        yield f"  {outcome:12} {fold(hosts)} ({len(hosts)}){said}"


def headline(report: FleetReport) -> str:
    """The answer in one line."""
    counts = Counter(row.outcome for row in report.hosts)
    words = {"ok": "ok", "findings": "with findings"}
    said = ", ".join(f"{counts[outcome]} {words.get(outcome, outcome)}" for outcome, _ in counts.most_common())
    return f"{report.received} of {report.expected} hosts reported: {said}" if said else "no hosts"


def by_reason(rows: Iterable[HostRow]) -> list[tuple[tuple[str, str], list[str]]]:
    """Hosts by outcome and reason, the most first."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        groups[row.outcome, row.reason].append(row.host)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


def _wrapped(line: str, width: int) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
