"""`envsetup update`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.build.life.update import Options, Update

EPILOG = """\b
Examples:
  envsetup update                 ./.venv: show what would change, ask, do it
  envsetup update env --dry-run   only show it
  envsetup update env --yes --json
  envsetup update env --lock new.lock   one that was made from a lock, by another one
  envsetup update --rollback      the environment of before the last update again
"""


@click.command(epilog=EPILOG, short_help="Make an environment anew for what is there now.")
@click.argument("path", default=".venv")
@click.option("--dry-run", is_flag=True, help="Show what would change, change nothing.")
@click.option("--rollback", is_flag=True, help="Put back the environment that the last update replaced.")
@click.option("--discard-edits", is_flag=True, help="Do not keep your edits of the files that envsetup wrote.")
@click.option("--discard-previous", is_flag=True, help="Replace a kept environment though files of yours are in it.")
@click.option("--python", metavar="VERSION|PATH", help="Another Python than before.")
@click.option("--source", help="Another source than before.")
@click.option("--machine", metavar="FILE", help="The machine to plan for, where it was made for a described one.")
@click.option("--lock", metavar="FILE", help="The new lock, instead of a new plan; for what was made from a lock.")
@click.option("--ca-bundle", metavar="FILE", help="Trust these certificate authorities (PEM): a proxy's, an index's.")
@click.option("--offline", is_flag=True, help="Ask no source.")
@click.option("--no-build", is_flag=True, help="Of an image, only the files.")
@click.option("--no-verify", is_flag=True, help="Do not look at what was built.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("-v", "--verbose", is_flag=True, help="Also why it was planned so.")
@click.option("-q", "--quiet", is_flag=True, help="Only the result.")
def command(path: str, **o: Any) -> int:  # noqa: ANN401 - click's parameters by name
    """Plan again what an environment was made for, show the difference, and make it anew beside the old one.

    It takes the old one's place when it was verified. Your edits of the files that envsetup wrote are merged; the old
    environment is kept as PATH.previous, for --rollback. PATH defaults to ./.venv.
    """
    from envsetup.build.life.update import roll_back, update, work_out
    from envsetup.build.stage import target_path
    from envsetup.cli.authorities import trust
    from envsetup.cli.interrupt import watch
    from envsetup.cli.progress import Lines
    from envsetup.model.codec import to_json
    from envsetup.model.errors import Exit

    watch()
    trust(o["ca_bundle"])
    env = target_path(path)
    progress = Lines(quiet=o["quiet"])
    if o["rollback"]:
        done = roll_back(env)
    else:
        ready = work_out(env, _options(**o), progress)
        done = ready.update
        if done.status == "planned" and not o["dry_run"]:
            _consent(done, yes=o["yes"], quiet=o["quiet"] or o["as_json"])
            done = update(ready, progress)
    click.echo(to_json(done) if o["as_json"] else _text(done, brief=o["quiet"], verbose=o["verbose"]), nl=False)
    if done.status == "impossible":
        return int(Exit.FINDINGS)
    return int(Exit.UNDECIDED if done.created and done.created.not_built else Exit.OK)


def _options(**o: Any) -> Options:  # noqa: ANN401 - as above
    from pathlib import Path

    from envsetup.build.life.update import Options

    return Options(
        python=o["python"],
        source=o["source"],
        machine=Path(o["machine"]) if o["machine"] else None,
        lock=Path(o["lock"]) if o["lock"] else None,
        offline=o["offline"],
        check=not o["no_verify"],
        discard_edits=o["discard_edits"],
        files_only=o["no_build"],
        discard_previous=o["discard_previous"],
    )


def _consent(update: Update, *, yes: bool, quiet: bool) -> None:
    from envsetup.model.errors import InputError

    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InputError(f"{update.path}: nothing was changed: confirm on a terminal, or give --yes (or --dry-run)")
    if not quiet:
        click.echo(_text(update, brief=False), nl=False, err=True)
    click.confirm(f"update {update.path}?", abort=True, err=True)


def _text(update: Update, *, brief: bool, verbose: bool = False) -> str:
    from envsetup.report.clean import clean

    return "".join(f"{clean(line)}\n" for line in _lines(update, brief=brief, verbose=verbose))


def _lines(update: Update, *, brief: bool, verbose: bool) -> Iterator[str]:
    if update.status == "impossible" and update.created and (why := update.created.plan.impossible):
        yield f"impossible ({why.constraint}): {why.text}"
        yield f"nearest change: {why.nearest}"
        yield f"nothing was changed: {update.path} is still {update.before}"
        return
    if update.status == "unchanged":
        yield f"unchanged: {update.path} is what would be made now ({update.before})"
        return
    yield f"{update.status}: {update.path}: {update.before} -> {update.after}"
    yield from () if brief else _details(update)
    if verbose and update.created:
        from envsetup.cli import created

        yield from created.why(update.created.plan)
    if update.created and update.created.not_built:
        yield f"not built {update.created.not_built}"
    if update.status in {"updated", "rolled-back"}:
        yield f"kept: {update.previous}; back with: envsetup update --rollback {update.path}"


def _details(update: Update) -> Iterator[str]:
    from envsetup.build.life.own import named

    yield from (f"  {line}" for line in update.plan)
    packages = update.packages
    yield from (f"  + {name} {version}" for name, version in packages.added.items())
    yield from (f"  - {name} {version}" for name, version in packages.removed.items())
    yield from (f"  ~ {name} {change.before} -> {change.after}" for name, change in packages.changed.items())
    for name, text in update.files.items():
        yield from text.splitlines() if text else (f"  ~ {name}",)
    if update.merged:
        yield f"your edits are kept: {named(update.merged)}"
    if update.carried:
        yield f"taken along: {named(update.carried)}"
    if update.left:
        yield f"not taken along, still in {update.previous}: {named(update.left)}"
    if update.added:
        extra = [f"{name} {version}" for name, version in update.added.items()]
        yield f"packages that the lock does not know, install them again if you need them: {named(extra)}"
