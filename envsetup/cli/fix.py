"""`doctor --fix`: the plan first, each step confirmed, only the user's own files; what needs root is only printed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envsetup.cli.fixes import Step
    from envsetup.model.finding import DoctorReport, Finding
    from envsetup.model.machine import Machine

NEEDS = {"user": "by hand", "none": "by hand", "root": "as root", "reboot": "with a reboot", "hardware": "on site"}


def fix(report: DoctorReport, machine: Machine, *, yes: bool, quiet: bool) -> bool:
    """Show the plan on stderr and take the steps that are confirmed; whether anything was changed.

    Raises EnvsetupError when a step fails; what it was about is then as it was, and the steps before it are done.
    """
    from envsetup.cli.fixes import steps

    faults = [finding for finding in report.findings if finding.severity != "info"]
    plan = steps(faults, machine)
    _tell(plan, faults)
    if not plan:
        return False
    if not yes and not sys.stdin.isatty():
        _say("nothing was changed: confirm on a terminal, or give --yes")
        return False
    from envsetup.cli.interrupt import watch
    from envsetup.cli.progress import Lines

    watch()
    changed = False
    for number, step in enumerate(plan, 1):
        if not yes and not click.confirm(f"do step {number}?", default=False, err=True):
            continue
        for line in step.take(Lines(quiet=quiet)):
            _say(line)
        changed = True
    return changed


def _tell(plan: Sequence[Step], faults: Sequence[Finding]) -> None:
    codes = [code for step in plan for code in step.codes]
    left = [finding for finding in faults if finding.code not in codes and finding.caused_by not in codes]
    if not faults and not plan:
        _say("nothing to fix")
        return
    _say("plan:")
    for number, step in enumerate(plan, 1):
        _say(f"  {number}. {step.text}")
        for line in [f"for {', '.join(step.codes)}", *step.remarks]:
            _say(f"     {line}")
    for finding in left:
        remedy = finding.remedies[0] if finding.remedies else None
        how = f"{NEEDS[remedy.needs]}: {remedy.command or remedy.text}" if remedy else "see its page"
        _say(f"  -  {finding.code}, not done by envsetup, {how}")


def _say(line: str) -> None:
    from envsetup.report.clean import clean

    click.echo(clean(line) if not line.startswith("  ") else "  " + clean(line[2:]), err=True)
