"""`envsetup fleet create`: the same environment on many machines, one plan for each kind of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from envsetup.cli.either import one_of
from envsetup.cli.fleet_run import common, engine_of, present

if TYPE_CHECKING:
    from envsetup.fleet.rollout import AtMost

EXAMPLES = """\b
Examples:
  envsetup fleet create /srv/venvs/train -i hosts.ini --framework pytorch --gpu --dry-run    who would get what
  envsetup fleet create /srv/venvs/train -i hosts.ini --framework pytorch --gpu
  envsetup fleet create -i hosts.ini --framework pytorch --source /srv/wheelhouse --canary 2 --max-fail 5%
  envsetup fleet create /srv/venvs/train --engine slurm -i gpu --framework pytorch --gpu -o run1 --resume
"""
LOOK_TIMEOUT = 60  # seconds for looking at one host


@click.command(epilog=EXAMPLES, short_help="Make the same environment on many hosts.")
@click.argument("path", default=".venv")
@click.option("--framework", "frameworks", multiple=True, required=True, help="pytorch; or pytorch==2.11.*")
@one_of("device", {"gpu": "A GPU build on every host.", "cpu": "The CPU build."})
@click.option("--with", "extras", multiple=True, metavar="NAME,...", help="More packages: jupyter, transformers.")
@click.option("--python", metavar="VERSION", help="Such as 3.12; default: the one found first on each host.")
@click.option("--source", help="official, pypi, a mirror's name, a URL or a folder on the hosts; default: their pip's.")
@click.option("--canary", type=click.IntRange(1), default=1, show_default=True, help="Hosts of a kind that go first.")
@click.option("--max-fail", default="10%", show_default=True, metavar="N|N%", help="Begin no more when more failed.")
@click.option("--no-verify", is_flag=True, help="Do not look at what was built.")
@click.option("--dry-run", is_flag=True, help="Look at every host and say who would get what; make nothing.")
@common(host_timeout=3600)
def create(**options: Any) -> int:  # noqa: ANN401 - click's parameters by name
    """Make the same environment on many hosts, which need not have envsetup.

    PATH is on the hosts, relative to the home folder there. Hosts of one kind (GPU models, architecture, C library,
    Python) get one plan that holds on all of them. The first of a kind goes first: it plans, locks and verifies; the
    others install exactly its lock.

    Exits with 4 when a host gave no report, 1 when an environment was not made, else 0.
    """
    from envsetup.cli.fleet_progress import HostLines
    from envsetup.fleet.bundle import cached_bundle
    from envsetup.fleet.engine import Job
    from envsetup.fleet.journal import Journal
    from envsetup.fleet.merge import exit_code
    from envsetup.fleet.rollout import Rollout, Wish
    from envsetup.model.errors import InputError
    from envsetup.model.plan import Request
    from envsetup.resolve.asked import read

    if options["resume"] and not options["folder"]:
        raise InputError("--resume needs -o DIR, the folder of the run to go on with")
    allowed = _at_most(options["max_fail"])
    request = Request(
        frameworks=list(options["frameworks"]),
        device=options["device"] or "auto",
        extras=[name for text in options["extras"] for name in text.split(",") if name],
        python=options["python"],
        source=options["source"],
    )
    read(request)  # a name that does not exist ends here, before any host is asked
    engine = engine_of(options["engine"], options["inventory"], options["limit"])
    lines = HostLines(quiet=options["quiet"])
    try:
        looking = options["bundle_file"] or cached_bundle(lines.say)
        wish = Wish(
            request=request,
            path=options["path"],
            verify=not options["no_verify"],
            canaries=options["canary"],
            max_fail=allowed,
            look=Job(looking, ["doctor", "--json"], LOOK_TIMEOUT, options["forks"]),
            forks=options["forks"],
            host_timeout=options["host_timeout"],
        )
        run = Rollout(engine, wish, lambda platforms: cached_bundle(lines.say, platforms), lines.host)
        journal = None
        if options["folder"] and not options["dry_run"]:
            journal = Journal(options["folder"], resume=options["resume"])
        lines.say("looking at the hosts")
        run.look()
        run.would() if options["dry_run"] else run.make(journal)
        report = run.report()
    finally:
        lines.end()
    present(report, as_json=options["as_json"], html=options["html"], verbose=options["verbose"])
    return int(exit_code(report, options["fail_on"]))


def _at_most(text: str) -> AtMost:
    from envsetup.fleet.rollout import AtMost
    from envsetup.model.errors import InputError

    found = re.fullmatch(r"(\d{1,6})(%?)", text.strip())
    if not found or (found[2] and int(found[1]) > 100):  # noqa: PLR2004 - percent
        raise InputError(f"--max-fail {text}: a number of hosts such as 3, or 10%, is accepted")
    return AtMost(int(found[1]), percent=bool(found[2]))
