"""What the kernel's log says about accelerators and memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.model.drivers import KernelEvent
from envsetup.model.machine import Machine
from envsetup.model.maybe import UNKNOWN, Maybe

if TYPE_CHECKING:
    from envsetup.probe.look import Look

XID = re.compile(r"NVRM: Xid \([^)]*\): (\d+)")
KINDS = {
    "nvrm": re.compile(r"NVRM: (?!loading NVIDIA)"),
    "amdgpu": re.compile(r"amdgpu.*(?:error|fail|reset|fault|hang)", re.IGNORECASE),
    "oom": re.compile(r"Out of memory: Killed process|oom-kill:|Memory cgroup out of memory"),
    "hung-task": re.compile(r"INFO: task .* blocked for more than"),
    "secure-boot": re.compile(r"nvidia: module verification failed|Loading of unsigned module|Lockdown: .*module"),
    # Not the drives that virtual machines pretend to have: an empty CD drive or floppy logs the same.
    "io": re.compile(r"(?:Buffer )?I/O error[, on]+dev(?:ice)? (?!sr|fd|loop)|nvme nvme\d+: I/O .*timeout"),
    "resume": re.compile(r"PM: suspend exit|PM: hibernation: hibernation exit"),
}
KEPT = 50  # of each kind the latest: a card that falls off the bus repeats itself thousands of times
RESTRICTED = "/proc/sys/kernel/dmesg_restrict"
HINT = "run `sudo dmesg` to see hardware errors"


def probe_kernel(look: Look) -> Machine:
    """Fact `kernel_events`; unknown with a reason where the log may not be read."""
    text = _log(look)
    if not isinstance(text, str):
        return Machine()
    events = [event for line in text.splitlines() if (event := _event(line))]
    kinds = {event.kind for event in events}
    kept = {id(event) for kind in kinds for event in [e for e in events if e.kind == kind][-KEPT:]}
    return Machine(kernel_events=[event for event in events if id(event) in kept])


def _event(line: str) -> KernelEvent | None:
    found = XID.search(line)
    if found:
        return KernelEvent(kind="xid", text=line.strip(), code=int(found[1]))
    kind = next((kind for kind, pattern in KINDS.items() if pattern.search(line)), None)
    return KernelEvent(kind=kind, text=line.strip()) if kind else None


def _log(look: Look) -> Maybe[str]:
    """The device /dev/kmsg, else dmesg, which asks by a system call."""
    if look.system("platform") != "linux":
        return look.unknown("kernel_events", "only Linux keeps such a log")
    text = look.system("kernel_log")
    if isinstance(text, str):
        return text
    if look.text(RESTRICTED).strip() == "1" and look.system("uid") != 0:
        return look.unknown("kernel_events", f"only root may read the kernel log here ({RESTRICTED} is 1); {HINT}")
    if look.world.which("dmesg") is None:
        return look.unknown("kernel_events", "/dev/kmsg is not readable and there is no dmesg")
    answer = look.run("dmesg")
    if answer.ok:
        return answer.stdout
    reason = (
        "dmesg gave no answer in time" if answer.timed_out else answer.stderr.strip().split("\n")[0] or "dmesg failed"
    )
    look.unknown("kernel_events", f"{reason}; {HINT}")
    return UNKNOWN
