"""`envsetup probe`: the facts of this machine, to read or to record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from envsetup.cli.numbers import Amount

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.model.machine import Machine
    from envsetup.world.base import World

EXAMPLES = """\b
Examples:
  envsetup probe                      what this machine is
  envsetup probe -o machine.json      the same as a file, for plan --machine or doctor --from
  envsetup probe --env ~/ml/.venv     with another environment
  envsetup probe --diff A.json B.json what changed since it worked, most likely culprit first
  envsetup probe --record DIR         every file and answer that a probe reads, for a bug report
"""


@click.command(epilog=EXAMPLES, short_help="Show or record the facts of this machine, redacted.")
@click.option("-o", "--output", metavar="FILE", help="Write the snapshot, redacted; - is standard output.")
@click.option("--record", metavar="DIR", help="Record what was read into a new folder, redacted.")
@click.option("--env", metavar="PATH", help="A venv, conda prefix or python binary.  [default: the active one]")
@click.option("--timeout", type=Amount(0.5, 600), default=5.0, show_default=True, help="Seconds for it all.")
@click.option("--deep", is_flag=True, help="Also import the frameworks, in a child, and use each GPU once.")
@click.option(
    "--diff", nargs=2, metavar="A B", help="Compare two snapshots; exit 1 when something that matters changed."
)
@click.option("--json", "as_json", is_flag=True, help="The snapshot as JSON on stdout, redacted.")
@click.option("-v", "--verbose", is_flag=True, help="Also packages, variables and libraries.")
@click.option("-q", "--quiet", is_flag=True, help="No summary.")
def command(
    output: str | None,
    record: str | None,
    env: str | None,
    timeout: float,
    diff: tuple[str, str] | None,
    *,
    deep: bool,
    as_json: bool,
    verbose: bool,
    quiet: bool,
) -> int:
    """Show the facts of this machine and of a Python environment; nothing of it is run or imported unless --deep.

    What is written or printed as JSON is redacted: no home folder, user or host name, serial, address or token.
    """
    if diff:
        return _diff(diff, as_json=as_json, verbose=verbose, quiet=quiet)
    from envsetup.probe.collect import probe
    from envsetup.world.live import LiveWorld

    live = LiveWorld()
    world, save = _recording(live, record) if record else (live, None)
    machine = probe(world, env=env, timeout=timeout, deep=60.0 if deep else None, notice=None if quiet else _say)
    if save:
        _say(f"recorded in {record}; taken out: {', '.join(save()) or 'nothing'}")
    if output or as_json:
        _write(machine, live, output, as_json=as_json)
    if not (as_json or quiet or output == "-"):
        _show(machine, details=verbose)
    return 0


def _diff(files: tuple[str, str], *, as_json: bool, verbose: bool, quiet: bool) -> int:
    """Two snapshots compared: 1 when a change can break things, 0 when none can."""
    from envsetup.cli.compared import diff
    from envsetup.model.errors import Exit

    comparison = diff(*files)
    if as_json:
        from envsetup.model.codec import to_json
        from envsetup.report.clean import escape_json

        click.echo(escape_json(to_json(comparison)), nl=False)
    elif not quiet:
        from envsetup.report.diff_text import diff_text

        click.echo(diff_text(comparison, everything=verbose), nl=False)
    return int(Exit.FINDINGS if any(change.effect != "unlikely" for change in comparison.changes) else Exit.OK)


def _recording(live: World, folder: str) -> tuple[World, Callable[[], list[str]]]:
    """A world that records, and what writes the recording; a folder in use is refused before any work."""
    from envsetup.probe.watch import watch
    from envsetup.world.files import make_folder
    from envsetup.world.recording import RecordingWorld

    make_folder(folder)
    recording = RecordingWorld(live, variables=[variable.name for variable in watch().variables])
    return recording, lambda: recording.save(folder, "Recorded by envsetup probe --record.")


def _write(machine: Machine, live: World, output: str | None, *, as_json: bool) -> None:
    from envsetup.model.codec import to_json
    from envsetup.model.maybe import known
    from envsetup.probe.redact import redact_machine
    from envsetup.probe.snapshot import write_snapshot

    shown = redact_machine(machine, live)
    if as_json or output == "-":
        click.echo(to_json(shown), nl=False)
    if output and output != "-":
        write_snapshot(output, shown)
        _say(f"wrote {output}; taken out: {', '.join(known(shown.redacted) or []) or 'nothing'}")


def _show(machine: Machine, *, details: bool) -> None:
    from envsetup.probe.summary import summary

    for line in summary(machine, details=details):
        click.echo(line)


def _say(line: str) -> None:
    click.echo(line, err=True)
