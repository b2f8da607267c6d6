"""`envsetup verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.build.life.verdict import Report

EPILOG = """\b
Examples:
  envsetup verify                       ./.venv: still what was made?
  envsetup verify image                 the image that was built from the folder ./image
  envsetup verify localhost/demo:0a1b2c3d4e5f --json
"""


@click.command(epilog=EPILOG, short_help="Look again at what was made.")
@click.argument("target", metavar="[PATH|IMAGE]", default=".venv")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("-v", "--verbose", count=True, help="Every fault of a check on a line of its own.")
@click.option("-q", "--quiet", is_flag=True, help="Only the verdict.")
def command(target: str, **o: Any) -> int:  # noqa: ANN401 - click's parameters by name
    """Say whether an environment, or an image, is still what envsetup made, and fits this host's GPUs.

    Versions against the lock, every installed file, requirements, imports, compiled architectures against the GPUs
    planned and present, bundled CUDA libraries and cuDNN; for an image its user, labels and command too.
    """
    from envsetup.build.life.reverify import is_image, present_gpus, verify_path
    from envsetup.build.stage import target_path
    from envsetup.cli.interrupt import watch
    from envsetup.cli.progress import Lines
    from envsetup.model.codec import to_json

    watch()
    progress = Lines(quiet=o["quiet"] or o["as_json"])
    progress.start(f"verify {target}")
    if is_image(target):
        from envsetup.build.life.reimage import verify_image

        report = verify_image(target, present_gpus(), progress.tick)
    else:
        report = verify_path(target_path(target), present_gpus(), progress.tick)
    progress.clear()
    text = to_json(report) if o["as_json"] else _text(report, verbose=o["verbose"] > 0, quiet=o["quiet"])
    click.echo(text, nl=False)
    return int(report.exit_code)


def _text(report: Report, *, verbose: bool, quiet: bool) -> str:
    from envsetup.report.clean import clean

    return "".join(f"{clean(line)}\n" for line in _lines(report, verbose=verbose, quiet=quiet))


def _lines(report: Report, *, verbose: bool, quiet: bool) -> Iterator[str]:
    yield f"{report.verdict}: {report.headline}"
    for check in () if quiet else report.checks:
        many = verbose and len(check.faults) > 1
        yield f"  {check.status:5} {check.id:12} {check.faults[0] if many else check.reason}"
        yield from (f"{' ':21}{fault}" for fault in check.faults[1:]) if many else ()
