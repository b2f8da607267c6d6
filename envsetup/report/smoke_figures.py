"""The figures of a proof: each is a title, a sentence that says how to read it, and a drawing."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from envsetup.report.svg_chart import Line, dot_rows, line_chart

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envsetup.model.proof import Metric, SmokeCheck, SmokeReport

NAMES = {"pytorch": "PyTorch", "tensorflow": "TensorFlow", "jax": "JAX"}
KINDS = ("one", "two", "three")  # classes of curves that lie over one another
STRIPS = {"utilisation": "Utilisation, %", "power_w": "Power, W", "clock_mhz": "Clock, MHz"}
STRIPS |= {"temperature_c": "Temperature, C", "memory_mib": "Memory, MiB"}
LOUD = ("hw-slowdown", "hw-thermal", "hw-power-brake", "sw-thermal")


def figures(report: SmokeReport) -> Iterator[str]:
    """Every figure that this report has numbers for."""
    yield from _loss(_each(report, "learning"))
    yield from _accuracy(_each(report, "learning"))
    yield from _golden(_each(report, "golden-curve"))
    yield from _errors(report)
    yield from throughput([("", report)])
    yield from _roofline(report)
    yield from _telemetry(report.telemetry)


def _each(report: SmokeReport, name: str) -> list[SmokeCheck]:
    """A check once per framework, where it brought a curve home."""
    return [check for check in report.checks if check.id == name and check.evidence.get("losses")]


def figure(title: str, reading: str, drawing: str, *, wide: bool = False) -> str:
    """A card with the drawing, its explanation, and a button that saves it as an image."""
    button = '<button type="button" data-png>PNG</button>' if "<svg" in drawing else ""
    return (
        f"<figure{' class=wide' if wide else ''}><figcaption><h2>{escape(title)}</h2>{button}</figcaption>{drawing}"
        f'<p class="soft">{reading}</p></figure>'
    )


def _legend(names: Sequence[str]) -> str:
    if len(names) < 2:  # noqa: PLR2004 - one curve needs no name
        return ""
    items = "".join(f'<span class="key {kind}">{escape(name)}</span>' for kind, name in zip(KINDS, names, strict=False))
    return f'<p class="legend">{items}</p>'


def _name(check: SmokeCheck) -> str:
    return NAMES.get(check.framework or "", check.framework or "")


def _numbered(values: Sequence[float | None]) -> list[tuple[float, float | None]]:
    return [(float(number), value) for number, value in enumerate(values, 1)]


def _loss(found: list[SmokeCheck]) -> Iterator[str]:
    if not found:
        return
    lines = [Line(kind, _numbered(c.evidence["losses"])) for kind, c in zip(KINDS, found, strict=False)]
    known = [value for c in found for value in c.evidence["losses"] if value is not None]
    if not known:
        return
    drawn = line_chart(lines, "training loss by step", x="training step", y_range=(0.0, max(known)))
    speed = "; ".join(
        f"{_name(c)} {_value(c, 'images_per_second'):,.0f} images/s".strip()
        for c in found
        if "images_per_second" in c.metrics
    )
    yield figure(
        "Training loss",
        f"Cross-entropy of the reference CNN, step by step. {escape(speed)}",
        _legend([_name(c) for c in found]) + drawn,
    )


def _value(check: SmokeCheck, name: str) -> float:
    return check.metrics[name].value or 0.0


def _accuracy(found: list[SmokeCheck]) -> Iterator[str]:
    found = [check for check in found if "test_accuracy" in check.metrics]
    if not found:
        return
    lines = []
    for kind, check in zip(KINDS, found, strict=False):
        curve = [(float(step), value) for step, value in check.evidence.get("validation", [])]
        points = [(0.0, 0.1), *curve, (float(check.evidence.get("steps", 1)), _value(check, "test_accuracy"))]
        lines.append(Line(kind, points))
    gate = found[0].metrics["test_accuracy"].limit
    ceiling = found[0].evidence.get("ceiling")
    marks = [("chance", 0.1), *([("best linear model", ceiling)] if ceiling else [])]
    marks += [("needed", gate)] if gate is not None and gate < 1 else []
    drawn = line_chart(lines, "accuracy by step", x="training step", y_range=(0.0, 1.0), marks=marks)
    said = "; ".join(f"{_name(c)} {_value(c, 'test_accuracy'):.3f}".strip() for c in found)
    yield figure(
        "Accuracy",
        f"On images it never saw: {escape(said)}. No linear model gets above its line.",
        _legend([_name(c) for c in found]) + drawn,
    )


def _golden(found: list[SmokeCheck]) -> Iterator[str]:
    if not found or not found[0].evidence.get("golden"):
        return
    lines = [Line("golden", _numbered(found[0].evidence["golden"]))]
    lines += [Line(kind, _numbered(c.evidence["losses"])) for kind, c in zip(KINDS, found, strict=False)]
    drawn = line_chart(lines, "loss of ten fixed steps over the float64 reference", x="training step")
    said = "; ".join(
        f"{_name(c)} {number(c.metrics['max_deviation'])}".strip() for c in found if "max_deviation" in c.metrics
    )
    limit = found[0].metrics["max_deviation"].limit if "max_deviation" in found[0].metrics else None
    room = f" of {limit:g} allowed" if limit else ""
    yield figure(
        "Golden curve",
        f"The wide band is the loss in float64. Deviation: {escape(said)}{room}.",
        _legend([_name(c) for c in found]) + drawn,
    )


def number(metric: Metric) -> str:
    """A value as a person reads it."""
    return "not finite" if metric.value is None else f"{metric.value:,.4g}"


def _errors(report: SmokeReport) -> Iterator[str]:
    groups: dict[str, tuple[list[float], float]] = {}
    for check in report.checks:
        for name, metric in check.metrics.items():
            kind = _kind_of_error(check.id, name)
            if kind and metric.value and metric.limit and metric.op == "<=":
                values, limit = groups.get(kind, ([], metric.limit))
                groups[kind] = ([*values, metric.value], min(limit, metric.limit))
    if groups:
        rows = [(name, values, limit) for name, (values, limit) in groups.items()]
        reading = "Each dot is one operation or gradient against float64; the bar is what is allowed."
        yield figure("Errors against float64", reading, dot_rows(rows, "error by format against its limit"))


def _kind_of_error(check: str, name: str) -> str | None:
    """Under which row a number is drawn."""
    plain = {"op-parity": "operations", "gradient-parity": "gradients", "golden-curve": "ten steps"}
    plain |= {"channels-last": "channels_last", "compile": "compiled"}
    if check in plain and not name.startswith(("kernels", "cudnn")):
        return f"{plain[check]}, float32"
    if check == "amp" and name.startswith("bf16"):
        return f"autocast, {'gradients' if 'gradient' in name else 'bfloat16'}"
    if check == "matmul" and name.endswith("_deviation"):
        return f"product, {name.removesuffix('_deviation')}"
    return "together = alone" if (check, name) == ("ranks", "ddp_deviation") else None


def throughput(reports: Sequence[tuple[str, SmokeReport]]) -> Iterator[str]:
    """Images per second by batch, of one report or of several over one another."""
    lines, names = [], []
    for kind, (name, report) in zip(KINDS, reports, strict=False):
        curves: list[dict[str, float]] = [c.evidence["by_batch"] for c in report.checks if c.evidence.get("by_batch")]
        if curves:
            lines.append(Line(kind, [(float(batch), speed) for batch, speed in curves[0].items()]))
            names.append(name)
    if lines:
        top = max(speed for line in lines for _, speed in line.points if speed)
        drawn = line_chart(
            lines, "images per second by batch size", x="images in a batch", log_x=True, y_range=(0.0, top)
        )
        reading = "Images per second. Where the curve bends, the device is no longer waiting for the host."
        yield figure("Training speed by batch", reading, _legend(names) + drawn)


def _roofline(report: SmokeReport) -> Iterator[str]:
    rows = [
        (f"{check.id}: {_plain(name)}", metric)
        for check in report.checks
        for name, metric in check.metrics.items()
        if metric.unit and metric.value is not None
    ]
    if not rows:
        return
    measured = "".join(_bar(name, metric) for name, metric in rows)
    known = any(metric.peak or metric.reference or metric.baseline for _, metric in rows)
    reading = "The bar ends at the chip's limit where it is known; "
    reading += "a tick marks what a healthy one reached, a hollow tick what was saved on this machine."
    if not known:
        reading = "Nothing is known to compare this device with: --save-baseline makes this run the measure."
    yield figure("Rates under the roof", reading, f'<dl class="rates">{measured}</dl>')


def _plain(name: str) -> str:
    """A rate's name without its unit, which stands beside the number."""
    for unit in ("_tflops", "_gbps", "_per_second"):
        name = name.removesuffix(unit)
    return name.replace("_", " ")


def _bar(name: str, metric: Metric) -> str:
    value = metric.value or 0.0
    whole = max(v for v in (metric.peak, metric.reference, metric.baseline, value) if v)
    parts = [f'<i class="reached" style="width:{100 * value / whole:.1f}%"></i>']
    for kind, at in (("reference", metric.reference), ("saved", metric.baseline)):
        if at:
            parts.append(f'<i class="{kind}" style="left:{min(100 * at / whole, 99.4):.1f}%"></i>')
    known = {"limit": metric.peak, "healthy": metric.reference, "saved": metric.baseline}
    words = [f"{number(metric)} {metric.unit}", *(f"{word} {at:,.4g}" for word, at in known.items() if at)]
    bar = f'<span class="rate">{"".join(parts)}</span>' if len(words) > 1 else ""
    return f"<dt>{escape(name)}</dt><dd>{escape(', '.join(words))}{bar}</dd>"


def _telemetry(strip: dict[str, Any]) -> Iterator[str]:
    seconds = strip.get("seconds") or []
    drawn = []
    spans = [(start, end, check) for check, (start, end) in strip.get("spans", {}).items()]
    for column, label in STRIPS.items():
        values = strip.get(column) or []
        known = [value for value in values if value is not None]
        if not known:
            continue
        marks = [("limit", strip["power_limit_w"])] if column == "power_w" and strip.get("power_limit_w") else []
        top = max(*known, *(at for _, at in marks), 1)
        points = list(zip(seconds, values, strict=False))
        chart = line_chart(
            [Line("one", points)], label, x="s", y_range=(0.0, top), marks=marks, height=130, spans=spans
        )
        drawn.append(f"<div><h3>{label}</h3>{chart}</div>")
    if drawn:
        loud = sorted({reason for look in strip.get("reasons", []) for reason in look if reason in LOUD})
        said = (
            f'<strong class="fail">held back by {escape(", ".join(loud))}</strong>' if loud else "nothing held it back"
        )
        reading = f"What the driver saw, ten looks a second; shaded: a check was running. Clocks: {said}."
        yield figure("Beside the work", reading, f'<div class="strips">{"".join(drawn)}</div>', wide=True)
