"""Small line charts and dot rows as inline SVG: drawn for a phone's width, so that their text stays readable there."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH, HEIGHT = 360, 220
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 14, 36
TICKS = 4


class Line(NamedTuple):
    """A curve: `kind` is its class in the style; a point whose y is None breaks it."""

    kind: str
    points: Sequence[tuple[float, float | None]]
    name: str = ""


class Axis(NamedTuple):
    """Maps values to places; a logarithmic one needs values above zero."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def place(self, value: float) -> float:
        """Where a value is drawn, values beyond the ends at the ends."""
        low, high, at = (math.log10(max(v, 1e-300)) if self.log else v for v in (self.low, self.high, value))
        share = (at - low) / ((high - low) or 1.0)
        return round(self.start + min(max(share, 0.0), 1.0) * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        """Round values between the ends."""
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            step = max(1, -(-(last - first + 1) // (TICKS + 1)))
            return [10.0**power for power in range(first, last + 1, step)]
        raw = ((self.high - self.low) or 1.0) / TICKS
        size = 10 ** math.floor(math.log10(raw))
        step = next(factor * size for factor in (1, 2, 2.5, 5, 10) if factor * size >= raw - 1e-12)
        count = math.floor((self.high - self.low) / step + 1e-9)
        first_tick = math.ceil(self.low / step - 1e-9) * step
        return [first_tick + i * step for i in range(count + 1) if first_tick + i * step <= self.high * (1 + 1e-9)]


def short(value: float) -> str:
    """A number for an axis."""
    if value and (abs(value) < 0.01 or abs(value) >= 1e6):  # noqa: PLR2004 - beyond these a power is shorter
        return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"  # noqa: PLR2004


def line_chart(
    lines: Sequence[Line],
    label: str,
    *,
    x: str,
    log_x: bool = False,
    y_range: tuple[float, float] | None = None,
    marks: Iterable[tuple[str, float]] = (),
    height: int = HEIGHT,
    spans: Iterable[tuple[float, float, str]] = (),
) -> str:
    """Curves over one another; `marks` are horizontal lines with a name, `spans` shaded stretches of x."""
    known = [point for line in lines for point in line.points if point[1] is not None]
    if not known:
        return ""
    values = [y for _, y in known if y is not None]
    low, high = y_range or (min(values), max(values))
    high = high if high > low else low + 1
    across = Axis(min(p[0] for p in known), max(p[0] for p in known), LEFT, WIDTH - RIGHT, log_x)
    up = Axis(low, high, height - BOTTOM, TOP)
    drawn = [_span(across, height, *span) for span in spans]
    drawn += [_grid(up, tick) for tick in up.ticks()]
    ticks = sorted({p[0] for p in known}) if log_x else across.ticks()
    drawn += [_x_tick(across, tick, height) for tick in _apart(across, ticks)]
    drawn += [_mark(up, name, at) for name, at in marks if low <= at <= high]
    drawn += [_curve(line, across, up) for line in lines]
    drawn.append(f'<text class="end" x="{WIDTH - RIGHT}" y="{height - 4}">{escape(x)}</text>')
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">'
        f"<title>{escape(label)}</title>{''.join(drawn)}</svg>"
    )


def _apart(axis: Axis, ticks: Sequence[float]) -> list[float]:
    """Ticks that leave room for their numbers."""
    kept: list[float] = []
    for tick in ticks:
        if not kept or axis.place(tick) - axis.place(kept[-1]) >= 34:  # noqa: PLR2004 - the width of "4,096"
            kept.append(tick)
    return kept


def _grid(axis: Axis, tick: float) -> str:
    at = axis.place(tick)
    return (
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>'
        f'<text class="end" x="{LEFT - 5}" y="{at + 4}">{short(tick)}</text>'
    )


def _x_tick(axis: Axis, tick: float, height: int) -> str:
    return f'<text class="mid" x="{axis.place(tick)}" y="{height - BOTTOM + 16}">{short(tick)}</text>'


def _mark(axis: Axis, name: str, at: float) -> str:
    place = axis.place(at)
    return (
        f'<line class="mark" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{place}" y2="{place}"/>'
        f'<text class="end" x="{WIDTH - RIGHT}" y="{place - 4}">{escape(name)} {short(at)}</text>'
    )


def _span(axis: Axis, height: int, start: float, end: float, name: str) -> str:
    left, right = axis.place(start), axis.place(end)
    return (
        f'<rect class="span" x="{left}" y="{TOP}" width="{max(right - left, 1):.1f}" height="{height - TOP - BOTTOM}">'
        f"<title>{escape(name)}</title></rect>"
    )


def _curve(line: Line, across: Axis, up: Axis) -> str:
    pieces: list[list[str]] = [[]]
    for x, y in line.points:
        if y is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{across.place(x)},{up.place(y)}")
    return "".join(f'<polyline class="{line.kind}" points="{" ".join(piece)}"/>' for piece in pieces if piece)


def dot_rows(rows: Sequence[tuple[str, Sequence[float], float]], label: str) -> str:
    """Per row a name, its values as dots and its limit as a bar, over one logarithmic axis."""
    rows = [(name, [value for value in values if value > 0], limit) for name, values, limit in rows]
    values = [value for _, found, limit in rows for value in (*found, limit)]
    if not values:
        return ""
    name_room, step = 128, 26
    height = TOP + step * len(rows) + 24
    low, high = 10.0 ** math.floor(math.log10(min(values))), 10.0 ** math.ceil(math.log10(max(values)) + 1e-9)
    axis = Axis(low, high, name_room, WIDTH - RIGHT, log=True)
    drawn = []
    for tick in _apart(axis, axis.ticks()):
        at = axis.place(tick)
        drawn.append(f'<line class="grid" x1="{at}" x2="{at}" y1="{TOP}" y2="{height - 22}"/>')
        drawn.append(f'<text class="mid" x="{at}" y="{height - 6}">{short(tick)}</text>')
    for number, (name, found, limit) in enumerate(rows):
        y = TOP + step * number + step / 2
        gate = axis.place(limit)
        drawn.append(f'<text x="0" y="{y + 4}">{escape(name)}</text>')
        drawn.append(f'<line class="gate" x1="{gate}" x2="{gate}" y1="{y - 9}" y2="{y + 9}"/>')
        for value in found:
            kind = "dot" if value <= limit else "dot bad"
            drawn.append(f'<circle class="{kind}" cx="{axis.place(value)}" cy="{y}" r="4"/>')
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">'
        f"<title>{escape(label)}</title>{''.join(drawn)}</svg>"
    )
