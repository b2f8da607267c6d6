"""`envsetup fleet`: the same on many machines, through an engine that is already there."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from envsetup.model.fleet import FleetReport


@click.group()
def command() -> None:
    """Ask many machines, and say in one report which are broken and which differ."""


@command.command(
    epilog="Examples: envsetup fleet merge reports/*.json · cat *.jsonl | envsetup fleet merge - --expect 'n[1-64]'"
)
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


def present(report: FleetReport, *, as_json: bool) -> None:
    """The report on stdout."""
    from envsetup.fleet.merge import write_json

    if as_json:
        write_json(report, sys.stdout.buffer.write)
        sys.stdout.buffer.flush()
        return
    from envsetup.report.fleet_text import fleet_text

    click.echo(fleet_text(report), nl=False)
