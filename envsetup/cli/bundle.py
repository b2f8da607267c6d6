"""`envsetup bundle`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from envsetup.cli.either import one_of
from envsetup.cli.whatif import described

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.build.bundle import Bundle, Wish
    from envsetup.model.machine import Machine

EPILOG = """\b
Examples:
  envsetup bundle --wheels -o wheels --framework pytorch --machine node7.json
  envsetup bundle --wheels -o wheels --lock requirements.lock --python 3.12 --os linux --arch aarch64 --glibc 2.34
\b
Carry the folder over, and there, without a network:
  envsetup create --source wheels --lock wheels/requirements.lock
"""


@click.command(epilog=EPILOG, short_help="Gather wheels for a machine without a network.")
@click.option("--wheels", is_flag=True, help="What is gathered: the locked wheels, with their lock.")
@click.option("-o", "--output", required=True, metavar="DIR", help="The folder that is filled.")
@click.option("--framework", "frameworks", multiple=True, help="pytorch, tensorflow, jax; repeatable; pytorch==2.11.*")
@one_of("device", {"gpu": "A GPU build, or the reason why there is none.", "cpu": "The CPU build."})
@click.option("--with", "extras", multiple=True, metavar="NAME,...", help="More packages: jupyter, transformers.")
@click.option("--lock", metavar="FILE", help="The wheels of exactly this lock.")
@click.option("--source", help="official, pypi, a mirror's name, a URL or a folder.")
@click.option("--ca-bundle", metavar="FILE", help="Trust these certificate authorities (PEM) for downloads.")
@click.option("--machine", metavar="FILE", help="The machine over there, as envsetup probe -o recorded it.")
@click.option("--python", metavar="X.Y", help="The Python over there.")
@click.option("--os", "system", type=click.Choice(["linux", "windows", "macos"]), help="The system over there.")
@click.option("--arch", type=click.Choice(["x86_64", "aarch64", "arm64"]), help="The processor over there.")
@click.option("--glibc", metavar="VERSION", help="The C library over there.")
@click.option("--gpu-name", metavar="NAME", help="The GPU over there.")
@click.option("--driver", metavar="VERSION", help="The NVIDIA driver over there.")
@click.option("--dry-run", is_flag=True, help="List the wheels and their sizes, write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("-v", "--verbose", is_flag=True, help="Also every wheel and its size.")
@click.option("-q", "--quiet", is_flag=True, help="Only the result.")
def command(**o: Any) -> int:  # noqa: ANN401 - click's parameters by name
    """Gather the wheels of a plan, or of a lock, for another machine that has no network.

    What was gathered already is not fetched again, and a download that broke off goes on where it was.
    """
    from envsetup.build.bundle import bundle
    from envsetup.cli.interrupt import watch
    from envsetup.cli.progress import Lines
    from envsetup.model.codec import to_json
    from envsetup.model.errors import Exit
    from envsetup.report.clean import clean

    watch()
    made = bundle(_wish(**o), Lines(quiet=o["quiet"]))
    text = to_json(made) if o["as_json"] else "".join(f"{clean(line)}\n" for line in _lines(made, verbose=o["verbose"]))
    click.echo(text, nl=False)
    return int(Exit.FINDINGS if made.status == "impossible" else Exit.OK)


def _wish(**o: Any) -> Wish:  # noqa: ANN401 - as above
    import re
    from pathlib import Path

    from envsetup.build.bundle import Wish
    from envsetup.build.platforms import platform_of
    from envsetup.build.stage import target_path
    from envsetup.cli.authorities import trust
    from envsetup.model.errors import InputError
    from envsetup.model.plan import Request

    if not o["wheels"]:
        raise InputError("--wheels is missing: it says what is gathered")
    if not o["frameworks"] and not o["lock"]:
        raise InputError("--framework or --lock is missing; for example --framework pytorch")
    trust(o["ca_bundle"])
    machine = described(**o)
    python = o["python"] or _python(machine)
    if not re.fullmatch(r"3\.\d{1,2}t?", python):
        raise InputError(f"--python {python}: X.Y is accepted, like 3.12")
    return Wish(
        folder=target_path(o["output"]),
        request=Request(
            frameworks=list(o["frameworks"]),
            device=o["device"] or "auto",
            extras=[name for text in o["extras"] for name in text.split(",") if name],
            source=o["source"],
        ),
        machine=machine,
        platform=platform_of(machine, python),
        lock=Path(o["lock"]) if o["lock"] else None,
        dry_run=o["dry_run"],
    )


def _python(machine: Machine) -> str:
    from envsetup.build.decide import wanted_python
    from envsetup.build.interpreters import own

    return wanted_python(machine) or own().short


def _lines(made: Bundle, *, verbose: bool) -> Iterator[str]:
    if made.plan.impossible is not None:
        yield f"impossible ({made.plan.impossible.constraint}): {made.plan.impossible.text}"
        yield f"nearest change: {made.plan.impossible.nearest}"
        return
    fetched = sum(file.fetched for file in made.files)
    count = f"{len(made.files)} wheels, {made.bytes / (1 << 20):.1f} MiB, for {made.platform}"
    yield f"{made.status}: {count}" + (f"; {fetched} fetched now" if made.status == "bundled" else "")
    if verbose or made.status == "planned":
        yield from (f"  {file.name}  {'?' if file.size is None else file.size}" for file in made.files)
    if made.status == "planned":
        return
    yield f"at        {made.path}"
    yield f"use it    {made.create}"
