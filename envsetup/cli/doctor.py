"""`envsetup doctor`."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from envsetup.cli.either import one_of
from envsetup.cli.numbers import Amount

if TYPE_CHECKING:
    from envsetup.doctor.subject import Subject
    from envsetup.model.comparison import Change
    from envsetup.model.finding import DoctorReport
    from envsetup.model.project import Project

EPILOG = """\b
Examples:
  envsetup doctor                                this machine and the active environment
  envsetup doctor --env ~/venvs/train --require gpu
  envsetup doctor --from issue.txt               somebody else's collect_env, nvidia-smi, log, or whole issue
  envsetup doctor --from env.txt --error log.txt --json
  envsetup doctor --deep                         what really happens when PyTorch is imported and a GPU is used
  envsetup doctor --project .                    what of requirements, images, notebooks cannot work here
  envsetup doctor --expect good.json             a gate: what differs from a machine that works
  envsetup doctor --fix                          the plan, and after a yes the environment made anew; undo is logged
  envsetup doctor --markdown                     the block to paste into an issue

Exit: 0 fine, 1 findings at or above --fail-on, 2 unreadable input, 3 could not decide.
"""
LOOK_S = 5.0  # what a look at the machine may take
IMPORT_S = 60.0  # from a cold network file system PyTorch takes the better part of a minute
SLOW_S = 1.0  # after this a terminal is told that the machine is still being asked


@click.command(epilog=EPILOG, short_help="Say whether deep learning works here.")
@click.option("--env", metavar="PATH", help="A venv, conda prefix or python; default: the active one, ./.venv, PATH.")
@click.option("--from", "source", metavar="FILE|-", help="Diagnose another machine: a snapshot, or any report or log.")
@click.option("--error", metavar="FILE|-", help="The error text that the user got.")
@click.option("--project", metavar="DIR", help="Judge what a project's files ask for, and not an environment.")
@click.option("--expect", metavar="SNAPSHOT", help="Compare with a recorded good machine, as a gate.")
@click.option("--require", type=click.Choice(["gpu", "cuda", "rocm", "none"]), help="What must work here.")
@click.option("--area", "areas", multiple=True, metavar="AREA", help="Only these checks: driver, packages, ...")
@click.option(
    "--fail-on", type=click.Choice(["error", "warning"]), default="error", show_default=True, help="What exits 1."
)
@click.option("--deep", is_flag=True, help="Also import the frameworks, in a child, and use each GPU once.")
@click.option("--timeout", type=Amount(0.5, 600), metavar="S", help="Seconds: 5 in all; with --deep 60 an import.")
@one_of("form", {"json": "One JSON document on stdout.", "markdown": "Markdown to paste into an issue."})
@click.option("--html", "page", metavar="FILE", help="Also write one self-contained page.")
@click.option("--fix", is_flag=True, help="Plan what envsetup can mend itself, and do what you confirm.")
@click.option("--yes", is_flag=True, help="With --fix: do not ask.")
@click.option("-v", "--verbose", count=True, help="Every check, all evidence and its sources.")
@click.option("-q", "--quiet", is_flag=True, help="Only the verdict.")
def command(**options: Any) -> int:  # noqa: ANN401 - click's parameters by name
    """Say, verdict first, whether deep learning works here, what is wrong, why, and what to do first."""
    _refuse(options)
    started = time.monotonic()
    report, looked_at = _examined(options)
    if options["fix"]:
        if options["form"] is None:
            _show(report, looked_at, options, exit_code(report, options["fail_on"]), time.monotonic() - started)
        from envsetup.cli.fix import fix

        changed = fix(report, looked_at.machine, yes=options["yes"], quiet=options["quiet"])
        started = time.monotonic()
        report, looked_at = _examined(options) if changed else (report, looked_at)
    code = exit_code(report, options["fail_on"])
    if options["page"]:
        _write_page(report, looked_at, options["page"])
    if not options["fix"] or options["form"] is not None or changed:
        _show(report, looked_at, options, code, time.monotonic() - started)
    return code


def _refuse(options: dict[str, Any]) -> None:
    """Options that make no sense together; raises InputError."""
    from envsetup.model.errors import InputError

    other = next((name for name in ("source", "project") if options["fix"] and options[name] is not None), None)
    if other is not None:
        name = {"source": "--from"}.get(other, f"--{other}")
        raise InputError(f"--fix changes this machine's environment and {name} looks elsewhere: give one of them")
    if options["yes"] and not options["fix"]:
        raise InputError("--yes confirms what --fix would ask: give both")


def _examined(options: dict[str, Any]) -> tuple[DoctorReport, Subject]:
    """The look that was asked for, and the report on it."""
    from envsetup.cli.inputs import subject
    from envsetup.doctor.examine import examine

    areas = _areas(options["areas"])
    look, deep = _deadlines(options["timeout"], deep=options["deep"])
    with _patience():
        looked_at = subject(options["source"], options["error"], env=options["env"], timeout=look, deep=deep)
    project = _project(options["project"], looked_at) if options["project"] else None
    report = examine(
        looked_at.machine,
        require=options["require"],
        target=looked_at.kind,
        symptoms=looked_at.symptoms,
        areas=areas,
        weak=looked_at.weak,
        notes=looked_at.notes,
        differences=_differences(options["expect"], looked_at),
        project=project,
    )
    return report, looked_at


def exit_code(report: DoctorReport, fail_on: str) -> int:
    """1 for findings at or above `fail_on`, 3 when the verdict could not be reached, else 0."""
    from envsetup.model.errors import Exit

    counted = {"error": ("critical", "error"), "warning": ("critical", "error", "warning")}[fail_on]
    if any(finding.severity in counted for finding in report.findings):
        return int(Exit.FINDINGS)
    return int(Exit.UNDECIDED if report.verdict.status == "unknown" else Exit.OK)


def _deadlines(seconds: float | None, *, deep: bool) -> tuple[float, float | None]:
    """Seconds for the look, and for each import when there is one; --timeout is for what takes longer."""
    if deep:
        return LOOK_S, seconds or IMPORT_S
    return seconds or LOOK_S, None


def _differences(expected: str | None, looked_at: Subject) -> tuple[list[Change], list[str]] | None:
    if expected is None:
        return None
    from envsetup.cli.compared import differences

    return differences(expected, looked_at.machine, live=looked_at.kind == "live")


def _project(folder: str, looked_at: Subject) -> Project:
    """What the folder asks for. The environment that happens to be active here is not what is judged then."""
    import msgspec

    from envsetup.importers.project import read_project
    from envsetup.model.maybe import UNKNOWN, known
    from envsetup.world.live import LiveWorld

    machine = looked_at.machine
    system = known(machine.os)
    reason = {"environment": "not looked at: --project judges what files ask for"}
    unknown = {**machine.unknown, **reason}
    looked_at.machine = msgspec.structs.replace(machine, environment=UNKNOWN, unknown=unknown)
    return read_project(LiveWorld(), folder, system=(known(system.system) if system else None) or "linux")


def _areas(names: tuple[str, ...]) -> list[str]:
    from envsetup.doctor.checks import CHECKS
    from envsetup.model.errors import InputError

    known = sorted({check.area for check in CHECKS})
    wrong = next((name for name in names if name not in known), None)
    if wrong is not None:
        raise InputError(f"--area {wrong}: known are {', '.join(known)}")
    return list(names)


def _show(report: DoctorReport, looked_at: Subject, options: dict[str, Any], code: int, seconds: float) -> None:
    if options["form"] == "json":
        from envsetup.model.codec import to_json
        from envsetup.report.clean import escape_json

        click.echo(escape_json(to_json(report)), nl=False)
        return
    if options["form"] == "markdown":
        from envsetup.report.doctor_markdown import markdown

        click.echo(markdown(report, looked_at.machine, home=_home(looked_at)), nl=False)
        return
    import shutil

    from envsetup.report.doctor_screen import Style, screen
    from envsetup.report.terminal import colour_wanted

    colour = colour_wanted(sys.stdout)
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    style = Style(width=max(40, width), colour=colour, verbose=options["verbose"], quiet=options["quiet"])
    click.echo(screen(report, looked_at.machine, style, exit_code=code, seconds=seconds), nl=False, color=colour)


def _home(looked_at: Subject) -> str:
    """What a report that is handed on writes as ~: the home folder of who asked, on their own machine."""
    import os

    return os.path.expanduser("~") if looked_at.kind == "live" else ""  # noqa: PTH111 - no HOME is no error


def _write_page(report: DoctorReport, looked_at: Subject, path: str) -> None:
    """The page beside its place first, so that a full disk leaves no half page; raises InputError."""
    import contextlib
    import os
    from pathlib import Path

    from envsetup.model.errors import InputError
    from envsetup.report.doctor_html import html

    target = Path(path)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        draft.write_text(html(report, looked_at.machine, home=_home(looked_at)), encoding="utf-8")
        draft.replace(target)
    except OSError as problem:
        with contextlib.suppress(OSError):  # on a read-only file system even this fails
            draft.unlink(missing_ok=True)
        raise InputError(f"--html {path}: {problem.strerror or problem}") from None


class _patience:  # noqa: N801 - a context manager reads as a verb
    """Tells a terminal on stderr, after a second, that the machine has not answered yet; wiped away afterwards."""

    def __enter__(self) -> None:
        import threading

        from envsetup.report.terminal import colour_wanted

        self._told = False
        self._timer = threading.Timer(SLOW_S, self._tell)
        self._timer.daemon = True
        if colour_wanted(sys.stderr):
            self._timer.start()

    def _tell(self) -> None:
        self._told = True
        sys.stderr.write("  .. asking the machine; a driver that does not answer is given up after its deadline")
        sys.stderr.flush()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._told:
            sys.stderr.write("\r\x1b[2K")
