"""`envsetup fleet`: the same on many machines, through an engine that is already there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from envsetup.cli.fleet_create import create
from envsetup.cli.fleet_hook import hook
from envsetup.cli.fleet_run import doctor, present, smoke

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.fleet.bundle import Bundle

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


for _part in (doctor, create, smoke, hook):
    command.add_command(_part)


@command.command(epilog=MERGE_EXAMPLES, short_help="Merge what hosts answered into one report.")
@click.argument("files", nargs=-1, required=True, metavar="FILES|-")
@click.option("--expect", metavar="HOSTS|FILE", help="Hosts that must answer: n[1-64],login, or a file of them.")
@click.option("--fail-on", type=click.Choice(["error", "warning"]), default="error", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Write the report as JSON to stdout, one host a line.")
@click.option("--html", metavar="FILE", help="Write the report as one page.")
@click.option("-v", "--verbose", is_flag=True, help="Name the hosts that are well, too.")
@click.option("-q", "--quiet", is_flag=True, help="Only the first line.")
def merge(
    *,
    files: tuple[str, ...],
    expect: str | None,
    fail_on: Literal["error", "warning"],
    as_json: bool,
    html: str | None,
    verbose: bool,
    quiet: bool,
) -> int:
    """Merge what hosts answered into one report.

    Each file holds one host's JSON (of doctor, smoke or probe), or one JSON document a line. Exits with 4 when a host
    gave no report, 1 for findings, 3 where a doctor could not decide, else 0.
    """
    from envsetup.fleet.expected import expected_hosts
    from envsetup.fleet.merge import exit_code, merge_files

    report = merge_files(files, expected_hosts(expect) if expect else ())
    present(report, as_json=as_json, html=html, verbose=verbose, quiet=quiet)
    return int(exit_code(report, fail_on))


@command.command(epilog=BUNDLE_EXAMPLES, short_help="Write one file that runs where envsetup is not.")
@click.option("-o", "output", required=True, metavar="FILE", help="Where to write it.")
@click.option("--json", "as_json", is_flag=True, help="Say what was written as JSON on stdout.")
@click.option("-v", "--verbose", is_flag=True, help="Name every file in it, too.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing.")
def bundle(*, output: str, as_json: bool, verbose: bool, quiet: bool) -> int:
    """Write one file that runs the doctor, or the smoke test, on a host that has no envsetup.

    The host needs a POSIX shell and Python 3.10 or newer; where that is missing, too old or hangs, the answer is still
    one JSON document. Run it there as: sh FILE doctor --json
    """
    from envsetup.fleet.bundle import make_bundle
    from envsetup.model.codec import to_json
    from envsetup.world.files import write_whole

    if not quiet:
        click.echo("collecting compiled modules for each Python and platform", err=True)
    made = make_bundle()
    write_whole(output, made.data, mode=0o755)
    if as_json:
        said = {"schema": "envsetup.fleet-bundle/1", "file": output, "bytes": len(made.data)}
        click.echo(to_json({**said, "serves": made.serves, "missing": made.missing}), nl=False)
    elif not quiet:
        for line in _written(output, made, verbose=verbose):
            click.echo(line, err=True)
    return 0


def _written(output: str, made: Bundle, *, verbose: bool) -> Iterator[str]:
    yield f"wrote {output} ({len(made.data) / 1e6:.1f} MB), for CPython and platform:"
    for platform in sorted({tag.split("-", 2)[2] for tag in made.serves}):
        pythons = [tag.split("-")[1] for tag in made.serves if tag.endswith(platform)]
        yield f"  {platform:14} {' '.join(f'{python[0]}.{python[1:]}' for python in pythons)}"
    for platform, reason in made.missing.items():
        yield f"does not serve {platform}: {reason}"
    if verbose:
        import io
        import zipfile

        yield from (f"  {name}" for name in zipfile.ZipFile(io.BytesIO(made.data)).namelist())
