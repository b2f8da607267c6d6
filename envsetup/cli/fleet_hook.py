"""`envsetup fleet hook`: what an admin installs; nothing is changed."""

from __future__ import annotations

import click

from envsetup.cli.fleet_kubernetes import GPU_LABEL
from envsetup.cli.fleet_run import REQUIRE

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


@click.group(short_help="Print what an admin installs.")
def hook() -> None:
    """Print what an admin installs, so that a cluster asks the doctor by itself. Nothing is changed."""


@hook.command("slurm", epilog=SLURM_EXAMPLES, short_help="A health check that drains broken nodes.")
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
    [text] = render("fleet-slurm", values).values()
    click.echo(text, nl=False)
    return 0


@hook.command("kubernetes", epilog=KUBERNETES_EXAMPLES, short_help="A DaemonSet that runs the doctor.")
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
    [text] = render("fleet-kubernetes", {**own, "arguments": arguments}).values()
    click.echo(text, nl=False)
    return 0
