"""The proof as one line for Nagios, Icinga and node health checks: status, headline, performance data."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envsetup.model.proof import SmokeReport

# Return codes of the monitoring plug-ins guidelines.
OK, WARNING, CRITICAL, UNKNOWN = range(4)
WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


def smoke_nagios(report: SmokeReport) -> tuple[str, int]:
    """The line, ending in a newline, and the exit code that goes with it."""
    warned = any(check.status == "WARN" for check in report.checks)
    code = {"pass": WARNING if warned else OK, "fail": CRITICAL, "not-verified": UNKNOWN}[report.verdict]
    words = report.headline
    if code == WARNING:
        words = next(f"{check.title}: {check.reason}" for check in report.checks if check.status == "WARN")
    return nagios_line(code, words, _performance(report)), code


def nagios_line(code: int, words: str, performance: str = "") -> str:
    """`SMOKE WORD - words | performance`; a bar or a line break in the words would end them."""
    clean = " ".join(words.replace("|", "/").split())
    return f"SMOKE {WORDS[code]} - {clean}{f' | {performance}' if performance else ''}\n"


def _performance(report: SmokeReport) -> str:
    """Rates, and numbers with a limit: 'check.number'=value;warn;critical."""
    entries = [f"time={report.duration_s:.1f}s"]
    for check in report.checks:
        for name, metric in check.metrics.items():
            if metric.value is None or not (metric.unit or metric.limit):
                continue
            # A range with a colon warns below, without one above.
            limit = "" if metric.limit is None else f"{metric.limit:g}{':' if metric.op == '>=' else ''}"
            entries.append(f"'{check.id}.{name}'={metric.value:.6g}{f';;{limit}' if limit else ''}")
    return " ".join(entries)
