"""The doctor's screen: the verdict first, then what is wrong, then what to do; passes fold into one line."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envsetup.model.maybe import known
from envsetup.report.clean import clean
from envsetup.report.machine_lines import machine_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envsetup.model.finding import CheckResult, DoctorReport, Finding, Remedy
    from envsetup.model.machine import Machine

WORDS = {"ready": "READY", "degraded": "DEGRADED", "broken": "NOT READY", "unknown": "UNKNOWN"}
MARKS = {"critical": "x", "error": "x", "warning": "!", "info": "note"}
COLOURS = {
    "ready": "32",
    "degraded": "33",
    "broken": "31",
    "unknown": "35",
    "x": "31",
    "!": "33",
    "?": "35",
}
DIM = "2"
FULL = 3  # findings told in full before the rest gets one line each: one screen
SEEN = 4  # lines of evidence of one finding
ASKS = 3  # unknowns told on the screen
LABEL = 10
HARD = ("broken", "degraded")


@dataclass(frozen=True)
class Style:
    """How the screen may look. `width` in columns."""

    width: int = 80
    colour: bool = False
    verbose: int = 0
    quiet: bool = False

    def paint(self, text: str, code: str) -> str:
        """Colour, where it is wanted; the words carry the meaning without it."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


def screen(report: DoctorReport, machine: Machine, style: Style, *, exit_code: int, seconds: float) -> str:
    """The whole screen, ending in a newline."""
    lines = [_headline(report, style, seconds)]
    if style.quiet:
        return "\n".join(lines) + "\n"
    serious = [f for f in report.findings if f.severity != "info"]
    notes = [f for f in report.findings if f.severity == "info"]
    if not serious:
        lines += [f"  {label:<{LABEL}}{clean(text)}" for label, text in machine_lines(machine)]
    lines += _findings(serious, report.verdict.headline, style)
    lines += _unknowns(report, style)
    lines += [""] if serious else []
    lines += [line for note in notes for line in _note(f"{note.title}. {note.consequence} [{note.code}]", style)]
    lines += [line for note in report.target.notes for line in _note(note, style)]
    passes = _passes(report, machine, len(serious), exit_code)
    lines += textwrap.wrap(passes, style.width, subsequent_indent="    ", initial_indent="  ", break_on_hyphens=False)
    if style.verbose:
        lines += _every_check(report.checks)
    lines += _next(report, machine)
    return "\n".join(lines) + "\n"


def _headline(report: DoctorReport, style: Style, seconds: float) -> str:
    word = style.paint(WORDS[report.verdict.status], f"1;{COLOURS[report.verdict.status]}")
    plain = len(WORDS[report.verdict.status]) + 3
    took = f"{seconds:.1f} s"
    text = clean(report.verdict.headline)
    wrapped = textwrap.wrap(text, style.width - plain - len(took) - 1) or [""]
    first = f"{word}   {wrapped[0]}"
    pad = style.width - plain - len(wrapped[0]) - len(took)
    return "\n".join([f"{first}{' ' * max(1, pad)}{took}", *(" " * plain + line for line in wrapped[1:])])


def _findings(findings: list[Finding], headline: str, style: Style) -> list[str]:
    """Causes in full, their consequences folded below them; the same code on several GPUs is told once."""
    roots = [finding for finding in findings if finding.caused_by is None]
    groups: dict[str, list[Finding]] = {}
    for finding in roots:
        groups.setdefault(finding.code, []).append(finding)
    lines: list[str] = []
    for number, (code, group) in enumerate(groups.items()):
        folded = [finding for finding in findings if finding.caused_by == code]
        if number < FULL or style.verbose:
            title = _plain_title(group[0]) if group[0].title in headline else group[0].title
            lines += ["", *_full(group[0], title, style, [finding.subject for finding in group])]
            lines += _folded(folded, style)
        else:
            lines += [""] if number == FULL else []
            lines.append(_title(group[0], group[0].title, style))
    return lines


def _plain_title(finding: Finding) -> str:
    """The catalogue's title: below a headline that says the particulars, the kind of fault is what is new."""
    from envsetup.doctor.catalogue import entry  # noqa: PLC0415 - only when something was found

    return entry(finding.code).title


def _title(finding: Finding, title: str, style: Style) -> str:
    mark = MARKS[finding.severity]
    code = f"[{finding.code}]"
    text = clean(title) + ("" if finding.confidence == "certain" else f" ({finding.confidence})")
    room = style.width - 5 - len(code) - 2
    wrapped = textwrap.wrap(text, style.width - 5) or [""]
    head = f"  {style.paint(mark, COLOURS[mark])}  "
    if len(text) <= room:
        return f"{head}{style.paint(text, '1')}{' ' * (room - len(text) + 2)}{style.paint(code, DIM)}"
    return "\n".join(
        [
            f"{head}{style.paint(wrapped[0], '1')}",
            *(f"     {style.paint(line, '1')}" for line in wrapped[1:]),
            f"     {style.paint(code, DIM)}",
        ]
    )


def _full(finding: Finding, title: str, style: Style, subjects: list[str]) -> list[str]:
    lines = [_title(finding, title, style)]
    shown = finding.evidence if style.verbose else finding.evidence[:SEEN]
    for number, item in enumerate(shown):
        source = f"  ({clean(item.source)})" if style.verbose else ""
        lines += _row("seen" if number == 0 else "", f"{clean(item.what)}: {clean(item.value)}{source}", style)
    if len(finding.evidence) > len(shown):
        lines += _row("", f"and {len(finding.evidence) - len(shown)} more, with -v", style)
    if len(subjects) > 1:
        lines += _row("on", ", ".join(map(clean, subjects)), style)
    lines += _row("so", clean(finding.consequence), style)
    for number, remedy in enumerate(finding.remedies):
        lines += _remedy("fix" if number == 0 else "or", remedy, style)
    return lines


def _remedy(label: str, remedy: Remedy, style: Style) -> list[str]:
    needs = {"root": " (needs root)", "reboot": " (needs a reboot)", "hardware": " (at the machine)"}
    text = clean(remedy.text)
    text = text[3].upper() + text[4:] if label == "or" and text.startswith("Or ") else text
    need = "" if "reboot" in text and remedy.needs == "reboot" else needs.get(remedy.needs, "")
    lines = _row(label, text + need, style)
    indent = " " * (5 + LABEL + 2)
    commands = _command(clean(remedy.command), style.width - len(indent)) if remedy.command else []
    return lines + [indent + style.paint(line, "36") for line in commands]


def _command(command: str, width: int) -> list[str]:
    """A long command on several lines that a shell reads as one: it must survive copy and paste."""
    if len(command) <= width or "#" in command or "'" in command:
        return [command]
    parts = re.split(r" (?=--|&& )", command)
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) + 3 <= width:
            lines[-1] += f" {part}"
        else:
            lines.append(f"  {part}")
    return [f"{line} \\" for line in lines[:-1]] + [lines[-1]]


def _row(label: str, text: str, style: Style) -> list[str]:
    indent = 5 + LABEL
    wrapped = textwrap.wrap(text, max(20, style.width - indent), break_on_hyphens=False) or [""]
    return [f"     {label:<{LABEL}}{wrapped[0]}", *(" " * indent + line for line in wrapped[1:])]


def _folded(findings: Iterable[Finding], style: Style) -> list[str]:
    codes = list(dict.fromkeys(finding.code for finding in findings))
    return _row("follows", f"{', '.join(codes)}: gone with the fix above", style) if codes else []


def _note(text: str, style: Style) -> list[str]:
    wrapped = textwrap.wrap(clean(text), style.width - 8, break_on_hyphens=False)
    head = style.paint("note", DIM)
    return [f"  {head}  {wrapped[0]}", *(" " * 8 + line for line in wrapped[1:])]


def _unknowns(report: DoctorReport, style: Style) -> list[str]:
    """Told by reason, and only those that somebody could make known; a text says so once for all of them."""
    open_checks = [check for check in report.checks if check.status in ("unknown", "timeout", "crashed")]
    if report.target.kind == "text":
        return []
    reasons: dict[str, list[str]] = {}
    for check in open_checks:
        if check.status != "unknown" or ": " in check.reason:
            reasons.setdefault(check.reason.partition(": ")[2] or check.reason, []).append(check.id)
    lines: list[str] = []
    for reason, ids in list(reasons.items())[: None if style.verbose else ASKS]:
        text = f"{clean(reason)}; not checked: {', '.join(ids[:ASKS])}{' ...' if len(ids) > ASKS else ''}"
        wrapped = textwrap.wrap(text, style.width - 5, break_on_hyphens=False)
        lines += [f"  {style.paint('?', COLOURS['?'])}  {wrapped[0]}", *(f"     {line}" for line in wrapped[1:])]
    return lines


def _passes(report: DoctorReport, machine: Machine, problems: int, exit_code: int) -> str:
    counts = {
        name: sum(check.status == name for check in report.checks) for name in ("ok", "not-applicable", "unknown")
    }
    crashed = sum(check.status in ("crashed", "timeout") for check in report.checks)
    parts = [f"{counts['ok']} ok", f"{problems} problem{'s' if problems != 1 else ''}"]
    text = report.target.kind == "text"
    parts += [f"{counts['not-applicable']} not applicable"] if counts["not-applicable"] else []
    parts += (
        [f"{counts['unknown']} {'need facts that the text lacks' if text else 'unknown'}"] if counts["unknown"] else []
    )
    parts += [f"{crashed} failed"] if crashed else []
    recorded = known(machine.recorded) if report.target.kind == "snapshot" else None
    end = (f"   recorded {clean(recorded)}" if recorded else "") + (f"   exit {exit_code}" if exit_code else "")
    return f"{len(report.checks)} checks: {', '.join(parts)}{end}"


def _every_check(checks: Iterable[CheckResult]) -> list[str]:
    return [f"    {check.status:<15}{check.id:<32}{clean(check.reason)}".rstrip() for check in checks]


def _next(report: DoctorReport, machine: Machine) -> list[str]:
    if report.target.kind == "text":
        unknown = report.verdict.status == "unknown" or any(f.confidence != "certain" for f in report.findings)
        ask = "ask for the output of: envsetup doctor --markdown   (run on that machine)"
        return [f"Next: {ask}"] if unknown else []
    status = report.verdict.status
    if status == "ready" and "no framework yet" in report.verdict.headline:
        return ["Next: envsetup create --framework pytorch"]
    if status == "ready" and known(machine.environment) is None:
        return []  # a project was judged, or a snapshot has none: smoke would look at another one
    if status == "ready":
        gpu = "GPU" in report.verdict.headline and "no GPU" not in report.verdict.headline
        where = "on the GPU" if gpu else "on the CPU"
        return [f"Next: envsetup smoke   (trains a small CNN {where} and proves that it works)"]
    if status in HARD and report.verdict.root_cause:
        return [
            "Next: the fix above, then envsetup doctor again",
            f"      envsetup explain {report.verdict.root_cause}",
        ]
    return ["Next: envsetup doctor -v   (every check and why it could not be decided)"]
