"""`envsetup list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.build.life.listing import Listing

DAY = len("2026-11-30")
EPILOG = """\b
Examples:
  envsetup list              those that envsetup knows of
  envsetup list ~ /data      and those in these folders, a few levels deep
  envsetup list --json
"""


@click.command(name="list", epilog=EPILOG, short_help="Show the environments that envsetup made.")
@click.argument("roots", metavar="[FOLDER]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("-v", "--verbose", is_flag=True, help="Also the moment each was made.")
@click.option("-q", "--quiet", is_flag=True, help="Only the paths.")
def command(roots: tuple[str, ...], *, as_json: bool, verbose: bool, quiet: bool) -> int:
    """Show the environments that envsetup made: where they are, what is in them, and what is wrong with them."""
    from pathlib import Path

    from envsetup.build.life.listing import listing
    from envsetup.model.codec import to_json
    from envsetup.model.errors import Exit, InputError
    from envsetup.report.clean import clean

    folders = [Path(root).expanduser().absolute() for root in roots]
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder}: {'it is no folder' if folder.exists() else 'no such folder'}")
    found = listing(folders)
    if as_json:
        click.echo(to_json(found), nl=False)
    else:
        lines = (entry.path for entry in found.environments) if quiet else _lines(found, verbose=verbose)
        click.echo("".join(f"{clean(line)}\n" for line in lines), nl=False)
    return int(Exit.OK)


def _lines(found: Listing, *, verbose: bool) -> Iterator[str]:
    if not found.environments:
        yield "none is known; envsetup list FOLDER looks for them, envsetup create makes one"
    for entry in found.environments:
        made = (entry.created or "")[: None if verbose else DAY]
        what = f"{entry.summary}, Python {entry.python}, {entry.target}, {made}"
        yield f"{entry.path}  {what if entry.summary else entry.status}".rstrip(", ")
        if entry.note:
            yield f"  {entry.status}: {entry.note}"
        if entry.previous:
            yield "  the one before is kept: envsetup update --rollback"
