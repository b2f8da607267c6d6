"""The report as one page that needs nothing else: readable on a phone, dark and light, no request to anywhere."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from envsetup.report.clean import clean
from envsetup.report.doctor_screen import WORDS
from envsetup.report.machine_lines import machine_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from envsetup.model.finding import CheckResult, DoctorReport, Finding, Remedy
    from envsetup.model.machine import Machine

    Safe = Callable[[str], str]  # text made safe to stand anywhere in the page

NEEDS = {"root": "needs root", "reboot": "needs a reboot", "hardware": "at the machine"}
STYLE = """
:root{color-scheme:light dark;--bg:#fff;--ink:#1b1f24;--soft:#57606a;--card:#f6f8fa;--line:#d0d7de;--bad:#b42318;
--warn:#8a5a00;--good:#116329;--open:#6639ba}
@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--ink:#e6edf3;--soft:#9198a1;--card:#161b22;--line:#30363d;
--bad:#ff8a80;--warn:#e3b341;--good:#56d364;--open:#b392f0}}
*{box-sizing:border-box}body{margin:0 auto;padding:1rem;max-width:56rem;background:var(--bg);color:var(--ink);
font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}h1{font-size:1.4rem;line-height:1.3;margin:.5rem 0 1rem}
h2{font-size:1.1rem;margin:0 0 .5rem}.ready{color:var(--good)}.degraded,.warning{color:var(--warn)}
.broken,.error,.critical{color:var(--bad)}.unknown{color:var(--open)}.info{color:var(--soft)}
article,dl,fieldset{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:1rem;margin:0 0 1rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem}dt{color:var(--soft)}dd{margin:0}
ul{padding-left:1.2rem;margin:.25rem 0}code,pre{font:.9em/1.5 ui-monospace,monospace}pre{white-space:pre-wrap;
background:var(--bg);border:1px solid var(--line);border-radius:6px;padding:.5rem;margin:.25rem 0}
button{font:inherit;font-size:.85rem;padding:.2rem .7rem;border:1px solid var(--soft);border-radius:6px;
background:var(--bg);color:var(--ink);cursor:pointer}:focus-visible{outline:3px solid var(--open);outline-offset:2px}
.way{display:flex;gap:.5rem;align-items:start}.way pre{flex:1;min-width:0;margin:0}.way+p{margin-top:1rem}
.soft{color:var(--soft)}label{margin-right:1rem}table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.2rem .5rem;border-bottom:1px solid var(--line)}
"""
# Filters hide by severity; the copy button takes the text of the block before it. In a frame of a notebook there is no
# clipboard: the text is selected then, and copied the old way where that is allowed.
SCRIPT = """
document.querySelectorAll('input[data-severity]').forEach(function(box){box.addEventListener('change',function(){
document.querySelectorAll('article.'+box.dataset.severity+'-finding').forEach(function(a){a.hidden=!box.checked})})});
document.querySelectorAll('button[data-copy]').forEach(function(b){b.addEventListener('click',function(){
var text=b.previousElementSibling,done=function(){b.textContent='Copied'},select=function(){
var r=document.createRange();r.selectNodeContents(text);var s=getSelection();s.removeAllRanges();s.addRange(r);
if(document.execCommand('copy'))done()};
if(navigator.clipboard)navigator.clipboard.writeText(text.textContent).then(done,select);else select()})});
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def html(report: DoctorReport, machine: Machine, *, home: str = "") -> str:
    """The report as an HTML document; `home` is written as ~."""

    def safe(text: str) -> str:
        return escape(clean(text.replace(home, "~") if len(home) > 1 else text))

    status = report.verdict.status
    severities = list(dict.fromkeys(finding.severity for finding in report.findings))
    facts = "".join(f"<dt>{label}</dt><dd>{safe(text)}</dd>" for label, text in machine_lines(machine))
    boxes = "".join(
        f'<label><input type="checkbox" checked data-severity="{name}"> {name}</label>' for name in severities
    )
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            f"<title>envsetup doctor: {WORDS[status].lower()}</title><style>{STYLE}</style></head><body><main>",
            f'<h1><span class="{status}">{WORDS[status]}</span> {safe(report.verdict.headline)}</h1>',
            f"<dl>{facts}</dl>" if facts else "",
            f"<fieldset><legend>Show</legend>{boxes}</fieldset>" if len(severities) > 1 else "",
            *(_finding(finding, _anchor(report, place), safe) for place, finding in enumerate(report.findings)),
            _checks(report.checks, safe),
            f'<p class="soft">envsetup {safe(report.version)}, from: {report.target.kind}</p></main>',
            f"<script>{SCRIPT}</script></body></html>",
            "",
        ]
    )


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
