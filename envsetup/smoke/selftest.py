"""Who watches the watchmen: plant every fault, and see that the check that promises to catch it does."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import repeat
from typing import TYPE_CHECKING, Any

import msgspec

from envsetup.model.hardware import Gpu
from envsetup.model.proof import FaultRow, SmokeReport
from envsetup.smoke.catalogue import catalogue
from envsetup.smoke.faults.others import faults_of
from envsetup.smoke.host import HostLook
from envsetup.smoke.runner import Request, prove

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from envsetup.model.proof import SmokeCheck
    from envsetup.smoke.faults import Fault

SLOW = {"learning"}  # run only for the faults that it promises to catch
JOBS = 4  # children beside each other, at most: each holds half a gigabyte
HANG_S = 15.0  # the deadline of a check that is made to hang
PATIENCE_S = 20.0  # of a rank whose neighbour is made to hang
FINE = ("PASS", "WARN", "SKIP")


class _Nobody:
    def doing(self, check: str, what: str) -> None: ...

    def progress(self, event: dict[str, Any]) -> None: ...

    def checked(self, check: SmokeCheck) -> None: ...


def self_test(
    request: Request,
    say: Callable[[FaultRow], None],
    *,
    faults: Iterable[str] | None = None,
    every_check: bool = True,
) -> SmokeReport:
    """The clean run's report with one row per fault (None: every fault of the framework); `say` hears each row.

    `every_check` runs all quick checks against every fault; otherwise only those that promise to catch it.
    """
    cores = os.cpu_count() or 1
    jobs = min(cores, JOBS)
    request = msgspec.structs.replace(request, device="cpu")
    clean = prove(request, look=HostLook, watcher=_Nobody())
    known = faults_of(request.framework)
    names = list(known if faults is None else faults)
    measured = _baseline(request, [known[name] for name in names], cores // jobs)
    rows: dict[str, FaultRow] = {}
    with ThreadPoolExecutor(jobs) as pool:
        running = {
            pool.submit(_row, request, name, measured, threads=cores // jobs, every_check=every_check): name
            for name in names
        }
        for done in as_completed(running):
            rows[running[done]] = done.result()
            say(done.result())
    return msgspec.structs.replace(clean, self_test=[rows[name] for name in names])


def _baseline(request: Request, faults: list[Fault], threads: int) -> SmokeReport | None:
    """What the rates are without a fault, for the faults that only a comparison shows."""
    checks = sorted({check for fault in faults if fault.baseline for check in fault.caught_by})
    if not checks:
        return None
    clean = msgspec.structs.replace(request, level="standard", checks=checks, threads=threads)
    return prove(clean, look=HostLook, watcher=_Nobody())


def _row(request: Request, name: str, measured: SmokeReport | None, *, threads: int, every_check: bool) -> FaultRow:
    fault = faults_of(request.framework)[name]
    level = [spec.id for spec in catalogue().level(fault.level)]
    checks = [check for check in level if check not in SLOW or check in fault.caught_by]
    if not every_check or fault.level != "quick":
        checks = [*fault.caught_by, *fault.needs]
    planted = msgspec.structs.replace(
        request,
        device=fault.device,
        level=fault.level,
        checks=checks,
        fault=name,
        driver=fault.driver,
        baseline=(measured, "the run without the fault") if measured and fault.baseline else None,
        threads=threads,
        patience_s=PATIENCE_S,
        deadline_s=HANG_S if fault.how == "TIMEOUT" else None,
    )
    looks = _looks(name) if fault.driver else repeat(HostLook())
    report = prove(planted, look=lambda: next(looks), watcher=_Nobody())
    statuses = {check.id: check.status for check in report.checks}
    kept = [check for check in fault.caught_by if statuses.get(check) in fault.how.split("|")]
    caught = [check for check, status in statuses.items() if status not in FINE or check in kept]
    missed = [check for check in fault.caught_by if check not in kept]
    control = fault.how == "PASS"
    return FaultRow(
        fault=name,
        what=fault.what,
        statuses=dict(statuses),
        caught_by=[] if control else caught,
        missed_by=missed if fault.caught_by or caught else ["every check"],
        control=control,
    )


def _looks(name: str) -> Iterator[HostLook]:
    """What the imagined driver counts before the run, and from then on."""
    card = Gpu(vendor="nvidia", index=0, ecc_uncorrected_volatile=0, remapped_rows_pending=False)
    yield HostLook(gpus=[card], xids=0)
    after = {
        "ecc-error": HostLook(gpus=[msgspec.structs.replace(card, ecc_uncorrected_volatile=1)], xids=0),
        "xid": HostLook(gpus=[card], xids=1),
        "gpu-lost": HostLook(gpus=[msgspec.structs.replace(card, error="GPU is lost")], xids=0),
    }
    yield from repeat(after.get(name, HostLook(gpus=[card], xids=0)))
