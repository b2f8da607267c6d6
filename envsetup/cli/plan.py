"""`envsetup plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from envsetup.cli.either import one_of
from envsetup.cli.whatif import described

if TYPE_CHECKING:
    from envsetup.model.offers import Offers
    from envsetup.model.plan import Plan, Request

EPILOG = """\b
Examples:
  envsetup plan                                         PyTorch for this machine, and why
  envsetup plan --framework pytorch --gpu -v            with everything that was rejected
  envsetup plan --framework "pytorch==2.11.*" --python 3.12
  envsetup plan --framework tensorflow --machine node7.json --offline
  envsetup plan --gpu-name "RTX 5090" --driver 570.26   before you buy it
  envsetup plan --source pypi                           when only the package index can be reached
"""


@click.command(epilog=EPILOG, short_help="Say what create would install, and why.")
@click.option("--framework", "frameworks", multiple=True, help="pytorch, tensorflow, jax; repeatable; pytorch==2.11.*")
@one_of("device", {"gpu": "A GPU build, or the reason why there is none.", "cpu": "The CPU build."})
@click.option("--with", "extras", multiple=True, metavar="NAME,...", help="More packages: jupyter, transformers, pyg.")
@click.option("--python", metavar="VERSION", help="3.12 or 3.13t; default: the machine's own.")
@click.option(
    "--target", default="venv", show_default=True, help="venv, conda, docker, devcontainer, slurm, kubernetes."
)
@click.option("--source", help="official, pypi, a mirror's name, a URL or a folder (no network).")
@click.option("--machine", metavar="FILE", help="Plan for a machine that envsetup probe recorded, or a description.")
@click.option("--offline", is_flag=True, help="Decide from the shipped data alone; no source is asked.")
@click.option("--gpu-name", metavar="NAME", help="What if this were the GPU.")
@click.option("--driver", metavar="VERSION", help="What if this were the NVIDIA driver.")
@click.option("--os", "system", type=click.Choice(["linux", "windows", "macos"]), help="What if this were the system.")
@click.option("--arch", type=click.Choice(["x86_64", "aarch64", "arm64"]), help="What if this were the processor.")
@click.option("--glibc", metavar="VERSION", help="What if this were the C library.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("-v", "--verbose", count=True, help="Everything: reasons with their sources, all that was rejected.")
@click.option("-q", "--quiet", is_flag=True, help="Only the pick.")
def command(**options: Any) -> int:  # noqa: ANN401 - click's parameters by name
    """Say what create would install on this machine and why, what was rejected, and what else there is."""
    from envsetup.model.codec import to_json
    from envsetup.model.errors import Exit
    from envsetup.report.clean import escape_json
    from envsetup.resolve import resolve

    request = _request(**options)
    machine = described(**options)
    offers, note = _offers(request, quiet=options["quiet"])
    if request.target == "conda":
        request = _without_channel(request)
    plan = resolve(request, machine, offers)
    if options["as_json"]:
        click.echo(escape_json(to_json(plan)), nl=False)
    else:
        click.echo(_screen(plan, note, verbose=options["verbose"] > 0, quiet=options["quiet"]), nl=False)
    return int(Exit.OK if plan.status == "ok" else Exit.FINDINGS)


def _request(**o: Any) -> Request:  # noqa: ANN401 - as above
    from envsetup.build.targets import offered
    from envsetup.model.errors import InputError
    from envsetup.model.plan import Request

    if o["target"] not in (known := offered()):
        raise InputError(f"--target {o['target']}: known are {', '.join(known)}")
    return Request(
        frameworks=list(o["frameworks"]),
        device=o["device"] or "auto",
        extras=[name for text in o["extras"] for name in text.split(",") if name],
        python=o["python"],
        target=o["target"],
        source=o["source"],
        offline=o["offline"],
    )


def _without_channel(request: Request) -> Request:
    """A channel is no place of wheels. Raises InputError for what is no channel."""
    from msgspec.structs import replace

    from envsetup.build.condaspecs import channel_of

    channel_of(request.source)
    return replace(request, source=None)


def _screen(plan: Plan, note: str, *, verbose: bool, quiet: bool) -> str:
    import shutil
    import sys

    from envsetup.report.plan_text import Page, text
    from envsetup.report.terminal import colour_wanted

    width = max(40, shutil.get_terminal_size().columns) if sys.stdout.isatty() else None
    page = Page(verbose=verbose, quiet=quiet, colour=colour_wanted(sys.stdout), width=width, note=note)
    return text(plan, page)


def _offers(request: Request, *, quiet: bool) -> tuple[Offers | None, str]:
    if request.target == "conda":
        # The table of wheels says what runs on this GPU; which packages there are, the channel says.
        return None, "what the conda channel has is asked by create"
    if request.offline:
        if request.source:
            from envsetup.build.sources import check

            check(request.source)
        return None, "decided from the shipped data; no source was asked (--offline)"
    import sys

    from envsetup.build.decide import look_at_sources
    from envsetup.report.terminal import colour_wanted

    # A slow source may take seconds; the line goes again when it has answered.
    shown = not quiet and colour_wanted(sys.stderr)
    if shown:
        click.echo("asking the sources ...", err=True, nl=False)
    try:
        offers = look_at_sources(request)
    finally:
        if shown:
            click.echo("\r\x1b[K", err=True, nl=False)
    silent = "; ".join(f"{name} did not answer: {why}" for name, why in (offers.unreachable if offers else {}).items())
    return offers, silent
