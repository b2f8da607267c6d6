"""What the kernel's log reports. A log that cannot be read is unknown, never clean."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from envsetup.compat import xid
from envsetup.doctor.catalogue import entry
from envsetup.doctor.check import Check, Outcome, finding, seen
from envsetup.doctor.when import LINUX, NVIDIA, gpus
from envsetup.model.maybe import UNKNOWN, known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case
    from envsetup.model.drivers import KernelEvent
    from envsetup.model.finding import Severity

# Messages of the NVIDIA module that name their cause by themselves.
NVRM = {
    "requires use of the nvidia open kernel modules": "open-module-required",
    "not supported by open nvidia.ko": "open-module-unsupported-gpu",
    "legacy drivers": "driver-branch-dropped-gpu",
    "api mismatch": "driver-library-version-mismatch",
    "gpu has fallen off the bus": "gpu-fallen-off-bus",
    "this pci i/o region assigned to your nvidia device is invalid": "gpu-mem-blocked-bar",
    "gsp_tu10x.bin": "gsp-firmware-missing",
    "gsp_ga10x.bin": "gsp-firmware-missing",
    "power cables": "aux-power-missing",
}


FOLLOWS = re.compile(r"caused by previous Xid (\d{1,4})")


def _events(case: Case, kind: str) -> list[KernelEvent]:
    return [event for event in known(case.machine.kernel_events) or [] if event.kind == kind]


def xids(case: Case) -> Outcome:
    """One finding for each failure mode, with the last line as evidence; unknown numbers are not guessed at."""
    events = [(event, number) for event in _events(case, "xid") if isinstance(number := _first_xid(event), int)]
    rows = {number: row for _, number in events if (row := xid.row(number))}
    last: dict[str, KernelEvent] = {}
    counts: Counter[str] = Counter()
    for event, number in events:
        if number in rows:
            last[rows[number].code] = event
            counts[rows[number].code] += 1
    return [
        finding(
            code,
            seen(
                f"Xid {_first_xid(event)} in the kernel log ({counts[code]} line(s))",
                event.text,
                case.source("kernel log"),
            ),
            seen("meaning", rows[_first_xid(event) or 0].text, xid.cite(rows[_first_xid(event) or 0])),
            subject="gpu",
            severity=_severity(case, code),
        )
        for code, event in last.items()
    ]


def _first_xid(event: KernelEvent) -> int | None:
    """The number; of a channel that another error took down, that error's."""
    before = FOLLOWS.search(event.text)
    return int(before.group(1)) if before else known(event.code)


def _severity(case: Case, code: str) -> Severity | None:
    """A driver that answers has got over what the log tells of this boot: worth knowing, no longer a stop."""
    lost = any(known(gpu.error) for gpu in gpus(case, "nvidia"))
    answers = case.nvml is not None and case.nvml.status == "ok" and not lost
    return "warning" if answers and entry(code).severity in ("critical", "error") else None


def nvrm(case: Case) -> Outcome:
    """Messages of a driver that answers now are history."""
    if case.nvml is not None and case.nvml.status == "ok":
        return None
    last: dict[str, KernelEvent] = {}
    for event in _events(case, "nvrm"):
        text = event.text.lower()
        last.update({code: event for words, code in NVRM.items() if words in text})
    return [
        finding(code, seen("kernel log", event.text, case.source("kernel log")), confidence="likely")
        for code, event in last.items()
    ]


def secure_boot(case: Case) -> Outcome:
    """The notice "tainting kernel" is harmless; a module that is not loaded because of its key is not."""
    refused = [e for e in _events(case, "secure-boot") if "tainting" not in e.text.lower()]
    if not refused or case.nvidia.module_loaded is not False:
        return None
    return finding("secure-boot-blocks-module", seen("kernel log", refused[-1].text, "kernel log"), confidence="likely")


def hung(case: Case) -> Outcome:
    events = _events(case, "hung-task")
    if not events:
        return None
    return finding("kernel-hung-tasks", seen("kernel log", events[-1].text, case.source("kernel log")))


def oom(case: Case) -> Outcome:
    """History: it says why a training run vanished, not that memory is short now."""
    events = _events(case, "oom")
    if not events:
        return None
    return finding(
        "low-ram",
        seen("kernel log", events[-1].text, case.source("kernel log")),
        severity="info",
        title="The kernel has killed a process because memory ran out",
        consequence="A run that vanished without a message was probably this one.",
    )


def storage(case: Case) -> Outcome:
    """One line may be a drive that was unplugged; the sectors of a dying one repeat."""
    events = _events(case, "io")
    if not events:
        return None
    several = len(events) > 1 or "nvme nvme" in events[-1].text
    return finding(
        "nvme-or-io-errors",
        seen(f"kernel log ({len(events)} line(s))", events[-1].text, case.source("kernel log")),
        severity=None if several else "warning",
        confidence="certain" if several else "possible",
    )


def closed_log(case: Case) -> Outcome:
    """What stands in it about the GPU then stays unknown, and is never called fine."""
    why = case.machine.unknown.get("kernel_events", "")
    if case.machine.kernel_events is not UNKNOWN or not any(word in why.lower() for word in DENIED):
        return None
    return finding("lockdown-dmesg-restricted", seen("kernel log", why, "dmesg"))


DENIED = ("only root", "not permitted", "permission denied")
LOG = ("kernel_events",)
CHECKS = (
    Check("xid", "gpu-hardware", xids, NVIDIA, LOG),
    Check("nvrm", "driver", nvrm, NVIDIA, LOG),
    Check("secure-boot-blocks-module", "driver", secure_boot, NVIDIA, LOG),
    Check("kernel-hung-tasks", "os", hung, needs=LOG),
    Check("oom-killed", "os", oom, needs=LOG),
    Check("nvme-or-io-errors", "storage", storage, needs=LOG),
    Check("lockdown-dmesg-restricted", "os", closed_log, NVIDIA & LINUX),
)
