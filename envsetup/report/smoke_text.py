"""The proof as a terminal page: verdict first, the curve, then every check with its number and its limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.model.proof import Metric, SmokeCheck, SmokeReport
    from envsetup.smoke.catalogue import CheckSpec

CPU_PROOF = "CPU proof: "  # how the headline of a proof without an accelerator begins
WORDS = {"pass": ("PROVEN", "32"), "fail": ("FAILED", "31"), "not-verified": ("NOT VERIFIED", "33")}
COLOURS = {"PASS": "32", "WARN": "33", "FAIL": "31", "ERROR": "31", "TIMEOUT": "31", "SKIP": "2"}
BARS = "▁▂▃▄▅▆▇█"
ASCII_BARS = "._-~=+*#"
CURVE = 50  # characters


def smoke_text(report: SmokeReport, *, colour: bool = False, ascii_only: bool = False, verbose: int = 0) -> str:
    """The page, ending in a newline."""
    return "\n".join(_page(report, _Ink(colour=colour, ascii_only=ascii_only), verbose)) + "\n"


class _Ink:
    """Colour and line drawing, where the terminal has them."""

    def __init__(self, *, colour: bool, ascii_only: bool) -> None:
        self._colour = colour
        self.bars = ASCII_BARS if ascii_only else BARS
        self.full, self.empty, self.arrow = ("#", ".", "->") if ascii_only else ("█", "░", "→")

    def paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def _page(report: SmokeReport, ink: _Ink, verbose: int) -> Iterator[str]:
    word, code, line = *WORDS[report.verdict], report.headline
    if report.verdict == "pass" and line.startswith(CPU_PROOF):
        word, code, line = "CPU PROOF", "36", line[len(CPU_PROOF) :]
    yield f"{ink.paint(word, f'1;{code}')}   {line}   {ink.paint(f'{report.duration_s:.1f} s', '2')}"
    yield ""
    learning = next((check for check in report.checks if check.id == "learning" and check.evidence.get("losses")), None)
    if learning is not None:
        yield from _curve(learning, ink)
        yield ""
    several = len({check.framework for check in report.checks}) > 1
    names = [f"{check.framework} {check.id}" if several else check.id for check in report.checks]
    width = max(map(len, names))
    room = max((len(check.reason) for check in report.checks if check.status == "PASS"), default=0)
    for check, name in zip(report.checks, names, strict=True):
        yield _row(check, ink, f"{name:<{width}}", room)
        spec = _spec(check)
        if spec and check.status in ("FAIL", "ERROR", "TIMEOUT"):
            yield f"{' ' * (width + 12)}{ink.paint(f'not shown: {spec.proves}', '2')}"
        if verbose:
            yield from _details(check, width)
    yield from _next(report)


def _row(check: SmokeCheck, ink: _Ink, name: str, room: int) -> str:
    status = ink.paint(f"{check.status:<7}", COLOURS[check.status])
    if check.status == "SKIP":
        return f"  {status} {ink.paint(f'{name}  {check.reason}', '2')}"
    if check.status != "PASS":
        return f"  {status} {name}  {check.reason}"
    limit = _tightest(check)
    return f"  {status} {name}  {check.reason:<{room}}  {ink.paint(limit, '2')}".rstrip()


def _tightest(check: SmokeCheck) -> str:
    """The limit that was nearest to being broken; of counts, that they are as they must be."""
    close: list[tuple[float, str]] = []
    for metric in check.metrics.values():
        if metric.value is None or not metric.limit or metric.value == metric.limit:
            continue
        ratio = metric.value / metric.limit
        close.append((ratio if metric.op == "<=" else 1 / (ratio or 1), f"{metric.op} {metric.limit:g}"))
    return max(close)[1] if close else ""


def _details(check: SmokeCheck, width: int) -> Iterator[str]:
    indent = " " * (width + 12)
    spec = _spec(check)
    if spec and check.status == "PASS":
        yield f"{indent}shows: {spec.proves}"
    if spec:
        yield f"{indent}cannot see: {spec.blind}"
    for name, metric in check.metrics.items():
        yield f"{indent}{name} = {_number(metric)} {metric.unit}".rstrip() + _limit(metric)
    stderr = check.evidence.get("stderr") or check.evidence.get("traceback")
    if stderr:
        yield from (f"{indent}{line}" for line in str(stderr).splitlines())


def _spec(check: SmokeCheck) -> CheckSpec | None:
    """What the catalogue says of a check; `survival` of a soak is not in it."""
    from envsetup.smoke.catalogue import catalogue  # noqa: PLC0415 - only where it is shown

    return next((spec for spec in catalogue().checks if spec.id == check.id), None)


def _number(metric: Metric) -> str:
    return "not finite" if metric.value is None else f"{metric.value:.6g}"


def _limit(metric: Metric) -> str:
    return "" if metric.limit is None else f"   {metric.op} {metric.limit:g}   {metric.limit_source}"


def _curve(learning: SmokeCheck, ink: _Ink) -> Iterator[str]:
    evidence = learning.evidence
    losses = [value for value in evidence["losses"] if value is not None]
    if not losses:
        return
    speed = _value(learning, "images_per_second")
    yield (
        f"  loss      {ink.paint(sparkline(losses, ink.bars), '36')}  {losses[0]:.2f} {ink.arrow} {losses[-1]:.3f}"
        f"  in {evidence['steps']} steps, {speed:,.0f} images/s"
    )
    accuracy = _value(learning, "test_accuracy")
    filled = round(accuracy * CURVE)
    bar = ink.paint(ink.full * filled, "36") + ink.empty * (CURVE - filled)
    yield f"  accuracy  {bar}  {accuracy:.3f} on images it never saw"
    gate = learning.metrics["test_accuracy"].limit or 0
    marks = {"chance": 0.1, "best linear": evidence["ceiling"]}
    if gate < 1:
        marks["needed"] = gate
    yield "            " + _ruler(marks)


def _value(check: SmokeCheck, name: str) -> float:
    return check.metrics[name].value or 0.0


def _ruler(marks: dict[str, float]) -> str:
    """Names under their places on the bar; a name that would run into the one before moves right."""
    line = ""
    for name, place in sorted(marks.items(), key=lambda item: item[1]):
        at = round(place * CURVE)
        line = line.ljust(at) if len(line) <= at else line + " "
        line += f"^{name} {place:.2f}"
    return line


def sparkline(values: list[float], bars: str = BARS, width: int = CURVE) -> str:
    """Values as a row of bars, at most `width`, each the mean of its share."""
    count = min(width, len(values))
    shares = [values[i * len(values) // count : (i + 1) * len(values) // count] for i in range(count)]
    means = [sum(share) / len(share) for share in shares]
    low, high = min(means), max(means)
    span = (high - low) or 1.0
    return "".join(bars[min(int((mean - low) / span * len(bars)), len(bars) - 1)] for mean in means)


def _next(report: SmokeReport) -> Iterator[str]:
    advice = _advice(report)
    if advice:
        yield ""
        yield f"Next: {advice}"


def _advice(report: SmokeReport) -> str:
    failed: set[Any] = {check.id for check in report.checks if check.status in ("FAIL", "ERROR", "TIMEOUT")}
    if failed & {"import", "devices"}:
        return "envsetup doctor   (says why the framework and the device do not come together)"
    if failed:
        return "envsetup smoke -v   (every number beside its limit and where the limit comes from)"
    if report.verdict == "not-verified":
        return "envsetup doctor --require gpu   (why no GPU was used), or envsetup smoke --device cpu if none is wanted"
    return ""
