"""What only the outside sees: the driver's count and counters, its looks at the device, and what a run left behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from envsetup.smoke.host import HostLook, counted, expected_devices
from envsetup.smoke.judge import Measured
from envsetup.smoke.rates import references
from envsetup.smoke.telemetry import Looks, Sampler, busy_numbers, clock_numbers, link_numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.smoke.session import Session
    from envsetup.smoke.workspace import Workspace


def add_leftovers(session: Session, space: Workspace, processes: int) -> None:
    """Processes and files that outlived the checks belong to `cleanup`."""
    if "cleanup" in session.held:
        found = session.held["cleanup"]
        files = space.leftover_files()
        seen = {"leftover_processes": processes, "leftover_files": len(files)}
        evidence = {**found.evidence, "files": files, "named": {"leftover_files": ", ".join(files[:3])}}
        session.judge("cleanup", msgspec.structs.replace(found, metrics={**found.metrics, **seen}, evidence=evidence))


def ask_the_driver(
    session: Session, asked: str, framework: str, before: HostLook, look: Callable[[], HostLook]
) -> None:
    """Add the driver's side: how many devices there should have been, and what its counters gained."""
    expected = expected_devices(before, os.environ)
    found = session.held.get("devices")
    if found is not None:
        missing = {} if expected is None else {"devices_missing": expected - (found.metrics["framework_devices"] or 0)}
        session.judge("devices", msgspec.structs.replace(found, metrics={**found.metrics, **missing}))
    elif session.absent:
        # With a GPU that the driver offers this is a fault of the environment; without one there is nothing to prove.
        session.settle("devices", "FAIL" if expected else "SKIP", session.absent)
    elif expected and asked == "auto" and session.device == "cpu":
        session.settle("devices", "FAIL", f"the driver offers {expected} NVIDIA GPU(s), {framework} sees none")
    if session.device == "cuda" and not session.absent and "counters" in session.specs:
        after = look()
        if isinstance(before.gpus, list) and isinstance(after.gpus, list):
            session.judge("counters", Measured(metrics=counted(before, after)))
        else:
            session.settle("counters", "SKIP", "the driver's counters could not be read (NVML gave no answer)")


def add_telemetry(session: Session, sampler: Sampler | None) -> Looks:
    """Judge what was held for the driver's looks: `busy` and `link`; and `clocks`, which is made of them alone."""
    held = [session.held[check] for check in ("busy", "link") if check in session.held]
    pci = next((found.evidence["pci"] for found in held if found.evidence.get("pci")), None)
    looks = sampler.looks(pci, _first_visible()) if sampler else Looks()
    looks = msgspec.structs.replace(looks, spans=dict(session.spans), ready=session.ready_at)
    silent = looks.missing or "no look at the device was possible"
    if session.device == "cuda" and not looks.samples:
        for check in ("busy", "clocks"):
            session.settle(check, "SKIP", f"the driver gave no telemetry: {silent}")
    if "busy" in session.held:
        found = session.held["busy"]
        seen = busy_numbers(looks, found.evidence["pid"], found.evidence["held_mib"]) if looks.samples else {}
        session.judge("busy", msgspec.structs.replace(found, metrics={**found.metrics, **seen}))
    if "link" in session.held:
        found = session.held["link"]
        per_lane = references().pcie_gbps_per_lane.by_generation
        numbers = {**found.metrics, **link_numbers(looks, found.metrics, per_lane)}
        session.judge("link", msgspec.structs.replace(found, metrics=numbers))
    if session.device == "cuda" and not session.absent:
        session.judge("clocks", Measured(metrics=clock_numbers(looks)))
    return looks


def _first_visible() -> int:
    """Where among the driver's cards the first device of the framework is, as far as the environment tells."""
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    return int(first) if first.isdecimal() else 0
