"""The report as one page that needs nothing else: readable on a phone, dark and light, no request to anywhere."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from envsetup.doctor.case import Case
from envsetup.report.clean import clean
from envsetup.report.doctor_markdown import markdown
from envsetup.report.doctor_screen import WORDS
from envsetup.report.layer_chain import chain
from envsetup.report.machine_board import board
from envsetup.report.page_style import DRAWING, POLICY, SCRIPT, STYLE
from envsetup.report.version_scale import scale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from envsetup.model.finding import CheckResult, DoctorReport, Finding, Remedy
    from envsetup.model.machine import Machine

    Safe = Callable[[str], str]  # text made safe to stand anywhere in the page

NEEDS = {"root": "needs root", "reboot": "needs a reboot", "hardware": "at the machine"}
FEW = 3  # findings that need no search


def html(report: DoctorReport, machine: Machine, *, home: str = "") -> str:
    """The report as an HTML document; `home` is written as ~."""

    def safe(text: str) -> str:
        return escape(clean(text.replace(home, "~") if len(home) > 1 else text))

    status, findings = report.verdict.status, report.findings
    case = Case(machine, kind=report.target.kind)
    anchors = {place: _anchor(report, place) for place in range(len(findings))}
    drawn = board(case, findings, anchors, safe) + scale(case, findings, safe)
    told = "".join(_finding(finding, anchors[place], safe) for place, finding in enumerate(findings))
    serious = any(finding.severity != "info" for finding in findings)
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            f"<title>envsetup doctor: {WORDS[status].lower()}</title>",
            f"<style>{STYLE}{DRAWING}</style></head><body><main>",
            f'<h1><span class="pill {status}">{WORDS[status]}</span> {safe(report.verdict.headline)}</h1>',
            *(f'<p class="soft">Note: {safe(note)}</p>' for note in report.target.notes),
            chain(case, findings, anchors, safe),
            _filters(findings),
            *((told, drawn) if serious else (drawn, told)),
            _checks(report.checks, safe),
            _paste(markdown(report, machine, home=home)),
            f'<p class="soft">envsetup {safe(report.version)}, from: {report.target.kind}</p></main>',
            f"<script>{SCRIPT}</script></body></html>",
            "",
        ]
    )


def _filters(findings: Sequence[Finding]) -> str:
    severities = list(dict.fromkeys(finding.severity for finding in findings))
    if len(findings) < 2:  # noqa: PLR2004 - one needs no choice
        return ""
    boxes = "".join(
        f'<label><input type="checkbox" checked data-severity="{name}"> {name}</label>' for name in severities
    )
    search = '<br><label>Search <input type="search" autocomplete="off"></label>' if len(findings) > FEW else ""
    return f'<fieldset><legend>Findings</legend>{boxes}{search}<span class="soft" role="status"></span></fieldset>'


def _paste(text: str) -> str:
    """The block for an issue; it holds no control characters as it is."""
    block = f"<pre>{escape(text)}</pre>"
    button = '<button type="button" data-copy>Copy</button>'
    return f'<details><summary>As Markdown, for an issue</summary><div class="way">{block}{button}</div></details>'


def _anchor(report: DoctorReport, place: int) -> str:
    """The code, with a number from its second finding on: two GPUs may have one fault, and an id names one thing."""
    code = report.findings[place].code
    before = sum(finding.code == code for finding in report.findings[:place])
    return f"{code}-{before + 1}" if before else code


def _finding(finding: Finding, anchor: str, safe: Safe) -> str:
    caused = f'<p class="soft">Follows from <code>{safe(finding.caused_by)}</code>.</p>' if finding.caused_by else ""
    seen = "".join(
        f'<li>{safe(e.what)}: <strong>{safe(e.value)}</strong> <span class="soft">({safe(e.source)})</span></li>'
        for e in finding.evidence
    )
    ways = "".join(_remedy(remedy, safe) for remedy in finding.remedies)
    sure = "" if finding.confidence == "certain" else f", {finding.confidence}"
    return (
        f'<article class="{finding.severity}-finding" id="{safe(anchor)}">'
        f'<h2><span class="{finding.severity}">{finding.severity}{sure}</span> {safe(finding.title)}</h2>'
        f'<p class="soft"><code>{safe(finding.code)}</code> on {safe(finding.subject)}</p>{caused}'
        f"<p>{safe(finding.consequence)}</p><ul>{seen}</ul>{ways}</article>"
    )


def _remedy(remedy: Remedy, safe: Safe) -> str:
    needs = f' <span class="soft">({NEEDS[remedy.needs]})</span>' if remedy.needs in NEEDS else ""
    text = f"<p>{safe(remedy.text)}{needs}</p>"
    if not remedy.command:
        return text
    button = '<button type="button" data-copy>Copy</button>'
    return f'{text}<div class="way"><pre><code>{safe(remedy.command)}</code></pre>{button}</div>'


def _checks(checks: Iterable[CheckResult], safe: Safe) -> str:
    rows = "".join(
        f'<tr><td>{check.status}</td><th scope="row">{safe(check.id)}</th><td>{safe(check.reason)}</td></tr>'
        for check in checks
    )
    head = '<tr><th scope="col">Status</th><th scope="col">Check</th><th scope="col">Reason</th></tr>'
    return f"<details><summary>Every check</summary><table>{head}{rows}</table></details>"
