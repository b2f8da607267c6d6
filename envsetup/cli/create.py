"""`envsetup create`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from envsetup.cli.either import one_of

if TYPE_CHECKING:
    from pathlib import Path

    from envsetup.build.create import Created, Order

EPILOG = """\b
Examples:
  envsetup create --framework pytorch              the build that fits this machine, into ./.venv
  envsetup create --framework pytorch --gpu        a GPU build, or the reason why there is none
  envsetup create env --framework "pytorch==2.11.*" --python 3.12
  envsetup create env --lock requirements.lock     exactly these versions and hashes
  envsetup create --framework pytorch --target docker   an image: its files in ./image, built and verified
  envsetup create --target                         what can be made
  envsetup create --framework pytorch --with jupyter --starter   and a project to begin with, in ./starter
  envsetup create --framework pytorch --dry-run    show the plan and every file, write nothing
"""


@click.command(epilog=EPILOG, short_help="Make an environment and verify it.")
@click.argument("path", required=False)
@click.option("--framework", "frameworks", multiple=True, help="pytorch; a version may follow: pytorch==2.11.*")
@one_of("device", {"gpu": "A GPU build, or an error that says what is in the way.", "cpu": "The CPU build."})
@click.option("--with", "extras", multiple=True, metavar="NAME,...", help="More packages: jupyter, transformers.")
@click.option(
    "--python", metavar="VERSION|PATH", help="3.12, 3.12.4, 3.13t or a path; default: the best installed one."
)
@click.option(
    "--target", metavar="NAME", is_flag=False, flag_value="", default=None, help="What is made; alone: list the names."
)
@click.option("--template", metavar="DIR", help="What is made: a template folder of your own.")
@click.option(
    "--starter", metavar="[DIR]", is_flag=False, flag_value="starter", help="A project to begin with, too: ./starter."
)
@click.option("--base-image", metavar="NAME", help="Build the image on this one; --python says which Python it has.")
@click.option("--develop", is_flag=True, help="An image with compiler and headers: torch.compile, extensions.")
@click.option(
    "--source", help="official, pypi, a mirror's name, a URL or a folder (no network); default: pip's configuration."
)
@click.option("--machine", metavar="FILE", help="Plan for a machine that envsetup probe recorded.")
@click.option("--install-python", is_flag=True, help="Let uv fetch the Python that --python names, if it is missing.")
@click.option("--ca-bundle", metavar="FILE", help="Trust these certificate authorities (PEM): a proxy's, an index's.")
@click.option("--offline", is_flag=True, help="Ask no source: what is shipped and what is cached decides.")
@click.option("--name", help="Name in the prompt; default: the folder's.")
@click.option("--dry-run", is_flag=True, help="Print the plan and every file, write nothing.")
@click.option("--no-build", is_flag=True, help="Write the files, install nothing.")
@click.option("--lock", metavar="FILE", help="Install exactly this lock.")
@click.option("--no-verify", is_flag=True, help="Do not look at what was built.")
@click.option("--yes", is_flag=True, help="Do not ask before an environment of envsetup is replaced.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("-v", "--verbose", count=True, help="Say why: reasons and what was rejected.")
@click.option("-q", "--quiet", is_flag=True, help="Only the result.")
def command(**options: Any) -> int:  # noqa: ANN401 - click's parameters by name
    """Make an environment with the wheels that fit this machine, and verify it.

    PATH defaults to ./.venv, ./.conda, ./image, ./.devcontainer, ./slurm or ./kubernetes, by target.
    """
    from envsetup.build.create import create
    from envsetup.cli.authorities import trust
    from envsetup.cli.interrupt import watch
    from envsetup.cli.progress import Lines
    from envsetup.model.codec import to_json
    from envsetup.model.errors import Exit

    if options["target"] == "":
        from envsetup.build.targets import listing, offered

        there = {"schema": "envsetup.targets/1", "targets": offered()}
        click.echo(to_json(there) if options["as_json"] else listing(), nl=False)
        return int(Exit.OK)
    watch()
    trust(options["ca_bundle"])
    order = _order(**options)
    if options["install_python"]:
        from envsetup.build.managed import ensure

        ensure(options["python"], Lines(quiet=options["quiet"]))
    made = create(order, Lines(quiet=options["quiet"]))
    click.echo(to_json(made) if options["as_json"] else _text(made, verbose=options["verbose"] > 0), nl=False)
    return int(Exit.FINDINGS if made.status == "impossible" else Exit.UNDECIDED if made.not_built else Exit.OK)


def _order(**o: Any) -> Order:  # noqa: ANN401 - as above
    from pathlib import Path

    from envsetup.build.create import Order
    from envsetup.build.stage import check_target, target_path
    from envsetup.build.targets import TEMPLATE, find
    from envsetup.model.errors import InputError
    from envsetup.model.plan import Request

    if not o["frameworks"] and not o["lock"]:
        raise InputError("--framework is missing; for example --framework pytorch")
    if o["template"] and o["target"]:
        raise InputError("--target and --template: one of them says what is made")
    own = Path(o["template"]) if o["template"] else None
    asked = TEMPLATE if own else o["target"] or "venv"
    offer = find(asked, own).descriptor.target
    name = o["name"]
    if name is not None and not (name and all(char.isalnum() or char in " ._+-" for char in name)):
        raise InputError(f"--name {name!r}: letters, digits, spaces and . _ + - are accepted")
    target = target_path(o["path"] if o["path"] is not None else offer.folder if offer else ".")
    if check_target(target) and not (o["yes"] or o["dry_run"] or o["as_json"]):
        _confirm(str(target))
    extras = [name for text in o["extras"] for name in text.split(",") if name]
    return Order(
        target=target,
        request=Request(
            frameworks=list(o["frameworks"]),
            device=o["device"] or "auto",
            extras=extras,
            target=asked,
            develop=o["develop"],
            source=o["source"],
            offline=o["offline"],
        ),
        python=o["python"],
        name=name,
        machine=Path(o["machine"]) if o["machine"] else None,
        lock=Path(o["lock"]) if o["lock"] else None,
        check=not o["no_verify"],
        dry_run=o["dry_run"],
        files_only=o["no_build"],
        base_image=o["base_image"],
        starter=_starter(o["starter"]),
        template=own,
    )


def _starter(text: str | None) -> Path | None:
    from envsetup.build.stage import target_path
    from envsetup.model.errors import InputError

    try:
        return target_path(text) if text is not None else None
    except InputError as error:
        raise InputError(f"--starter: {error}") from error


def _confirm(target: str) -> None:
    import sys

    if sys.stdin.isatty() and sys.stderr.isatty():
        click.confirm(f"replace the environment {target}?", abort=True, err=True)


def _text(made: Created, *, verbose: bool) -> str:
    from envsetup.cli.created import text

    return text(made, verbose=verbose)
