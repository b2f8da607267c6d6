"""A comparison of two proofs as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.smoke.comparison import Comparison, Row


def comparison_text(found: Comparison, *, verbose: int = 0) -> str:
    """The page, what differs first, ending in a newline."""
    return "\n".join(_page(found, verbose)) + "\n"


def _page(found: Comparison, verbose: int) -> Iterator[str]:
    yield found.headline
    yield ""
    width = max(len(value) for value in found.one.values())
    for name, value in found.one.items():
        yield f"  {name:<10} {value:<{width}}   {found.two[name]}"
    if found.statuses:
        yield ""
        for status in found.statuses:
            yield f"  {status.check:<16} {status.one or 'absent':<8} {status.two or 'absent':<8} {status.why}"
    if found.rates:
        yield ""
        yield from _table(found.rates)
    if verbose and found.numbers:
        yield ""
        yield from _table(found.numbers)


def _table(rows: list[Row]) -> Iterator[str]:
    names = [f"{row.check}.{row.metric}" for row in rows]
    width = max(map(len, names))
    for row, name in zip(rows, names, strict=True):
        ratio = "" if row.ratio is None else f"{row.ratio:6.2f} x"
        mark = "  <" if row.far and row.unit else ""
        yield f"  {name:<{width}} {_number(row.one):>10} {_number(row.two):>10} {row.unit:<8} {ratio}{mark}".rstrip()


def _number(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.4g}"
