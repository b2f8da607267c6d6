"""Runs the checks in the target environment, in a child that may hang or die, and makes the proof."""

from __future__ import annotations

import os
import platform
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

from envsetup import __version__
from envsetup.model.errors import InputError
from envsetup.model.proof import SmokeReport
from envsetup.smoke.catalogue import CheckSpec, catalogue, golden
from envsetup.smoke.child import Child, Deadline
from envsetup.smoke.outside import add_leftovers, add_telemetry, ask_the_driver
from envsetup.smoke.rates import Yardstick
from envsetup.smoke.session import Session
from envsetup.smoke.telemetry import sampling, strip
from envsetup.smoke.verdict import decide
from envsetup.smoke.workspace import Workspace, workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.smoke.host import HostLook
    from envsetup.smoke.launch import Place
    from envsetup.smoke.session import Watcher

NO_CHECK = "has no such check"  # how the refusal of a check ends that a framework does not have
CHILDREN = 3  # a machine on which this many children died is not asked again
NAMES = {"pytorch": "PyTorch", "tensorflow": "TensorFlow", "jax": "JAX"}


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to prove. `checks` are ids (empty: all of the level); `data_root` the folder of CIFAR-10 or None."""

    python: str
    framework: str = "pytorch"
    device: str = "auto"
    level: str = "quick"
    checks: list[str] = []
    seed: int = 0
    data: str = "generated"
    data_root: str | None = None
    deadline_s: float | None = None  # a shorter deadline for every check
    fault: str | None = None  # planted in the child's framework: only to test the checks themselves
    driver: str | None = None  # what is wrong with an imagined driver: as `fault`
    threads: int | None = None  # for the child, where several run beside each other
    baseline: tuple[SmokeReport, str] | None = None  # an earlier report of this machine, and the name of its file
    baseline_asked: bool = True  # the user named it; one that was only found is passed over where it does not fit
    place: Place | None = None  # this process is one of several ranks that somebody else started
    patience_s: float = 60.0  # how long a rank waits for the others


def prove(request: Request, *, look: Callable[[], HostLook], watcher: Watcher) -> SmokeReport:
    """Run every check and judge it; `look` asks the driver and is called before and after.

    Raises InputError when the environment has no such framework or the data cannot be read, or when the baseline is
    that of another machine.
    """
    began, started = time.monotonic(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    before = look()
    specs = planned(request)
    training = catalogue().training[request.data]
    yardstick = Yardstick(request.baseline, asked=request.baseline_asked)
    session = Session(
        specs,
        asked=request.device,
        data=request.data,
        facts={"learning": {"ceiling": training.ceiling}},
        watcher=watcher,
        yardstick=yardstick,
    )
    with workspace() as space:
        drivers = os.environ if request.driver is None else space.driver(request.driver)
        with sampling(space.folder, drivers, wanted=request.device != "cpu" and bool(before.gpus)) as sampler:
            leftovers = _children(request, session, space)
            looks = add_telemetry(session, sampler)
        add_leftovers(session, space, leftovers)
    ask_the_driver(session, request.device, request.framework, before, look)
    for spec in specs:
        _explain_silence(spec, session)
    found = [msgspec.structs.replace(session.results[spec.id], framework=request.framework) for spec in specs]
    checks = [yardstick.adorn(spec, check) for spec, check in zip(specs, found, strict=True)]
    subject = f"{NAMES[request.framework]} {session.framework.get('version', '')}".strip()
    verdict, headline = decide(
        checks, asked=request.device, device=session.device, subject=subject, partial=bool(request.checks)
    )
    return SmokeReport(
        version=__version__,
        level=request.level,
        device=session.device,
        verdict=verdict,
        headline=headline,
        checks=checks,
        framework=session.framework,
        host={
            "platform": platform.platform(),
            "machine": platform.machine(),
            "cpus": os.cpu_count(),
            "device_name": session.device_name,
            "seed": request.seed,
            "data": request.data,
        },
        started=started,
        duration_s=round(time.monotonic() - began, 3),
        telemetry=strip(looks),
    )


def offers(framework: str) -> set[str]:
    """The checks that the payload has for a framework; nothing of the framework is imported."""
    return {"import", *import_module(f"envsetup.smoke.payload.{framework}").CHECKS}


def planned(request: Request) -> list[CheckSpec]:
    """The level's checks that this framework has, or those asked for and what none of them can do without.

    Raises InputError when one is asked for that the framework does not have: what is not run must not pass.
    """
    offered = offers(request.framework)
    specs = [spec for spec in catalogue().checks if spec.where == "host" or spec.id in offered]
    if request.checks:
        lacking = set(request.checks) - {spec.id for spec in specs}
        if lacking:
            raise InputError(f"--check {', '.join(sorted(lacking))}: {NAMES[request.framework]} {NO_CHECK}")
        always = {"import"} if request.device == "cpu" else {"import", "devices"}
        specs = [spec for spec in specs if spec.id in always.union(request.checks)]
    else:
        specs = [spec for spec in specs if request.level in spec.levels]
    if request.deadline_s is None:
        return specs
    return [
        spec if spec.id == "import" else msgspec.structs.replace(spec, deadline_s=request.deadline_s) for spec in specs
    ]


def _children(request: Request, session: Session, space: Workspace) -> int:
    """Start children until every check has reported; the number of processes they left behind."""
    leftovers = 0
    for _ in range(CHILDREN):
        todo = session.open_checks()
        child = Child(
            space.command(request.python, _payload_request(request, session, todo)),
            space.folder,
            space.journal,
            space.environment(fault=request.fault, threads=request.threads),
        )
        deadline = Deadline(session.specs["import"].deadline_s)
        try:
            for event in child.events(deadline):
                session.take(event, deadline)
        except BaseException:
            child.kill()
            raise
        if child.timed_out:
            limit = session.specs[session.current].deadline_s
            session.settle(session.current, "TIMEOUT", f"no answer within {limit:g} s while {session.what}")
        ending = child.end()
        leftovers += child.leftovers()
        if session.absent or ("import" in session.results and not session.open_checks()):
            break
        # The check that was running is the one that ended the child; the others get another one.
        session.settle(
            session.current, "ERROR", f"{ending} while {session.what}", evidence={"stderr": child.stderr_tail()}
        )
        if "import" not in session.results or session.results["import"].status != "PASS":
            break
    return leftovers


def _payload_request(request: Request, session: Session, todo: list[str]) -> dict[str, Any]:
    digests = catalogue().digests
    return {
        "framework": request.framework,
        "checks": {check: session.specs[check].on for check in todo},
        "device": request.device,
        "seed": request.seed,
        "golden": golden().losses,
        "training": msgspec.to_builtins(catalogue().training[request.data]),
        "digests": digests.cifar10 if request.data == "cifar10" else digests.generated,
        "data_root": request.data_root,
        "place": msgspec.to_builtins(request.place),
        "patience_s": request.patience_s,
    }


def _explain_silence(spec: CheckSpec, session: Session) -> None:
    """Every check that was wanted gets a status: silence is never a pass."""
    if not session.applies(spec):
        session.settle(spec.id, "SKIP", f"not applicable on {session.device}", required=False)
    elif session.absent:
        session.settle(spec.id, "SKIP", f"no {session.device} device to run on")
    elif session.results.get("import") is not None and session.results["import"].status != "PASS":
        session.settle(spec.id, "SKIP", "the framework could not be imported")
    else:
        session.settle(spec.id, "ERROR", f"did not report; {CHILDREN} children ended before it")
