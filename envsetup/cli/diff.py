"""`envsetup diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.build.life.drift import Drift

SHOWN = 5  # files of the user's own: as many as fit
EPILOG = """\b
Examples:
  envsetup diff            what was changed in ./.venv since it was made
  envsetup diff env --json
Bring it back with: envsetup create --lock PATH/requirements.lock PATH
"""


@click.command(epilog=EPILOG, short_help="Compare an environment with its lock.")
@click.argument("path", default=".venv")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("-v", "--verbose", is_flag=True, help="Name every file of your own.")
@click.option("-q", "--quiet", is_flag=True, help="Only the exit code: 0 the same, 1 different.")
def command(path: str, *, as_json: bool, verbose: bool, quiet: bool) -> int:
    """Say how an environment differs from its lock: packages, and files that were changed. Exit code 1 if it does.

    PATH defaults to ./.venv. Nothing of the environment is run.
    """
    from envsetup.build.life.drift import drift
    from envsetup.build.stage import target_path
    from envsetup.model.codec import to_json
    from envsetup.model.errors import Exit
    from envsetup.report.clean import clean

    found = drift(target_path(path))
    if as_json:
        click.echo(to_json(found), nl=False)
    elif not quiet:
        click.echo("".join(f"{clean(line)}\n" for line in _lines(found, verbose=verbose)), nl=False)
    return int(Exit.FINDINGS if found.differs else Exit.OK)


def _lines(found: Drift, *, verbose: bool) -> Iterator[str]:
    if not found.differs:
        yield f"no difference: {found.path} is as locked"
    yield from (f"+ {name} {version}" for name, version in found.added.items())
    yield from (f"- {name} {version}" for name, version in found.removed.items())
    yield from (f"~ {name} {change.locked} -> {change.installed}" for name, change in found.changed.items())
    yield from (f"! {name}: changed" for name in found.modified)
    yield from (f"! {name}: missing" for name in found.missing)
    yield from (f"! {name}: edited" for name in found.edited)
    if found.own:
        shown = found.own if verbose else found.own[:SHOWN]
        more = ", ..." if len(found.own) > len(shown) else ""
        yield f"files of your own: {len(found.own)} ({', '.join(shown)}{more})"
