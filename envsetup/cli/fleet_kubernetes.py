"""`--engine kubernetes`: the manifest that does it, for the cluster's own tools. Nothing is started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

GPU_LABEL = "nvidia.com/gpu.present=true"
NAMES = "envsetup-smoke"  # of the Job, its pods and their service
OPTIONS = (
    click.option("--image", help="kubernetes: an image with Python 3.10 or newer and the bundle."),
    click.option("--image-bundle", default="/envsetup.pyz", show_default=True, help="kubernetes: the bundle in it."),
    click.option("--namespace", default="default", show_default=True, help="kubernetes: where it runs."),
)
# What has no meaning for a manifest; each is refused rather than passed over.
FOREIGN = {"limit": "--limit", "bundle_file": "--bundle", "folder": "-o", "as_json": "--json", "html": "--html"}


def doctor_manifest(options: dict[str, Any], arguments: Sequence[str]) -> str:
    """A DaemonSet that runs the doctor once on every node with the label. `arguments` are for the doctor."""
    return _rendered("fleet-kubernetes", options, {"arguments": list(arguments)})


def smoke_manifest(options: dict[str, Any], arguments: Sequence[str]) -> str:
    """An Indexed Job: one pod a node; each trains by itself, or all meet. `arguments` are for the smoke test."""
    from envsetup.model.errors import InputError

    nodes, seconds = options["nodes"], options["host_timeout"]
    if nodes is None:
        raise InputError("--engine kubernetes: --nodes says how many nodes take part")
    if options["together"]:
        pods = [f"{NAMES}-{index}" for index in range(nodes)]
        peers = ",".join(f"{pod}={pod}.{NAMES}" for pod in pods)
        arguments = [*arguments, "--peers", peers, "--seconds", str(seconds)]
    more = {name: options[name] for name in ("env", "nodes", "gpus", "together", "port")}
    return _rendered("fleet-kubernetes-smoke", options, {**more, "seconds": seconds, "arguments": list(arguments)})


def _rendered(template: str, options: dict[str, Any], more: dict[str, Any]) -> str:
    from envsetup import __version__
    from envsetup.model.errors import InputError
    from envsetup.render.templates import render

    for name, flag in FOREIGN.items():
        if options.get(name):
            raise InputError(f"--engine kubernetes prints a manifest: {flag} does not go with it")
    if not options["image"]:
        raise InputError("--engine kubernetes: --image is needed, with Python 3.10 or newer and the bundle in it")
    label = options["inventory"] or GPU_LABEL
    if label.count("=") != 1:
        raise InputError(f"-i {label}: for kubernetes it is the label of the nodes, KEY=VALUE, such as {GPU_LABEL}")
    own = {"tool": __version__, "image": options["image"], "bundle": options["image_bundle"], "label": label}
    [text] = render(template, {**own, "namespace": options["namespace"], **more}).values()
    return text.decode()


def printed(text: str, *, quiet: bool) -> int:
    """The manifest on stdout, and what to do with it on stderr."""
    click.echo(text, nl=False)
    if not quiet:
        click.echo("nothing was started: the manifest's first lines say how to run it and to merge the logs", err=True)
    return 0
