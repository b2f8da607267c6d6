"""`envsetup smoke`: parse, run, present."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envsetup.model.errors import InputError

if TYPE_CHECKING:
    from envsetup.model.proof import FaultRow
    from envsetup.smoke.runner import Request

FRAMEWORKS = ("pytorch",)

EPILOG = """\b
Examples:
  envsetup smoke                              test the active environment, on a GPU where there is one
  envsetup smoke --env .venv --device cuda    a GPU or a failure
  envsetup smoke --device cpu                 only that training works; says that no GPU was verified
  envsetup smoke --check golden-curve -v      one check, every number beside its limit
  envsetup smoke --data cifar10 --data-root ~/data
  envsetup smoke --self-test                  see that every check can fail

Exit codes: 0 proven, 1 a check failed, 2 bad usage or input, 3 not verified (only a CPU, or a check gave no answer)."""


@click.command(name="smoke", epilog=EPILOG)
@click.option("--env", metavar="PATH", help="A venv, conda prefix or python binary. Default: the active environment.")
@click.option("--framework", default="pytorch", show_default=True, metavar="NAME", help="What to train with.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "rocm", "mps", "xpu"]),
    default="auto",
    show_default=True,
    help="Where to train. auto takes an accelerator if there is one, and does not certify a CPU.",
)
@click.option(
    "--level", type=click.Choice(["quick", "standard"]), default="quick", show_default=True, help="How thorough."
)
@click.option("--check", "checks", multiple=True, metavar="ID", help="Only this check; may be repeated.")
@click.option(
    "--data",
    type=click.Choice(["generated", "cifar10"]),
    default="generated",
    show_default=True,
    help="What to learn from. cifar10 needs --data-root.",
)
@click.option("--data-root", metavar="DIR", help="The folder that holds cifar-10-batches-py.")
@click.option("--seed", type=click.IntRange(0, 2**15), default=0, show_default=True, help="Initial weights and order.")
@click.option("--json", "as_json", is_flag=True, help="Print the proof as JSON (envsetup.smoke/1).")
@click.option("--html", metavar="FILE", help="Also write a self-contained page.")
@click.option("--junit", metavar="FILE", help="Also write JUnit XML.")
@click.option(
    "--self-test", is_flag=True, help="Plant every known fault and show which check catches it (CPU, minutes)."
)
@click.option("-v", "--verbose", count=True, help="Show every number, its limit and where the limit comes from.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
def command(  # noqa: PLR0917 - click passes by name
    env: str | None,
    framework: str,
    device: str,
    level: str,
    checks: tuple[str, ...],
    data: str,
    data_root: str | None,
    seed: int,
    as_json: bool,  # noqa: FBT001
    html: str | None,
    junit: str | None,
    self_test: bool,  # noqa: FBT001
    verbose: int,
    quiet: bool,  # noqa: FBT001
) -> int:
    """Train the reference CNN inside an environment and prove, or refuse to certify, that it works there.

    The environment need not have envsetup. Nothing is downloaded: the images are made from integers.
    """
    from envsetup.model.codec import to_json
    from envsetup.report.smoke_html import smoke_html
    from envsetup.report.smoke_junit import smoke_junit
    from envsetup.report.smoke_progress import Silent, SmokeProgress
    from envsetup.report.smoke_terminal import colour_wanted, unicode_wanted
    from envsetup.report.smoke_text import smoke_text
    from envsetup.smoke.catalogue import catalogue
    from envsetup.smoke.dataset import data_root as find_data
    from envsetup.smoke.host import look_at
    from envsetup.smoke.runner import Request, prove
    from envsetup.smoke.target import interpreter
    from envsetup.smoke.verdict import exit_code
    from envsetup.world.live import LiveWorld

    if framework not in FRAMEWORKS:
        raise InputError(f"--framework {framework}: no smoke test for it; accepted: {', '.join(FRAMEWORKS)}")
    request = Request(
        python=interpreter(env),
        framework=framework,
        device=device,
        level=level,
        checks=[catalogue().find(check).id for check in checks],
        seed=seed,
        data=data,
        data_root=find_data(data, data_root),
    )
    if self_test:
        return _self_test(request, as_json=as_json, quiet=quiet)
    total = len(catalogue().level(level))
    watcher = Silent() if quiet else SmokeProgress(sys.stderr, live=sys.stderr.isatty(), total=total)
    world = LiveWorld()
    try:
        report = prove(request, look=lambda: look_at(world), watcher=watcher)
    finally:
        watcher.close()
    if html:
        _write(Path(html), smoke_html(report))
    if junit:
        _write(Path(junit), smoke_junit(report))
    if as_json:
        click.echo(to_json(report), nl=False)
    else:
        out = sys.stdout
        page = smoke_text(report, colour=colour_wanted(out), ascii_only=not unicode_wanted(out), verbose=verbose)
        click.echo(page, nl=False)
    return int(exit_code(report))


def _self_test(request: Request, *, as_json: bool, quiet: bool) -> int:
    from envsetup.model.codec import to_json
    from envsetup.model.errors import Exit
    from envsetup.report.smoke_matrix import self_test_holds, smoke_matrix
    from envsetup.report.smoke_terminal import unicode_wanted
    from envsetup.smoke import selftest

    if request.checks or request.data != "generated" or request.device not in ("auto", "cpu"):
        raise InputError(
            "--self-test: plants faults on the CPU in every check; it takes no --check, --data or --device"
        )

    def say(row: FaultRow) -> None:
        if not quiet:
            click.echo(f"{row.fault}: caught by {', '.join(row.caught_by) or 'nothing'}", err=True)

    report = selftest.self_test(request, say)
    text = to_json(report) if as_json else smoke_matrix(report, ascii_only=not unicode_wanted(sys.stdout))
    click.echo(text, nl=False)
    return int(Exit.OK if self_test_holds(report) else Exit.FINDINGS)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
