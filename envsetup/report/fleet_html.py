"""A fleet's report as one page that needs nothing else.

Ten thousand hosts stay usable: they are shown as ranges, and
single ones by a search that writes only what was found.
"""

from __future__ import annotations

import json
from collections import defaultdict
from html import escape
from typing import TYPE_CHECKING

from envsetup.model.hostrange import fold
from envsetup.report.clean import clean
from envsetup.report.fleet_text import by_reason, headline
from envsetup.report.page_style import POLICY, STYLE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envsetup.model.fleet import FleetReport

FOUND_SHOWN = 200  # rows that a search writes
RANGE_SHOWN = 160  # characters of a range; a longer one is folded away
FIGURES = "td.n{text-align:right}summary{cursor:pointer}h2{margin-top:1.5rem}input{font:inherit;width:100%}"
SCRIPT = """
var rows=JSON.parse(document.getElementById('rows').textContent),box=document.getElementById('find'),
out=document.getElementById('found'),count=document.getElementById('count');
function show(){var q=box.value.toLowerCase(),hits=[],all=0;out.textContent='';
if(q)rows.forEach(function(r){if(r.join(' ').toLowerCase().indexOf(q)>=0&&all++<LIMIT)hits.push(r)});
hits.forEach(function(r){var line=out.insertRow();r.forEach(function(t){line.insertCell().textContent=t})});
count.textContent=q?all+' of '+rows.length+' hosts'+(all>LIMIT?', the first '+LIMIT+' shown':''):''}
box.addEventListener('input',show);show();
""".replace("LIMIT", str(FOUND_SHOWN))


def fleet_html(report: FleetReport) -> str:
    """The report as an HTML document."""
    worst = "ready" if all(row.outcome == "ok" for row in report.hosts) else "degraded"
    worst = "broken" if any(f.severity in {"critical", "error"} for f in report.findings) else worst
    rows = json.dumps([[row.host, row.outcome, clean(row.reason)] for row in report.hosts], ensure_ascii=True)
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            f"<title>envsetup fleet</title><style>{STYLE}{FIGURES}</style></head><body><main>",
            f'<h1 class="{worst}">{_safe(headline(report))}</h1>',
            _table("Environments", ("plan", "machines", "hosts", ""), _plans(report)),
            _table("Findings", ("", "code", "hosts", ""), _findings(report)),
            _table("Could not decide", ("hosts", ""), _undecided(report)),
            _table("Different from their peers", ("fact", "value", "peers", "hosts", ""), _outliers(report)),
            _table("No majority", ("fact", "value", "hosts", ""), _splits(report)),
            _table("Hosts", ("outcome", "reason", "hosts", ""), _hosts(report)),
            '<h2><label for="find">Find a host, an outcome or a reason</label></h2>',
            '<input id="find" type="search" autocomplete="off"><p id="count" class="soft" aria-live="polite"></p>',
            f'<table id="found"></table><p class="soft">envsetup {_safe(report.version)}</p></main>',
            f'<script type="application/json" id="rows">{rows.replace("<", chr(92) + "u003c")}</script>',
            f"<script>{SCRIPT}</script></body></html>",
            "",
        ]
    )


def _plans(report: FleetReport) -> Iterable[list[str]]:
    for plan in report.plans:
        lock = f'<br><span class="soft">lock {_safe(plan.lock)}</span>' if plan.lock else ""
        yield [_safe(plan.plan) + lock, _safe(plan.kind), _range(plan.hosts), str(plan.count)]


def _findings(report: FleetReport) -> Iterable[list[str]]:
    for finding in report.findings:
        because = f'<br><span class="soft">follows from {_safe(finding.caused_by)}</span>' if finding.caused_by else ""
        said = f"<code>{_safe(finding.code)}</code><br>{_safe(finding.title)}{because}"
        severity = f'<span class="{finding.severity}">{finding.severity}</span>'
        yield [severity, said, _range(finding.hosts), str(finding.count)]


def _undecided(report: FleetReport) -> Iterable[list[str]]:
    if report.undecided:
        yield [_range(fold(report.undecided)), str(len(report.undecided))]


def _outliers(report: FleetReport) -> Iterable[list[str]]:
    groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for outlier in report.outliers:
        groups[outlier.fact, outlier.value, outlier.peers].append(outlier.host)
    for (fact, value, peers), hosts in groups.items():
        yield [f"<code>{_safe(fact)}</code>", _safe(value), _safe(peers), _range(fold(hosts)), str(len(hosts))]


def _splits(report: FleetReport) -> Iterable[list[str]]:
    for split in report.splits:
        for camp in split.camps:
            yield [f"<code>{_safe(split.fact)}</code>", _safe(camp.value), _range(camp.hosts), str(camp.count)]


def _hosts(report: FleetReport) -> Iterable[list[str]]:
    for (outcome, reason), hosts in by_reason(report.hosts):
        yield [_safe(outcome), _safe(reason), _range(fold(hosts)), str(len(hosts))]


def _table(title: str, columns: tuple[str, ...], rows: Iterable[list[str]]) -> str:
    body = ["".join(f"<td>{cell}</td>" for cell in cells[:-1]) + f'<td class="n">{cells[-1]}</td>' for cells in rows]
    if not body:
        return ""
    head = "".join(f"<th>{column}</th>" for column in columns)
    return f"<h2>{title}</h2><table><tr>{head}</tr>" + "".join(f"<tr>{row}</tr>" for row in body) + "</table>"


def _range(hosts: str) -> str:
    text = _safe(hosts)
    return text if len(hosts) <= RANGE_SHOWN else f"<details><summary>{_safe(hosts[:40])}…</summary>{text}</details>"


def _safe(text: str) -> str:
    return escape(clean(text))
