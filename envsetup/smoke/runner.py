"""Runs the checks in the target environment, in a child that may hang or die, and makes the proof."""

from __future__ import annotations

import os
import platform
import time
from typing import TYPE_CHECKING, Any

import msgspec

from envsetup import __version__
from envsetup.model.proof import SmokeReport
from envsetup.smoke.catalogue import CheckSpec, catalogue, golden
from envsetup.smoke.child import Child, Deadline
from envsetup.smoke.host import HostLook, counted, expected_devices
from envsetup.smoke.judge import Measured
from envsetup.smoke.session import Session
from envsetup.smoke.verdict import decide
from envsetup.smoke.workspace import Workspace, workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.smoke.session import Watcher

CHILDREN = 3  # a machine on which this many children died is not asked again
NAMES = {"pytorch": "PyTorch"}


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
    threads: int | None = None  # for the child, where several run beside each other


def prove(request: Request, *, look: Callable[[], HostLook], watcher: Watcher) -> SmokeReport:
    """Run every check and judge it; `look` asks the driver and is called before and after.

    Raises InputError when the environment has no such framework or the data cannot be read.
    """
    began, started = time.monotonic(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    before = look()
    specs = _chosen(request)
    training = catalogue().training[request.data]
    session = Session(
        specs,
        asked=request.device,
        data=request.data,
        facts={"learning": {"ceiling": training.ceiling}},
        watcher=watcher,
    )
    with workspace() as space:
        leftovers = _children(request, session, space)
        _cleaned(session, space, leftovers)
    _asked_the_driver(request, session, before, look)
    for spec in specs:
        _explain_silence(spec, session)
    checks = [session.results[spec.id] for spec in specs]
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
    )


def _chosen(request: Request) -> list[CheckSpec]:
    """The level's checks, or those asked for and what none of them can do without."""
    always = {"import"} if request.device == "cpu" else {"import", "devices"}
    wanted = always.union(request.checks)
    specs = [spec for spec in catalogue().level(request.level) if not request.checks or spec.id in wanted]
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
    }


def _cleaned(session: Session, space: Workspace, leftovers: int) -> None:
    """Add to `cleanup` what only the outside sees."""
    if "cleanup" in session.held:
        found = session.held["cleanup"]
        files = space.leftover_files()
        seen = {"leftover_processes": leftovers, "leftover_files": len(files)}
        evidence = {**found.evidence, "files": files}
        session.judge("cleanup", msgspec.structs.replace(found, metrics={**found.metrics, **seen}, evidence=evidence))


def _asked_the_driver(request: Request, session: Session, before: HostLook, look: Callable[[], HostLook]) -> None:
    """Add the driver's side: how many devices there should have been, and what its counters gained."""
    expected = expected_devices(before, os.environ)
    found = session.held.get("devices")
    if found is not None:
        missing = {} if expected is None else {"devices_missing": expected - (found.metrics["framework_devices"] or 0)}
        session.judge("devices", msgspec.structs.replace(found, metrics={**found.metrics, **missing}))
    elif session.absent:
        # With a GPU that the driver offers this is a fault of the environment; without one there is nothing to prove.
        session.settle("devices", "FAIL" if expected else "SKIP", session.absent)
    elif expected and request.device == "auto" and session.device == "cpu":
        session.settle("devices", "FAIL", f"the driver offers {expected} NVIDIA GPU(s), {request.framework} sees none")
    if session.device == "cuda" and not session.absent and "counters" in session.specs:
        after = look()
        if isinstance(before.gpus, list) and isinstance(after.gpus, list):
            session.judge("counters", Measured(metrics=counted(before, after)))
        else:
            session.settle("counters", "SKIP", "the driver's counters could not be read (NVML gave no answer)")


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
