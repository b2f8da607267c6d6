"""`envsetup smoke`: parse and decide what is asked; `smoke_run` does it."""

from __future__ import annotations

from typing import Any

import click

from envsetup.cli.numbers import Amount

EPILOG = """\b
Examples:
  envsetup smoke                              test the active environment, on a GPU where there is one
  envsetup smoke --env .venv --device cuda    a GPU or a failure
  envsetup smoke --device cpu                 only that training works; says that no GPU was verified
  envsetup smoke --level standard --html proof.html
  envsetup smoke --save-baseline              later runs say what became slower
  envsetup smoke --level soak --minutes 60    rounds under load; the same --journal goes on after a crash
  srun -N 4 envsetup smoke --join             one rank of many: also torchrun, Kubernetes Indexed Job
  envsetup smoke --compare a.json b.json      two machines side by side
  envsetup smoke --check golden-curve -v      one check, every number beside its limit
  envsetup smoke --self-test                  see that every check can fail

Exit codes: 0 proven, 1 a check failed, 2 bad usage or input, 3 not verified (only a CPU, or a check gave no answer).
With --nagios those of monitoring plug-ins: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."""

OWN_PLACE = ""  # of a baseline for which no file was named


@click.command(name="smoke", epilog=EPILOG)
@click.option("--env", metavar="PATH", help="A venv, conda prefix or python binary. Default: the active environment.")
@click.option(
    "--framework", metavar="NAME", help="pytorch, tensorflow, jax, or all. Default: the one that is installed."
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "rocm", "mps", "xpu"]),
    default="auto",
    show_default=True,
    help="Where to train. auto takes an accelerator if there is one, and does not certify a CPU.",
)
@click.option(
    "--level",
    type=click.Choice(["quick", "standard", "soak"]),
    default="quick",
    show_default=True,
    help="How thorough: seconds, minutes, or as long as --minutes says.",
)
@click.option("--minutes", type=Amount(0), metavar="N", help="How long a soak works in all. Default: 60.")
@click.option("--journal", metavar="FILE", help="Where a soak writes every round; an interrupted one goes on from it.")
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
@click.option("--nagios", is_flag=True, help="Print one line for a monitoring system, and exit as its plug-ins do.")
@click.option("--html", metavar="FILE", help="Also write a self-contained page.")
@click.option("--junit", metavar="FILE", help="Also write JUnit XML.")
@click.option(
    "--save-baseline",
    is_flag=False,
    flag_value=OWN_PLACE,
    default=None,
    metavar="[FILE]",
    help="Save a pass; later runs on this machine warn when they are a tenth slower.",
)
@click.option("--baseline", metavar="FILE", help="Hold rates against this --json of an earlier run.")
@click.option("--join", is_flag=True, help="Be one of the ranks that torchrun, srun or an Indexed Job started.")
@click.option("--compare", nargs=2, metavar="A.json B.json", help="Only compare two reports; nothing is run.")
@click.option(
    "--self-test", is_flag=True, help="Plant every known fault and show which check catches it (CPU, minutes)."
)
@click.option("-v", "--verbose", count=True, help="Show every number, its limit and where the limit comes from.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
def command(**options: Any) -> int:  # noqa: ANN401 - click passes by name
    """Train the reference CNN inside an environment and prove, or refuse to certify, that it works there.

    The environment need not have envsetup. Nothing is downloaded: the images are made from integers.
    """
    from envsetup.cli import smoke_run
    from envsetup.model.errors import InputError

    if options["nagios"] and (options["as_json"] or options["self_test"] or options["compare"]):
        raise InputError("--nagios: is the whole output of one run; it takes no --json, --self-test or --compare")
    if options["compare"]:
        return smoke_run.compare(options)
    if not options["nagios"]:
        return smoke_run.self_test(options) if options["self_test"] else smoke_run.run(options)
    try:
        return smoke_run.run(options)
    except InputError as error:
        from envsetup.report.smoke_nagios import UNKNOWN, nagios_line

        click.echo(nagios_line(UNKNOWN, error.message), nl=False)
        return UNKNOWN
