"""The block that a user pastes into an issue: codes on top, then evidence; nothing in it is active Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.report.clean import clean
from envsetup.report.machine_lines import machine_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.model.finding import DoctorReport, Finding
    from envsetup.model.machine import Machine


def markdown(report: DoctorReport, machine: Machine, *, home: str = "") -> str:
    """The report as Markdown; `home` is written as ~."""

    def code(text: str) -> str:
        """A code span: what stands in one is never markup, a mention or a link."""
        return f"`{_private(text, home).replace('`', chr(39))}`"

    codes = [f"`{f.code}` ({f.severity}, {f.confidence})" for f in report.findings if f.severity != "info"]
    lines = [
        f"### envsetup doctor {report.version}: {report.verdict.status}",
        "",
        code(report.verdict.headline),
        "",
        f"Codes: {', '.join(dict.fromkeys(codes)) or 'none'}",
    ]
    if report.verdict.root_cause:
        lines.append(f"Root cause: `{report.verdict.root_cause}`")
    lines += [f"Note: {code(note)}" for note in report.target.notes]
    lines += ["", "| | |", "|---|---|"]
    lines += [f"| {label} | {code(text).replace('|', '/')} |" for label, text in machine_lines(machine)]
    for finding in report.findings:
        lines += ["", *_finding(finding, code)]
    open_checks = [check for check in report.checks if check.status in ("unknown", "timeout", "crashed")]
    if open_checks:
        lines += ["", f"<details><summary>{len(open_checks)} checks without an answer</summary>", ""]
        lines += [f"- `{check.id}`: {code(check.reason)}" for check in open_checks]
        lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def _private(text: str, home: str) -> str:
    return clean(text.replace(home, "~") if len(home) > 1 else text)


def _finding(finding: Finding, code: Callable[[str], str]) -> list[str]:
    caused = f", follows from `{finding.caused_by}`" if finding.caused_by else ""
    lines = [f"#### `{finding.code}` {finding.severity}{caused}", "", code(finding.title), ""]
    lines += [f"- {code(item.what)}: {code(item.value)} ({code(item.source)})" for item in finding.evidence]
    lines.append(f"- so: {code(finding.consequence)}")
    for remedy in finding.remedies:
        lines.append(f"- fix: {code(remedy.text)}" + (f" {code(remedy.command)}" if remedy.command else ""))
    return lines
