"""Trying it out: the frameworks are imported in children of their own interpreter, and CUDA is called once.

A child that fails is run again without the variables that most often are to blame: "works without LD_LIBRARY_PATH" is
the strongest evidence there is.
"""

from __future__ import annotations

import re
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec

from envsetup.model.codec import convert, decode
from envsetup.model.deep import CuInit, Deep, Ending, PeerCopy, Trial, TriedFramework, UsedDevice
from envsetup.model.machine import Machine
from envsetup.model.maybe import UNKNOWN, known
from envsetup.model.software import Environment, Python

if TYPE_CHECKING:
    from envsetup.model.drivers import Nvml
    from envsetup.probe.look import Look
    from envsetup.world.base import Completed

BLAMED = ("LD_LIBRARY_PATH", "PYTHONPATH")
LINES = 20  # kept of what a child wrote to stderr
CU_INIT_TIMEOUT = 30.0  # seconds: eight GPUs without persistence mode take twenty
NOT_RUN = re.compile(r"^(?:Current thread|Extension modules:)")


def probe_deep(look: Look, seen: Machine) -> Machine:
    """Fact `deep`, and what it adds to `environment.frameworks`; each child has `look.timeout` seconds.

    A GPU whose driver did not answer is left alone: another process would only hang beside it.
    """
    environment = known(seen.environment) or Environment(kind="unknown")
    names = [framework.name for framework in known(environment.frameworks) or []]
    python = known((known(environment.python) or Python()).executable)
    nvml: Nvml | None = known(seen.nvidia.nvml) if not isinstance(seen.nvidia, msgspec.UnsetType) else None
    wedged = nvml is not None and nvml.status == "timeout"
    if python is None:
        look.unknown("deep.frameworks", "the environment has no interpreter that could import them")
    with ThreadPoolExecutor(max_workers=4) as pool:
        cu_init = None if wedged else pool.submit(_cu_init, look)
        tries = [pool.submit(_try, look, python, name, gpu=not wedged) for name in names] if python else []
        tried = [attempt.result() for attempt in tries]
        answer = cu_init.result() if cu_init else look.unknown("deep.cu_init", "the driver does not answer")
    deep = Deep(frameworks=tried if python else UNKNOWN, cu_init=answer)
    return Machine(deep=deep, environment=_told(environment, tried) if tried else UNKNOWN)


def _told(environment: Environment, tried: list[TriedFramework]) -> Environment:
    """The environment with what its frameworks say of themselves."""
    by_name = {framework.name: framework for framework in tried}
    builds = [
        msgspec.structs.replace(
            build,
            cuda_available=by_name[build.name].available,
            arch_list=by_name[build.name].arch_list or build.arch_list,
        )
        for build in known(environment.frameworks) or []
    ]
    return msgspec.structs.replace(environment, frameworks=builds)


def _cu_init(look: Look) -> CuInit:
    timeout = min(CU_INIT_TIMEOUT, look.timeout)
    done = look.world.helper("cuinit", timeout=timeout)
    if done.timed_out:
        return CuInit(status="timeout", seconds=done.ms / 1000)
    try:
        return decode(done.stdout, CuInit)
    except msgspec.DecodeError:
        return CuInit(status="crashed", name=_signal(done.returncode) or f"exit status {done.returncode}")


def _try(look: Look, python: str, name: str, *, gpu: bool) -> TriedFramework:
    """As the user's environment is; when that fails, without the blamed variables, to find the one that matters."""
    arguments = [name] if gpu else [name, "no-gpu"]

    def run(without: list[str]) -> TriedFramework:
        done = look.world.helper("framework", arguments, timeout=look.timeout, python=python, without=without)
        return _read(name, done, without)

    first = run([])
    trials = list(first.trials)
    blamed = [variable for variable in BLAMED if look.variable(variable)]
    # A hang is not repeated: the answer must not take twice the deadline.
    if trials[0].ended in ("raised", "signal", "exit") and blamed:
        trials += run(blamed).trials
        if trials[-1].ended == "ok" and len(blamed) > 1:
            trials += run(blamed[:1]).trials
    return msgspec.structs.replace(first, trials=trials)


def _read(name: str, done: Completed, without: list[str]) -> TriedFramework:
    """What a child told, line by line, and how it ended."""
    facts: dict[str, Any] = {}
    devices: list[UsedDevice] = []
    peers: list[PeerCopy] = []
    for told in filter(None, map(_line, done.stdout.splitlines())):
        if "used" in told:
            devices.append(convert(told["used"], UsedDevice))
        elif "peer" in told:
            peers.append(convert(_without_null(told["peer"]), PeerCopy))
        else:
            facts.update(_without_null(told))
    ended = _ending(done, facts)
    trial = Trial(
        ended=ended,
        step=facts.get("step", "start"),
        without=without,
        signal=_signal(done.returncode) or UNKNOWN,
        returncode=UNKNOWN if done.returncode is None else done.returncode,
        error=facts.get("error", done.stderr.strip()[:300] if ended == "not-started" else UNKNOWN),
        text=_last_lines(done.stderr) if ended != "ok" else [],
        seconds=done.ms / 1000,
    )
    return TriedFramework(
        name=name,
        trials=[trial],
        version=facts.get("version", UNKNOWN),
        available=facts.get("available", UNKNOWN),
        available_s=facts.get("available_s", UNKNOWN),
        unavailable=facts.get("unavailable", UNKNOWN),
        arch_list=facts.get("arch_list") or UNKNOWN,
        loaded=facts.get("loaded", UNKNOWN),
        devices=devices if "available" in facts else UNKNOWN,
        peers=peers or UNKNOWN,
    )


def _line(text: str) -> dict[str, Any]:
    """One line of the child; empty when the framework wrote into the middle of it: the other lines still count."""
    try:
        told = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _without_null(facts: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if value is not None}


def _ending(done: Completed, facts: dict[str, Any]) -> Ending:
    if done.missing:
        return "not-started"
    if done.timed_out:
        return "timeout"
    if done.returncode is not None and done.returncode < 0:
        return "signal"
    if facts.get("done") and done.returncode == 0:
        return "ok"
    return "raised" if "error" in facts else "exit"


def _signal(returncode: int | None) -> str:
    """The name of the signal that ended a process, empty when none did."""
    if returncode is None or returncode >= 0:
        return ""
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"signal {-returncode}"


def _last_lines(text: str) -> list[str]:
    lines = [line.rstrip()[:300] for line in text.splitlines() if line.strip() and not NOT_RUN.match(line)]
    return lines[-LINES:]
