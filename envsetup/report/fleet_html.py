"""A fleet's report as one page that needs nothing else.

Ten thousand hosts stay usable: they are shown as ranges, and
single ones by a search that writes only what was found.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
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
FIRST_SHOWN = 30  # characters of a range that is folded away
RANGE_SHOWN = 160  # characters of a range; a longer one is folded away
FIGURES = """
td.n,th.n{text-align:right}summary{cursor:pointer}h2{margin-top:1.5rem}input{font:inherit;width:100%}
td,th{overflow-wrap:normal}td.h,code{overflow-wrap:anywhere}td.h{width:40%}td details{margin:0}
td summary{padding:0}details p{margin:.3rem 0}
.share{display:flex;height:1rem;margin:.6rem 0;border-radius:.3rem;overflow:hidden;gap:2px}
.share i{min-width:4px}.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;list-style:none;margin:0;padding:0}
.legend i{display:inline-block;width:.8rem;height:.8rem;border-radius:.2rem;margin-right:.4rem;vertical-align:-.05rem}
.o0{background:var(--fill)}.o1{background:var(--warn)}.o2{background:var(--bad)}.o3{background:var(--wire)}
@media(max-width:640px){thead{position:absolute;clip-path:inset(50%)}tr{display:block;padding:.5rem 0;
border-bottom:1px solid var(--line)}td,td.n,td.h{display:block;width:auto;border:0;padding:.1rem 0;text-align:left}
td[data-l]::before{content:attr(data-l) ": ";color:var(--soft)}}
"""
SHADES = {"ok": 0, "findings": 1, "unreachable": 2, "timeout": 2, "no-python": 2, "bad-output": 2, "not-run": 3}
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
            _shares(report),
            '<h2><label for="find">Find a host, an outcome or a reason</label></h2>',
            '<input id="find" type="search" autocomplete="off"><p id="count" class="soft" aria-live="polite"></p>',
            '<table id="found"></table>',
            _table("Environments", ("plan", "machines", "hosts", "count"), _plans(report)),
            _table("Findings", ("severity", "finding", "hosts", "count"), _findings(report)),
            _table("Could not decide", ("hosts", "count"), _undecided(report)),
            _table("Different from their peers", ("fact", "value", "peers", "hosts", "count"), _outliers(report)),
            _table("No majority", ("fact", "value", "hosts", "count"), _splits(report)),
            _table("Hosts", ("outcome", "reason", "hosts", "count"), _hosts(report)),
            f'<p class="soft">envsetup {_safe(report.version)}</p></main>',
            f'<script type="application/json" id="rows">{rows.replace("<", chr(92) + "u003c")}</script>',
            f"<script>{SCRIPT}</script></body></html>",
            "",
        ]
    )


def _shares(report: FleetReport) -> str:
    """How the hosts ended, as one bar: what is wrong stands out by its share before any word is read."""
    counts = Counter(row.outcome for row in report.hosts).most_common()
    bar = "".join(f'<i class="o{SHADES[outcome]}" style="flex:{count}"></i>' for outcome, count in counts)
    legend = "".join(f'<li><i class="o{SHADES[outcome]}"></i>{count} {outcome}</li>' for outcome, count in counts)
    return f'<div class="share" aria-hidden="true">{bar}</div><ul class="legend">{legend}</ul>'


def _plans(report: FleetReport) -> Iterable[list[str]]:
    for plan in report.plans:
        lock = f'<br><span class="soft">lock {_safe(plan.lock)[:19]}</span>' if plan.lock else ""
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
    """A table with its last column right-aligned; on a phone each row is a block and names its cells."""
    kinds = {"hosts": "h", columns[-1]: "n"}
    names = [f'<td class="{kinds.get(column, "")}" data-l="{column}">' for column in columns]
    body = ["".join(f"{name}{cell}</td>" for name, cell in zip(names, cells, strict=True)) for cells in rows]
    if not body:
        return ""
    head = "".join(f'<th class="{kinds.get(column, "")}">{column}</th>' for column in columns)
    lines = "".join(f"<tr>{row}</tr>" for row in body)
    return f"<h2>{title}</h2><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def _range(hosts: str) -> str:
    text = _safe(hosts)
    return text if len(hosts) <= RANGE_SHOWN else f"<details><summary>{_first(hosts)}…</summary><p>{text}</p></details>"


def _first(hosts: str) -> str:
    """The beginning of a long range, ended between two of its parts."""
    return _safe(hosts[:FIRST_SHOWN].rpartition(",")[0] or hosts[:FIRST_SHOWN])


def _safe(text: str) -> str:
    return escape(clean(text))
