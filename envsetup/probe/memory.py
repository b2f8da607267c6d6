"""Main memory and swap."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.model.hardware import Memory
from envsetup.model.machine import Machine
from envsetup.model.maybe import UNKNOWN
from envsetup.probe.cgroup import memory_limit
from envsetup.probe.look import mebibytes

if TYPE_CHECKING:
    from envsetup.probe.look import Look

KEYS = {"MemTotal": "total", "MemAvailable": "available", "SwapTotal": "swap_total", "SwapFree": "swap_free"}

HUGE = r"^HugePages_Total:\s+(\d+)\n(?:.*\n)*?Hugepagesize:\s+(\d+) kB$"


def probe_memory(look: Look) -> Machine:
    """Fact `memory`."""
    told = look.text("/proc/meminfo")  # once: what is free changes from one reading to the next
    values = _meminfo(told) or _by_call(look)
    if not values:
        look.unknown("memory", "neither /proc/meminfo nor the system's call answers")
    limit = memory_limit(look)
    pages = re.findall(HUGE, told, re.MULTILINE)
    return Machine(
        memory=Memory(
            **{f"{name}_mib": mebibytes(value) for name, value in values.items()},
            hugepages_mib=int(pages[0][0]) * int(pages[0][1]) >> 10 if pages else UNKNOWN,
            cgroup_limit_mib=None if limit is None else mebibytes(limit),
        )
    )


def _meminfo(told: str) -> dict[str, int]:
    """Linux: cheaper than any library, in KiB."""
    rows = re.findall(r"^(\w+):\s+(\d+) kB$", told, re.MULTILINE)
    return {KEYS[key]: int(value) << 10 for key, value in rows if key in KEYS}


def _by_call(look: Look) -> dict[str, int]:
    answer = look.system("memory")
    if not isinstance(answer, dict):
        return {}
    return {name: value for name, value in answer.items() if name in KEYS.values() and isinstance(value, int)}
