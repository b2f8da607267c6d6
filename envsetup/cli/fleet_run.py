"""`envsetup fleet doctor` and `envsetup fleet smoke`: an engine asks every host, and one report says what came back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

import click

from envsetup.cli.fleet_kubernetes import OPTIONS as KUBERNETES
from envsetup.cli.fleet_kubernetes import doctor_manifest, printed, smoke_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envsetup.fleet.engine import Engine
    from envsetup.model.fleet import FleetReport

F = TypeVar("F", bound="Callable[..., object]")
DOCTOR_EXAMPLES = """\b
Examples:
  envsetup fleet doctor -i hosts.ini                       the inventory and ssh configuration that Ansible uses
  envsetup fleet doctor -i hosts.ini --limit gpu --require gpu
  envsetup fleet doctor -i hosts.ini -o run1               keep what comes back, as it comes
  envsetup fleet doctor -i hosts.ini -o run1 --resume      ask only those that gave no report
  envsetup fleet doctor --engine slurm -i gpu --limit 'n[1-64]'
  envsetup fleet doctor --engine kubernetes --image registry.example/envsetup:1 > doctor.yaml
"""
SMOKE_EXAMPLES = """\b
Examples:
  envsetup fleet smoke -i hosts.ini --env /srv/venvs/train --device cuda
  envsetup fleet smoke --engine slurm -i gpu --env /srv/venvs/train --json
  envsetup fleet smoke -i hosts.ini --env /srv/venvs/train --together     find the slow link and the missing host
  envsetup fleet smoke --engine kubernetes --image registry.example/train:1 --env /opt/venv --nodes 4 --together
"""
REQUIRE = click.Choice(["gpu", "cuda", "rocm", "none"])
TOGETHER_S = 120  # seconds: hosts that have not met by then will not
DEVICES = click.Choice(["auto", "cpu", "cuda", "rocm", "mps", "xpu"])
SMOKED = click.Choice(["pytorch", "tensorflow", "jax"])
COMMON = (
    click.option(
        "-i", "inventory", metavar="INVENTORY", help="Ansible's inventory; Slurm's partition; Kubernetes' node label."
    ),
    click.option(
        "--engine", type=click.Choice(["ansible", "slurm", "kubernetes"]), default="ansible", show_default=True
    ),
    click.option("--limit", metavar="PATTERN", help="Only these hosts, in the engine's own form."),
    click.option("--forks", type=click.IntRange(1, 1000), default=50, show_default=True, help="Hosts asked at once."),
    click.option("--bundle", "bundle_file", metavar="FILE", help="A bundle made before, instead of a new one."),
    click.option("-o", "folder", metavar="DIR", help="Keep what comes back, as it comes."),
    click.option("--resume", is_flag=True, help="Go on with the run in -o DIR: ask only hosts that gave no report."),
    click.option("--fail-on", type=click.Choice(["error", "warning"]), default="error", show_default=True),
    click.option("--json", "as_json", is_flag=True, help="Write the report as JSON to stdout, one host a line."),
    click.option("--html", metavar="FILE", help="Write the report as one page."),
    click.option("-v", "--verbose", is_flag=True, help="Name the hosts that are well, too."),
    click.option("-q", "--quiet", is_flag=True, help="No progress."),
)


def common(host_timeout: int) -> Callable[[F], F]:
    """The options that every run on hosts has."""

    def add(function: F) -> F:
        limit = click.IntRange(5)
        shown = click.option(
            "--host-timeout", type=limit, default=host_timeout, show_default=True, help="Seconds for one host."
        )
        for option in reversed((*COMMON, shown)):
            function = option(function)
        return function

    return add


def kubernetes(function: F) -> F:
    """The options that only a manifest has."""
    for option in reversed(KUBERNETES):
        function = option(function)
    return function


@click.command(epilog=DOCTOR_EXAMPLES, short_help="Run the doctor on many hosts.")
@common(host_timeout=60)
@kubernetes
@click.option("--env", metavar="PATH", help="The environment to look at on every host.")
@click.option("--require", type=REQUIRE, help="What must work on every host.")
def doctor(**options: Any) -> int:  # noqa: ANN401 - click's parameters by name
    """Run the doctor on many hosts, which need not have envsetup, and merge what they say.

    Exits with 4 when a host gave no report, 1 for findings, 3 where a doctor could not decide, else 0.
    """
    asked = _given(options, "env", "require")
    if options["engine"] == "kubernetes":
        return printed(doctor_manifest(options, asked), quiet=options["quiet"])
    return _run(options, ["doctor", "--json", *asked])


@click.command(epilog=SMOKE_EXAMPLES, short_help="Train on every host by itself.")
@common(host_timeout=600)
@kubernetes
@click.option("--nodes", type=click.IntRange(1, 10000), help="kubernetes: how many nodes take part.")
@click.option("--gpus", type=click.IntRange(0, 64), default=1, show_default=True, help="kubernetes: GPUs of each pod.")
@click.option("--env", metavar="PATH", required=True, help="The environment to train in on every host.")
@click.option("--framework", type=SMOKED, help="Which to train with. Default: the one that is installed.")
@click.option("--device", type=DEVICES, default="auto", show_default=True, help="Where to train.")
@click.option("--level", type=click.Choice(["quick", "standard"]), default="quick", show_default=True)
@click.option("--check", "checks", multiple=True, metavar="ID", help="Only this check; may be repeated.")
@click.option("--together", is_flag=True, help="Not training: all hosts meet, add up, and exchange in pairs (gloo).")
@click.option("--port", type=click.IntRange(1024, 65535), default=29500, show_default=True, help="Where they meet.")
def smoke(**options: Any) -> int:  # noqa: ANN401 - as above
    """Train on every host by itself, and name those that fail or are slower than their peers.

    With --together all hosts meet at the first one, add up numbers, and each pair exchanges: that names the host or
    the link that is slow, and the host that does not come.

    Exits with 4 when a host gave no proof, 1 where a check failed, 3 where nothing was verified, else 0.
    """
    checks = [part for check in options["checks"] for part in ("--check", check)]
    asked = (
        _given(options, "port") if options["together"] else [*_given(options, "framework", "device", "level"), *checks]
    )
    if options["engine"] == "kubernetes":
        return printed(smoke_manifest(options, asked), quiet=options["quiet"])
    return _run(options, ["smoke", "--json", *_given(options, "env"), *asked], together=options["together"])


def _given(options: dict[str, Any], *names: str) -> list[str]:
    return [part for name in names if options[name] for part in (f"--{name}", str(options[name]))]


def _run(options: dict[str, Any], arguments: Sequence[str], *, together: bool = False) -> int:
    from envsetup.cli.fleet_progress import HostLines
    from envsetup.fleet.ask import ask_fleet
    from envsetup.fleet.bundle import cached_bundle
    from envsetup.fleet.engine import Job
    from envsetup.fleet.journal import Journal
    from envsetup.fleet.merge import exit_code
    from envsetup.model.errors import InputError

    if options["resume"] and together:
        raise InputError("--resume does not go with --together: all hosts must be there")
    if options["resume"] and not options["folder"]:
        raise InputError("--resume needs -o DIR, the folder of the run to go on with")
    engine = engine_of(options["engine"], options["inventory"], options["limit"])
    journal = Journal(options["folder"], resume=options["resume"]) if options["folder"] else None
    forks = options["forks"]
    if together:
        hosts = engine.hosts()
        forks = max(forks, len(hosts))  # all at once, or they never meet
        peers = ",".join(f"{host}={engine.address(host)}" for host in hosts)
        arguments = [*arguments, "--peers", peers, "--seconds", str(min(TOGETHER_S, 0.9 * options["host_timeout"]))]
    lines = HostLines(quiet=options["quiet"])
    try:
        path = options["bundle_file"] or cached_bundle(lines.say)
        report = ask_fleet(engine, Job(path, arguments, options["host_timeout"], forks), journal, lines.host)
    finally:
        lines.end()
    present(report, as_json=options["as_json"], html=options["html"], verbose=options["verbose"])
    return int(exit_code(report, options["fail_on"]))


def engine_of(name: str, inventory: str | None, limit: str | None) -> Engine:
    """The engine of this name. Raises InputError when it cannot be used here."""
    from envsetup.model.errors import InputError

    if name == "slurm":
        from envsetup.fleet.slurm import Slurm

        return Slurm(inventory, limit)
    from envsetup.fleet.ansible import Ansible

    if name == "kubernetes":
        hint = "envsetup create --target docker builds the image that the pods use"
        raise InputError("--engine kubernetes: a cluster gets its environments as images", hint=hint)
    if not inventory:
        raise InputError("-i INVENTORY is needed: a file or folder of Ansible's, or a list like n1,n2")
    return Ansible(inventory, limit)


def present(
    report: FleetReport, *, as_json: bool, html: str | None, verbose: bool = False, quiet: bool = False
) -> None:
    """The report on stdout, and then as a page where one is wanted: a page that fails hides no report."""
    if as_json:
        from envsetup.fleet.merge import write_json

        write_json(report, sys.stdout.buffer.write)
        sys.stdout.buffer.flush()
    else:
        from envsetup.report.fleet_text import fleet_text

        click.echo(fleet_text(report, verbose=verbose, quiet=quiet), nl=False)
    if html:
        from envsetup.report.fleet_html import fleet_html
        from envsetup.world.files import write_whole

        write_whole(html, fleet_html(report))
        if not quiet:
            click.echo(f"wrote {html}", err=True)
