"""What changed between two snapshots, as text: the most likely culprit first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.report.clean import clean

if TYPE_CHECKING:
    from envsetup.model.comparison import Change, Comparison

TITLES = {"likely": "likely to break things", "possible": "may break things", "unlikely": "small changes"}
SMALL = 8  # of the small changes, unless all are wanted


def diff_text(comparison: Comparison, *, everything: bool = False) -> str:
    """The whole text, ending in a newline."""
    lines = [f"from  {clean(comparison.before)}", f"to    {clean(comparison.after)}", ""]
    changes = comparison.changes
    if not changes:
        lines.append("nothing changed that is compared")
    elif changes[0].effect == "unlikely":
        lines.append("nothing changed that usually breaks things")
    else:
        lines.append(f"most likely culprit: {_line(changes[0])}")
        lines += [f"  because {clean(changes[0].why)}"]
    for codes, word in ((comparison.new_findings, "new findings"), (comparison.gone_findings, "findings gone")):
        if codes:
            lines.append(f"{word}: {', '.join(codes)}")
    for effect, title in TITLES.items():
        some = [change for change in changes if change.effect == effect]
        shown = some if everything or effect != "unlikely" else some[:SMALL]
        if some:
            lines += ["", title, *(f"  {_line(change)}" for change in shown)]
        if len(shown) < len(some):
            lines.append(f"  and {len(some) - len(shown)} more (-v)")
    if comparison.unknown:
        lines += ["", f"known before, not known now: {', '.join(map(clean, comparison.unknown[:SMALL]))}"]
    return "\n".join(lines) + "\n"


def _line(change: Change) -> str:
    if change.before is None:
        return f"{clean(change.fact)}: new, {clean(change.after or '')}"
    if change.after is None:
        return f"{clean(change.fact)}: gone, was {clean(change.before)}"
    return f"{clean(change.fact)}: {clean(change.before)} -> {clean(change.after)}"
