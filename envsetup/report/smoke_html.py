"""The proof as one self-contained page: no script, no network, every number with its limit."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from envsetup.report.smoke_text import CPU_PROOF, WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envsetup.model.proof import Metric, SmokeCheck, SmokeReport

WIDTH, HEIGHT, EDGE = 640, 200, 34

STYLE = """
:root { --ink: #1d2430; --soft: #667085; --line: #e4e7ec; --good: #1a7f4b; --bad: #c4320a; --warn: #b54708;
 --data: #175cd3; --band: #d1e9ff; --paper: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #344054; --good: #4ade80;
 --bad: #f97066; --warn: #fdb022; --data: #84caff; --band: #1e3a5f; --paper: #101828; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1000px;
 margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem }
.word { font-weight: 700 } .pass, .PASS { color: var(--good) } .fail, .FAIL, .ERROR, .TIMEOUT { color: var(--bad) }
.not-verified, .WARN { color: var(--warn) } .SKIP, .soft { color: var(--soft) }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; vertical-align: top; padding: .35rem .6rem;
 border-bottom: 1px solid var(--line) } td.n { font-variant-numeric: tabular-nums; white-space: nowrap }
svg { max-width: 100%; height: auto } svg text { font: 11px system-ui, sans-serif; fill: var(--soft) }
.curve { fill: none; stroke: var(--data); stroke-width: 1.6 } .golden { fill: none; stroke: var(--warn);
 stroke-width: 6; opacity: .45 } .axis { stroke: var(--line) } .bar { fill: var(--data) } .room { fill: var(--band) }
summary { cursor: pointer }
"""


def smoke_html(report: SmokeReport) -> str:
    """The page."""
    body = "\n".join(_body(report))
    title = escape(f"envsetup smoke: {report.headline}")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body>\n{body}\n</body></html>\n"
    )


def _body(report: SmokeReport) -> Iterator[str]:
    word, line = WORDS[report.verdict][0], report.headline
    if report.verdict == "pass" and line.startswith(CPU_PROOF):
        word, line = "CPU PROOF", line[len(CPU_PROOF) :]
    yield f'<h1><span class="word {report.verdict}">{word}</span> {escape(line)}</h1>'
    facts = {**report.framework, **report.host, "level": report.level, "started": report.started}
    shown = " · ".join(f"{escape(str(k))} {escape(str(v))}" for k, v in facts.items() if v is not None)
    yield f'<p class="soft">{shown} · {report.duration_s:.1f} s</p>'
    checks = {check.id: check for check in report.checks}
    if "learning" in checks and checks["learning"].evidence.get("losses"):
        yield from _learning(checks["learning"])
    if "golden-curve" in checks and checks["golden-curve"].evidence.get("losses"):
        yield from _golden(checks["golden-curve"])
    yield "<h2>Every check</h2><table><tr><th>check</th><th>status</th><th>result</th><th>seconds</th></tr>"
    yield from (_row(check) for check in report.checks)
    yield "</table>"


def _learning(check: SmokeCheck) -> Iterator[str]:
    losses = check.evidence["losses"]
    yield "<h2>Loss of the reference CNN, step by step</h2>"
    yield _chart([("curve", losses)], f"{len(losses)} training steps", "cross-entropy")
    accuracy = check.metrics["test_accuracy"]
    yield f"<h2>Accuracy on images it never saw: {_number(accuracy)}</h2>"
    marks = {"chance": 0.1, "best linear model": check.evidence.get("ceiling"), "needed": accuracy.limit}
    span = WIDTH - 2 * EDGE
    bar = (accuracy.value or 0) * span
    ticks = "".join(
        f'<line class="axis" stroke-width="2" x1="{EDGE + at * span:.0f}" x2="{EDGE + at * span:.0f}" y1="4" y2="34"/>'
        f'<text x="{EDGE + at * span + 3:.0f}" y="46">{escape(name)} {at:.2f}</text>'
        for name, at in marks.items()
        if at is not None and at < 1
    )
    yield (
        f'<svg viewBox="0 0 {WIDTH} 52" width="{WIDTH}" role="img" aria-label="accuracy {_number(accuracy)}">'
        f'<rect class="room" x="{EDGE}" y="8" width="{span}" height="20"/>'
        f'<rect class="bar" x="{EDGE}" y="8" width="{bar:.0f}" height="20"/>{ticks}</svg>'
    )


def _golden(check: SmokeCheck) -> Iterator[str]:
    deviation = check.metrics.get("max_deviation")
    yield "<h2>Golden curve: ten steps against float64</h2>"
    lines = [("golden", check.evidence["golden"]), ("curve", check.evidence["losses"])]
    yield _chart(lines, "training steps; the wide line is the float64 reference", "loss")
    if deviation is not None:
        yield f'<p class="soft">largest relative deviation {_number(deviation)}{_limit(deviation)}</p>'


def _chart(lines: Sequence[tuple[str, Sequence[float | None]]], below: str, beside: str) -> str:
    known = [value for _, values in lines for value in values if value is not None]
    low, high = min(known), max(known)
    span = (high - low) or 1.0
    drawn = "".join(f'<polyline class="{kind}" points="{_points(values, low, span)}"/>' for kind, values in lines)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" aria-label="{escape(beside)}">'
        f'<line class="axis" x1="{EDGE}" x2="{WIDTH - EDGE}" y1="{HEIGHT - EDGE}" y2="{HEIGHT - EDGE}"/>{drawn}'
        f'<text x="0" y="16">{high:.3g}</text><text x="0" y="{HEIGHT - EDGE}">{low:.3g}</text>'
        f'<text x="{EDGE}" y="{HEIGHT - 12}">{escape(below)}</text></svg>'
    )


def _points(values: Sequence[float | None], low: float, span: float) -> str:
    across, up = WIDTH - 2 * EDGE, HEIGHT - EDGE - 12
    step = across / max(len(values) - 1, 1)
    return " ".join(
        f"{EDGE + i * step:.1f},{12 + (1 - (value - low) / span) * up:.1f}"
        for i, value in enumerate(values)
        if value is not None
    )


def _row(check: SmokeCheck) -> str:
    numbers = "".join(
        f'<tr><td>{escape(name)}</td><td class="n">{_number(metric)}</td><td class="soft">{_limit(metric)}</td></tr>'
        for name, metric in check.metrics.items()
    )
    detail = f"<details><summary>{escape(check.reason) or 'numbers'}</summary><table>{numbers}</table></details>"
    return (
        f'<tr><td title="{escape(check.title)}">{escape(check.id)}</td><td class="word {check.status}">{check.status}'
        f'</td><td>{detail if numbers else escape(check.reason)}</td><td class="n">{check.duration_s:.1f}</td></tr>'
    )


def _number(metric: Metric) -> str:
    return "not finite" if metric.value is None else f"{metric.value:.4g}"


def _limit(metric: Metric) -> str:
    return "" if metric.limit is None else escape(f" {metric.op} {metric.limit:g} ({metric.limit_source})")
