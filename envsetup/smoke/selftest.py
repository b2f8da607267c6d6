"""Who watches the watchmen: plant every fault, and see that the check that promises to catch it does."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any

import msgspec

from envsetup.model.proof import FaultRow, SmokeReport
from envsetup.smoke.catalogue import catalogue
from envsetup.smoke.faults import FAULTS, SECOND, Fault
from envsetup.smoke.host import HostLook
from envsetup.smoke.runner import Request, prove

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from envsetup.model.proof import SmokeCheck

ALL = {**FAULTS, **SECOND}
SLOW = {"learning"}  # run only for the faults that it promises to catch
JOBS = 4  # children beside each other, at most: each holds half a gigabyte
HANG_S = 15.0  # the deadline of a check that is made to hang
FINE = ("PASS", "WARN", "SKIP")


class _Nobody:
    def doing(self, check: str, what: str) -> None: ...

    def progress(self, event: dict[str, Any]) -> None: ...

    def checked(self, check: SmokeCheck) -> None: ...


def self_test(
    request: Request,
    say: Callable[[FaultRow], None],
    *,
    faults: Iterable[str] = (*FAULTS, *SECOND),
    every_check: bool = True,
) -> SmokeReport:
    """The clean run's report with one row per fault; `say` hears each row when it is there.

    `every_check` runs all quick checks against every fault; otherwise only those that promise to catch it.
    """
    cores = os.cpu_count() or 1
    jobs = min(cores, JOBS)
    request = msgspec.structs.replace(request, device="cpu")
    clean = prove(request, look=HostLook, watcher=_Nobody())
    names = list(faults)
    rows: dict[str, FaultRow] = {}
    with ThreadPoolExecutor(jobs) as pool:
        running = {
            pool.submit(_row, request, name, ALL[name], threads=cores // jobs, every_check=every_check): name
            for name in names
        }
        for done in as_completed(running):
            rows[running[done]] = done.result()
            say(done.result())
    return msgspec.structs.replace(clean, self_test=[rows[name] for name in names])


def _row(request: Request, name: str, fault: Fault, *, threads: int, every_check: bool) -> FaultRow:
    level = [spec.id for spec in catalogue().level(fault.level)]
    checks = [check for check in level if check not in SLOW or check in fault.caught_by]
    if not every_check:
        checks = [*fault.caught_by, *fault.needs]
    planted = msgspec.structs.replace(
        request,
        device=fault.device,
        level=fault.level,
        checks=checks,
        fault=name,
        threads=threads,
        deadline_s=HANG_S if fault.how == "TIMEOUT" else None,
    )
    report = prove(planted, look=HostLook, watcher=_Nobody())
    statuses = {check.id: check.status for check in report.checks}
    caught = [check for check, status in statuses.items() if status not in FINE]
    missed = [check for check in fault.caught_by if statuses.get(check) != fault.how]
    return FaultRow(
        fault=name,
        what=fault.what,
        statuses=dict(statuses),
        caught_by=caught,
        missed_by=missed if caught or missed else ["every check"],
    )
