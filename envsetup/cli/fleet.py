"""`envsetup fleet`: the same on many machines, through an engine that is already there."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from envsetup.fleet.engine import Engine
    from envsetup.model.fleet import FleetReport

DOCTOR_EXAMPLES = """\b
Examples:
  envsetup fleet doctor -i hosts.ini                       the inventory and ssh configuration that Ansible uses
  envsetup fleet doctor -i hosts.ini --limit gpu --require gpu
  envsetup fleet doctor -i hosts.ini -o run1               keep what comes back, as it comes
  envsetup fleet doctor -i hosts.ini -o run1 --resume      ask only those that gave no report
  envsetup fleet doctor --engine slurm -i gpu --limit 'n[1-64]'
"""
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

SLURM_EXAMPLES = """\b
Examples:
  envsetup fleet hook slurm --require gpu > envsetup-health.sh
"""
KUBERNETES_EXAMPLES = """\b
Examples:
  envsetup fleet hook kubernetes --image registry.example/envsetup:1 > doctor.yaml
  kubectl apply -f doctor.yaml
  kubectl logs -l app=envsetup-doctor --tail=-1 | envsetup fleet merge -
"""
BUNDLE_PATH = "/usr/local/lib/envsetup/envsetup.pyz"
SLURM_CONF = "/etc/slurm/slurm.conf"
GPU_LABEL = "nvidia.com/gpu.present=true"
REQUIRE = click.Choice(["gpu", "cuda", "rocm", "none"])


@click.group()
def command() -> None:
    """Ask many machines, and say in one report which are broken and which differ."""


@command.command(epilog=DOCTOR_EXAMPLES)
@click.option("-i", "inventory", metavar="INVENTORY", help="Ansible's inventory; Slurm's partition, default all.")
@click.option("--engine", type=click.Choice(["ansible", "slurm"]), default="ansible", show_default=True)
@click.option("--limit", metavar="PATTERN", help="Only these hosts, in the engine's own form.")
@click.option("--forks", type=click.IntRange(1, 1000), default=50, show_default=True, help="Hosts asked at once.")
@click.option("--host-timeout", type=click.IntRange(5), default=60, show_default=True, help="Seconds for one host.")
@click.option("--env", metavar="PATH", help="The environment to look at on every host.")
@click.option("--require", type=REQUIRE, help="What must work on every host.")
@click.option("--bundle", "bundle_file", metavar="FILE", help="A bundle made before, instead of a new one.")
@click.option("-o", "folder", metavar="DIR", help="Keep what comes back, as it comes.")
@click.option("--resume", is_flag=True, help="Go on with the run in -o DIR: ask only hosts that gave no report.")
@click.option("--fail-on", type=click.Choice(["error", "warning"]), default="error", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Write the report as JSON to stdout, one host a line.")
@click.option("--html", metavar="FILE", help="Write the report as one page.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def doctor(**options: Any) -> int:  # noqa: ANN401 - click's parameters by name
    """Run the doctor on many hosts, which need not have envsetup, and merge what they say.

    Exits with 4 when a host gave no report, 1 for findings, 3 where a doctor could not decide, else 0.
    """
    from envsetup.cli.fleet_progress import HostLines
    from envsetup.fleet.bundle import cached_bundle
    from envsetup.fleet.doctor import ask_fleet
    from envsetup.fleet.engine import Job
    from envsetup.fleet.journal import Journal
    from envsetup.fleet.merge import exit_code
    from envsetup.model.errors import InputError

    if options["resume"] and not options["folder"]:
        raise InputError("--resume needs -o DIR, the folder of the run to go on with")
    engine = _engine(options["engine"], options["inventory"], options["limit"])
    journal = Journal(options["folder"], resume=options["resume"]) if options["folder"] else None
    lines = HostLines(quiet=options["quiet"])
    try:
        path = options["bundle_file"] or cached_bundle(lines.say)
        arguments = ["doctor", "--json"]
        for name in ("env", "require"):
            arguments += [f"--{name}", options[name]] if options[name] else []
        job = Job(path, arguments, options["host_timeout"], options["forks"])
        report = ask_fleet(engine, job, journal, lines.host)
    finally:
        lines.end()
    present(report, as_json=options["as_json"], html=options["html"])
    return int(exit_code(report, options["fail_on"]))


def _engine(name: str, inventory: str | None, limit: str | None) -> Engine:
    from envsetup.model.errors import InputError

    if name == "slurm":
        from envsetup.fleet.slurm import Slurm

        return Slurm(inventory, limit)
    from envsetup.fleet.ansible import Ansible

    if not inventory:
        raise InputError("-i INVENTORY is needed: a file or folder of Ansible's, or a list like n1,n2")
    return Ansible(inventory, limit)


@command.command(epilog=MERGE_EXAMPLES)
@click.argument("files", nargs=-1, required=True, metavar="FILES|-")
@click.option("--expect", metavar="HOSTS|FILE", help="Hosts that must answer: n[1-64],login, or a file of them.")
@click.option("--fail-on", type=click.Choice(["error", "warning"]), default="error", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Write the report as JSON to stdout, one host a line.")
@click.option("--html", metavar="FILE", help="Write the report as one page.")
def merge(
    *, files: tuple[str, ...], expect: str | None, fail_on: Literal["error", "warning"], as_json: bool, html: str | None
) -> int:
    """Merge what hosts answered into one report.

    Each file holds one host's JSON (of doctor, smoke or probe), or one JSON document a line. Exits with 4 when a host
    gave no report, 1 for findings, 3 where a doctor could not decide, else 0.
    """
    from envsetup.fleet.expected import expected_hosts
    from envsetup.fleet.merge import exit_code, merge_files

    report = merge_files(files, expected_hosts(expect) if expect else ())
    present(report, as_json=as_json, html=html)
    return int(exit_code(report, fail_on))


@command.command(epilog=BUNDLE_EXAMPLES)
@click.option("-o", "output", required=True, metavar="FILE", help="Where to write it.")
@click.option("--json", "as_json", is_flag=True, help="Say what was written as JSON on stdout.")
def bundle(*, output: str, as_json: bool) -> int:
    """Write one file that runs the doctor on a host that has no envsetup.

    The host needs a POSIX shell and Python 3.10 or newer; where that is missing, too old or hangs, the answer is still
    one JSON document. Run it there as: sh FILE doctor --json
    """
    from envsetup.fleet.bundle import make_bundle
    from envsetup.model.codec import to_json
    from envsetup.world.files import write_whole

    click.echo("collecting compiled modules for each Python and platform", err=True)
    made = make_bundle()
    write_whole(output, made.data, mode=0o755)
    if as_json:
        said = {"schema": "envsetup.bundle/1", "file": output, "bytes": len(made.data)}
        click.echo(to_json({**said, "serves": made.serves, "missing": made.missing}), nl=False)
        return 0
    click.echo(f"wrote {output} ({len(made.data) / 1e6:.1f} MB), for CPython and platform:", err=True)
    for platform in sorted({tag.split("-", 2)[2] for tag in made.serves}):
        pythons = [tag.split("-")[1] for tag in made.serves if tag.endswith(platform)]
        click.echo(f"  {platform:14} {' '.join(f'{python[0]}.{python[1:]}' for python in pythons)}", err=True)
    for platform, reason in made.missing.items():
        click.echo(f"does not serve {platform}: {reason}", err=True)
    return 0


@command.group()
def hook() -> None:
    """Print what an admin installs, so that a cluster asks the doctor by itself. Nothing is changed."""


@hook.command("slurm", epilog=SLURM_EXAMPLES)
@click.option("--bundle", default=BUNDLE_PATH, show_default=True, help="Where the bundle lies on every node.")
@click.option("--conf", default=SLURM_CONF, show_default=True, help="Where slurm.conf lies on every node.")
@click.option("--interval", type=click.IntRange(30), default=300, show_default=True, help="Seconds between checks.")
@click.option("--require", type=REQUIRE, help="What must work on every node.")
def hook_slurm(*, bundle: str, conf: str, interval: int, require: str | None) -> int:
    """Print a health check that drains a node with the doctor's finding as the reason."""
    from envsetup import __version__
    from envsetup.render.templates import render

    arguments = ["--require", require] if require else []
    values = {"tool": __version__, "bundle": bundle, "conf": conf, "interval": interval, "arguments": arguments}
    [text] = render("slurm", values).values()
    click.echo(text, nl=False)
    return 0


@hook.command("kubernetes", epilog=KUBERNETES_EXAMPLES)
@click.option("--image", required=True, help="An image with Python 3.10 or newer and the bundle.")
@click.option("--bundle", default="/envsetup.pyz", show_default=True, help="Where the bundle lies in the image.")
@click.option("--namespace", default="default", show_default=True, help="Where the DaemonSet lives.")
@click.option("--label", default=GPU_LABEL, show_default=True, help="The label that GPU nodes carry, KEY=VALUE.")
@click.option("--require", type=REQUIRE, help="What must work on every node.")
def hook_kubernetes(*, image: str, bundle: str, namespace: str, label: str, require: str | None) -> int:
    """Print a DaemonSet that runs the doctor once on every GPU node; `fleet merge` reads the pods' logs."""
    from envsetup import __version__
    from envsetup.model.errors import InputError
    from envsetup.render.templates import render

    if label.count("=") != 1:
        raise InputError(f"--label {label}: KEY=VALUE is accepted, such as {GPU_LABEL}")
    arguments = ["--require", require] if require else []
    own = {"tool": __version__, "image": image, "bundle": bundle, "namespace": namespace, "label": label}
    [text] = render("kubernetes", {**own, "arguments": arguments}).values()
    click.echo(text, nl=False)
    return 0


def present(report: FleetReport, *, as_json: bool, html: str | None) -> None:
    """The report as a page where one is wanted, and on stdout."""
    from envsetup.fleet.merge import write_json

    if html:
        from envsetup.report.fleet_html import fleet_html
        from envsetup.world.files import write_whole

        write_whole(html, fleet_html(report))
        click.echo(f"wrote {html}", err=True)
    if as_json:
        write_json(report, sys.stdout.buffer.write)
        sys.stdout.buffer.flush()
        return
    from envsetup.report.fleet_text import fleet_text

    click.echo(fleet_text(report), nl=False)
