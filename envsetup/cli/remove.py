"""`envsetup remove`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.build.life.removal import Removal

EPILOG = """\b
Examples:
  envsetup remove .venv                    asks first
  envsetup remove env --yes --with-my-files
"""


@click.command(epilog=EPILOG, short_help="Remove an environment that envsetup made.")
@click.argument("path")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--with-my-files", is_flag=True, help="Remove files of your own in it as well.")
@click.option("--dry-run", is_flag=True, help="Say what would go, remove nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("-v", "--verbose", is_flag=True, help="Name every file of your own.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing unless something is wrong.")
def command(
    path: str, *, yes: bool, with_my_files: bool, dry_run: bool, as_json: bool, verbose: bool, quiet: bool
) -> int:
    """Remove an environment that envsetup made, with the one that update kept; anything else is refused.

    Files of your own in it are named, and removed only with --with-my-files.
    """
    import msgspec

    from envsetup.build.life.removal import examine, remove
    from envsetup.build.stage import target_path
    from envsetup.cli.interrupt import watch
    from envsetup.model.codec import to_json
    from envsetup.model.errors import Exit
    from envsetup.report.clean import clean

    watch()
    target = target_path(path)
    found = examine(target)
    if found.status == "planned" and not dry_run:
        _consent(found, yes=yes, with_my_files=with_my_files)
        remove(target)
        found = msgspec.structs.replace(found, status="removed")
    if as_json:
        click.echo(to_json(found), nl=False)
    elif not quiet:
        click.echo("".join(f"{clean(line)}\n" for line in _lines(found, verbose=verbose)), nl=False)
    return int(Exit.OK)


def _consent(found: Removal, *, yes: bool, with_my_files: bool) -> None:
    from envsetup.build.life.own import named
    from envsetup.model.errors import InputError

    mine = [*found.own, *found.edited]
    if mine and not with_my_files:
        hint = "move them away, or remove them too with --with-my-files"
        raise InputError(f"{found.path} holds files of your own, nothing was removed: {named(mine)}", hint=hint)
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InputError(f"{found.path}: nothing was removed: confirm on a terminal, or give --yes")
    for line in _lines(found, verbose=False):
        click.echo(line, err=True)
    click.confirm(f"remove {found.path}?", abort=True, err=True)


def _lines(found: Removal, *, verbose: bool) -> Iterator[str]:
    from envsetup.build.life.own import named

    words = {"planned": "would remove", "removed": "removed", "forgotten": "was gone already, forgotten"}
    yield f"{words[found.status]}: {found.path}" + (" and the one before it" if found.previous else "")
    if found.own or found.edited:
        mine = [*found.own, *found.edited]
        yield f"  with files of your own: {', '.join(mine) if verbose else named(mine)}"
    if found.added:
        yield f"  with packages that the lock does not know: {named(found.added)}"
    if found.image:
        yield f"  the image stays: docker image rm {found.image} (or podman, buildah)"
