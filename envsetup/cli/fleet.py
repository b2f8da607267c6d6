"""`envsetup fleet`: the same on many machines, through an engine that is already there."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from envsetup.model.fleet import FleetReport

DOCTOR_EXAMPLES = """\b
Examples:
  envsetup fleet doctor -i hosts.ini                       the inventory and ssh configuration that Ansible uses
  envsetup fleet doctor -i hosts.ini --limit gpu --require gpu
  envsetup fleet doctor -i hosts.ini -o run1               keep what comes back, as it comes
  envsetup fleet doctor -i hosts.ini -o run1 --resume      ask only those that gave no report
"""
MERGE_EXAMPLES = """\b
Examples:
  envsetup fleet merge reports/*.json
  cat reports/*.jsonl | envsetup fleet merge - --expect 'n[1-64],login'
"""
BUNDLE_EXAMPLES = """\b
Examples:
  envsetup fleet bundle -o envsetup.pyz
  scp envsetup.pyz n7: && ssh n7 sh envsetup.pyz doctor --json
"""


@click.group()
def command() -> None:
    """Ask many machines, and say in one report which are broken and which differ."""


@command.command(epilog=DOCTOR_EXAMPLES)
@click.option("-i", "inventory", required=True, metavar="INVENTORY", help="In the engine's own form.")
@click.option("--engine", type=click.Choice(["ansible"]), default="ansible", show_default=True)
@click.option("--limit", metavar="PATTERN", help="Only these hosts, in the engine's own form.")
@click.option("--forks", type=click.IntRange(1, 1000), default=50, show_default=True, help="Hosts asked at once.")
@click.option("--host-timeout", type=click.IntRange(5), default=60, show_default=True, help="Seconds for one host.")
@click.option("--env", metavar="PATH", help="The environment to look at on every host.")
@click.option("--require", type=click.Choice(["gpu", "cuda", "rocm", "none"]), help="What must work on every host.")
@click.option("--bundle", "bundle_file", metavar="FILE", help="A bundle made before, instead of a new one.")
@click.option("-o", "folder", metavar="DIR", help="Keep what comes back, as it comes.")
@click.option("--resume", is_flag=True, help="Go on with the run in -o DIR: ask only hosts that gave no report.")
@click.option("--fail-on", type=click.Choice(["error", "warning"]), default="error", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Write the report as JSON to stdout, one host a line.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def doctor(**options: Any) -> int:  # noqa: ANN401 - click's parameters by name
    """Run the doctor on many hosts, which need not have envsetup, and merge what they say.

    Exits with 4 when a host gave no report, 1 for findings, 3 where a doctor could not decide, else 0.
    """
    from envsetup.cli.fleet_progress import HostLines
    from envsetup.fleet.ansible import Ansible
    from envsetup.fleet.bundle import cached_bundle
    from envsetup.fleet.doctor import ask_fleet
    from envsetup.fleet.engine import Job
    from envsetup.fleet.journal import Journal
    from envsetup.fleet.merge import exit_code
    from envsetup.model.errors import InputError

    if options["resume"] and not options["folder"]:
        raise InputError("--resume needs -o DIR, the folder of the run to go on with")
    engine = Ansible(options["inventory"], options["limit"])
    journal = Journal(options["folder"], resume=options["resume"]) if options["folder"] else None
    lines = HostLines(quiet=options["quiet"])
    try:
        path = options["bundle_file"] or cached_bundle(lines.say)
        arguments = ["doctor", "--json"]
        for name in ("env", "require"):
            arguments += [f"--{name}", options[name]] if options[name] else []
        job = Job(path, arguments, options["host_timeout"], options["forks"])
        report = ask_fleet(engine, job, journal, lines.host)
    finally:
        lines.end()
    present(report, as_json=options["as_json"])
    return int(exit_code(report, options["fail_on"]))


@command.command(epilog=MERGE_EXAMPLES)
@click.argument("files", nargs=-1, required=True, metavar="FILES|-")
@click.option("--expect", metavar="HOSTS|FILE", help="Hosts that must answer: n[1-64],login, or a file of them.")
@click.option("--fail-on", type=click.Choice(["error", "warning"]), default="error", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Write the report as JSON to stdout, one host a line.")
def merge(*, files: tuple[str, ...], expect: str | None, fail_on: Literal["error", "warning"], as_json: bool) -> int:
    """Merge what hosts answered into one report.

    Each file holds one host's JSON (of doctor, smoke or probe), or one JSON document a line. Exits with 4 when a host
    gave no report, 1 for findings, 3 where a doctor could not decide, else 0.
    """
    from envsetup.fleet.expected import expected_hosts
    from envsetup.fleet.merge import exit_code, merge_files

    report = merge_files(files, expected_hosts(expect) if expect else ())
    present(report, as_json=as_json)
    return int(exit_code(report, fail_on))


@command.command(epilog=BUNDLE_EXAMPLES)
@click.option("-o", "output", required=True, metavar="FILE", help="Where to write it.")
@click.option("--json", "as_json", is_flag=True, help="Say what was written as JSON on stdout.")
def bundle(*, output: str, as_json: bool) -> int:
    """Write one file that runs the doctor on a host that has no envsetup.

    The host needs a POSIX shell and Python 3.10 or newer; where that is missing, too old or hangs, the answer is still
    one JSON document. Run it there as: sh FILE doctor --json
    """
    from envsetup.fleet.bundle import make_bundle
    from envsetup.model.codec import to_json
    from envsetup.world.files import write_whole

    click.echo("collecting compiled modules for each Python and platform", err=True)
    made = make_bundle()
    write_whole(output, made.data, mode=0o755)
    if as_json:
        said = {"schema": "envsetup.bundle/1", "file": output, "bytes": len(made.data)}
        click.echo(to_json({**said, "serves": made.serves, "missing": made.missing}), nl=False)
        return 0
    click.echo(f"wrote {output} ({len(made.data) / 1e6:.1f} MB), for CPython and platform:", err=True)
    for platform in sorted({tag.split("-", 2)[2] for tag in made.serves}):
        pythons = [tag.split("-")[1] for tag in made.serves if tag.endswith(platform)]
        click.echo(f"  {platform:14} {' '.join(f'{python[0]}.{python[1:]}' for python in pythons)}", err=True)
    for platform, reason in made.missing.items():
        click.echo(f"does not serve {platform}: {reason}", err=True)
    return 0


def present(report: FleetReport, *, as_json: bool) -> None:
    """The report on stdout."""
    from envsetup.fleet.merge import write_json

    if as_json:
        write_json(report, sys.stdout.buffer.write)
        sys.stdout.buffer.flush()
        return
    from envsetup.report.fleet_text import fleet_text

    click.echo(fleet_text(report), nl=False)
