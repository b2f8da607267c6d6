"""Memory and process limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.doctor.check import Check, Outcome, Unknown, finding, seen
from envsetup.doctor.when import WSL
from envsetup.model.maybe import known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case

LOW_MIB = 4096  # importing PyTorch with CUDA takes about 1 GiB, one worker as much again
LOW_FREE_MIB = 1024
BUILD_MIB = 8192
NOFILE_LOW = 1024  # the usual default is 1024: only less is a fault of this machine
PIDS_LOW = 512
MAP_COUNT_LOW = 65530  # the kernel's own default: only less is a fault of this machine
HUGE_SHARE = 0.25  # of the memory; less is not missed


def ram(case: Case) -> Outcome:
    """In a container its limit counts, not the memory of the host."""
    total, limit = known(case.memory.total_mib), known(case.memory.cgroup_limit_mib)
    if total is None:
        return Unknown("memory.total_mib is not known")
    usable = min(total, limit) if limit else total
    free = known(case.memory.available_mib)
    short = free is not None and free < LOW_FREE_MIB
    if usable >= LOW_MIB and not short:
        return None
    evidence = [seen("memory", f"{total} MiB", case.source("/proc/meminfo"))]
    if limit and limit < total:
        evidence.append(seen("limit of the container", f"{limit} MiB", "memory.max of the cgroup"))
    if short:
        evidence.append(seen("available now", f"{free} MiB", "/proc/meminfo"))
    return finding("low-ram", *evidence)


def swap(case: Case) -> Outcome:
    total = known(case.memory.total_mib)
    if case.memory.swap_total_mib != 0 or total is None or not LOW_MIB <= total < BUILD_MIB:
        return None
    return finding("no-swap-small-ram", seen("memory", f"{total} MiB, no swap", "/proc/meminfo"))


def nofile(case: Case) -> Outcome:
    """The default of macOS is 256, and it is no fault there."""
    soft = case.limits.nofile_soft
    if case.os.system == "macos" or soft is None or (isinstance(soft, int) and soft >= NOFILE_LOW):
        return None
    return finding("nofile-low", seen("open files allowed", soft, "ulimit -n"))


def pids(case: Case) -> Outcome:
    values = [case.limits.nproc, case.limits.pids_max]
    low = [value for value in values if isinstance(value, int) and value < PIDS_LOW]
    return finding("nproc-or-pids-limit", seen("processes allowed", min(low), "ulimit -u, pids.max")) if low else None


def wsl_memory(case: Case) -> Outcome:
    total = known(case.memory.total_mib)
    if total is None or total >= BUILD_MIB:
        return None
    return finding("wsl-memory-limit", seen("memory of WSL", f"{total} MiB", "/proc/meminfo"), severity="info")


def map_count(case: Case) -> Outcome:
    value = known(case.limits.map_count)
    if value is None or value >= MAP_COUNT_LOW:
        return None
    return finding("vm-map-count-low", seen("memory areas of a process", value, "/proc/sys/vm/max_map_count"))


def huge_pages(case: Case) -> Outcome:
    """Databases and packet processing reserve them on purpose: only a large share is worth a word."""
    total, huge = known(case.memory.total_mib), known(case.memory.hugepages_mib)
    if not total or not huge or huge / total < HUGE_SHARE:
        return None
    return finding("hugepages-reserved", seen("huge pages", f"{huge} of {total} MiB", case.source("/proc/meminfo")))


CHECKS = (
    Check("low-ram", "os", ram, needs=("memory.total_mib",)),
    Check("no-swap-small-ram", "limits", swap, needs=("memory.total_mib", "memory.swap_total_mib")),
    Check("nofile-low", "limits", nofile, needs=("limits.nofile_soft",)),
    Check("nproc-or-pids-limit", "limits", pids, needs=("limits.nproc|limits.pids_max",)),
    Check("vm-map-count-low", "limits", map_count, needs=("limits.map_count",)),
    Check("hugepages-reserved", "limits", huge_pages, needs=("memory.hugepages_mib", "memory.total_mib")),
    Check("wsl-memory-limit", "wsl", wsl_memory, WSL, ("memory.total_mib",)),
)
