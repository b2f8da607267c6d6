"""The proof as one self-contained page: no request to anywhere, every number with its limit, every figure explained."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from envsetup.report.clean import clean
from envsetup.report.page_style import STYLE
from envsetup.report.smoke_figures import figures, number, throughput
from envsetup.report.smoke_style import FIGURES, POLICY, SCRIPT
from envsetup.report.smoke_text import CPU_PROOF, WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.model.proof import FaultRow, Metric, SmokeCheck, SmokeReport
    from envsetup.smoke.comparison import Comparison, Row

FACTS = {"name": "framework", "version": "", "python": "Python", "numpy": "numpy", "device_name": "device"}
FACTS |= {"cpus": "CPUs", "platform": "system", "seed": "seed"}


def smoke_html(report: SmokeReport) -> str:
    """The page of one run; with a self-test, its matrix too."""
    return _page(f"envsetup smoke: {WORDS[report.verdict][0].lower()}", "\n".join(_body(report)))


def comparison_html(found: Comparison, one: SmokeReport, two: SmokeReport) -> str:
    """The page of two runs side by side."""
    return _page("envsetup smoke: a comparison", "\n".join(_comparison(found, one, two)))


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><title>{_safe(title)}</title>'
        f"<style>{STYLE}{FIGURES}</style></head><body><main>\n{body}\n</main><script>{SCRIPT}</script></body></html>\n"
    )


def _safe(text: str) -> str:
    return escape(clean(text))


def _body(report: SmokeReport) -> Iterator[str]:
    word, line = WORDS[report.verdict][0], report.headline
    if report.verdict == "pass" and line.startswith(CPU_PROOF):
        word, line = "CPU PROOF", line[len(CPU_PROOF) :]
    yield f'<h1><span class="pill {report.verdict}">{word}</span> {_safe(line)}</h1>'
    yield f'<p class="tally">{_tally(report)}</p>'
    yield '<div class="figures">'
    yield from figures(report)
    yield "</div>"
    yield '<section class="board"><h2>Every check</h2><table class="checks">'
    yield '<tr><th scope="col">Status</th><th scope="col">Check</th><th scope="col">Result</th></tr>'
    yield from (_row(check) for check in report.checks)
    yield "</table></section>"
    if report.self_test:
        yield _matrix(report.self_test)
    yield f'<p class="soft">{_facts(report)}</p>'


def _tally(report: SmokeReport) -> str:
    counts = {
        status: sum(check.status == status for check in report.checks)
        for status in dict.fromkeys(("FAIL", "ERROR", "TIMEOUT", "WARN", "PASS", "SKIP"))
    }
    return " ".join(f'<span class="{status}">{count} {status}</span>' for status, count in counts.items() if count)


def _facts(report: SmokeReport) -> str:
    facts = {**report.framework, **report.host}
    known = [f"{label} {facts[name]}".strip() for name, label in FACTS.items() if facts.get(name) is not None]
    known += [f"level {report.level}", f"started {report.started}", f"{report.duration_s:.1f} s"]
    return _safe(" · ".join([*known, f"envsetup {report.version}"]))


def _row(check: SmokeCheck) -> str:
    numbers = "".join(
        f'<tr><td>{_safe(name)}</td><td class="n">{number(metric)} {_safe(metric.unit)}</td>'
        f'<td class="soft">{_limit(metric)}</td></tr>'
        for name, metric in check.metrics.items()
    )
    said = _safe(check.reason) or "numbers"
    detail = f"<details><summary>{said}</summary><table>{numbers}</table></details>" if numbers else _safe(check.reason)
    several = f' <span class="soft">{_safe(check.framework)}</span>' if check.framework not in (None, "pytorch") else ""
    return (
        f'<tr><td class="{check.status}">{check.status}</td><th scope="row" title="{_safe(check.title)}">'
        f"{_safe(check.id)}{several}</th><td>{detail}</td></tr>"
    )


def _limit(metric: Metric) -> str:
    return "" if metric.limit is None else _safe(f"{metric.op} {metric.limit:g} ({metric.limit_source})")


def _matrix(rows: list[FaultRow]) -> str:
    """Faults down, checks across; a dot where a check passed in spite of the fault, a disc where it caught it."""
    checks = list(dict.fromkeys(check for row in rows for check in row.caught_by))
    head = "".join(f'<th scope="col"><span>{_safe(check)}</span></th>' for check in checks)
    body = "".join(
        f'<tr><th scope="row" title="{_safe(row.what)}">{_safe(row.fault)}</th>'
        + "".join(_cell(row, check) for check in checks)
        + "</tr>"
        for row in rows
    )
    planted = [row for row in rows if not row.control]
    caught = sum(not row.missed_by for row in planted)
    return (
        f'<section class="board"><h2>Who checks the checks: {caught} of {len(planted)} planted faults were caught</h2>'
        f'<div class="wide-table"><table class="matrix"><tr><th scope="col">fault</th>{head}</tr>{body}</table></div>'
        '<p class="soft">● caught it · · passed · ✕ had promised to catch it</p></section>'
    )


def _cell(row: FaultRow, check: str) -> str:
    if check in row.missed_by:
        return '<td class="FAIL" title="missed">✕</td>'
    if check in row.caught_by:
        return '<td class="PASS" title="caught">●</td>'
    return f'<td class="soft">{"·" if row.statuses.get(check) in ("PASS", "WARN") else ""}</td>'


def _comparison(found: Comparison, one: SmokeReport, two: SmokeReport) -> Iterator[str]:
    yield f"<h1>{_safe(found.headline)}</h1>"
    yield '<section class="board"><table><tr><th></th><th scope="col">one</th><th scope="col">two</th></tr>'
    for name, value in found.one.items():
        yield f'<tr><th scope="row">{_safe(name)}</th><td>{_safe(value)}</td><td>{_safe(found.two[name])}</td></tr>'
    yield "</table></section>"
    if found.statuses:
        yield '<section class="board"><h2>Checks that ended differently</h2><table>'
        for row in found.statuses:
            a, b = (status or "absent" for status in (row.one, row.two))
            yield (
                f'<tr><th scope="row">{_safe(row.check)}</th><td class="{a}">{a}</td><td class="{b}">{b}</td>'
                f"<td>{_safe(row.why)}</td></tr>"
            )
        yield "</table></section>"
    yield '<div class="figures">'
    yield from throughput([("one", one), ("two", two)])
    yield "</div>"
    if found.rates:
        yield f'<section class="board"><h2>Rates</h2>{_number_table(found.rates)}</section>'
    if found.numbers:
        table = _number_table(found.numbers)
        yield f'<section class="board"><details><summary>Every other number</summary>{table}</details></section>'


def _number_table(rows: list[Row]) -> str:
    return f'<div class="wide-table"><table>{"".join(map(_number_row, rows))}</table></div>'


def _number_row(row: Row) -> str:
    values = "".join(
        f'<td class="n">{"not finite" if value is None else f"{value:,.4g}"} {_safe(row.unit)}</td>'
        for value in (row.one, row.two)
    )
    kind = "WARN" if row.far and row.unit else "soft"
    ratio = "" if row.ratio is None else f"{row.ratio:.2f} x"
    return (
        f'<tr><th scope="row">{_safe(row.check)}.{_safe(row.metric)}</th>{values}<td class="n {kind}">{ratio}</td></tr>'
    )
