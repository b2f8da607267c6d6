"""Processor: model, cores that may really be used, instruction sets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.model.hardware import Cpu
from envsetup.model.machine import Machine
from envsetup.model.maybe import UNKNOWN, Maybe
from envsetup.probe.cgroup import cpu_quota
from envsetup.probe.look import whole

if TYPE_CHECKING:
    from envsetup.probe.look import Look

# Instruction sets that deep learning libraries are compiled for or pick at run time.
FLAGS = re.compile(r"sse4_2|avx|avx2|avx512\w*|avx_vnni|amx\w*|fma|f16c|asimd\w*|sve\w*|sme2?|bf16|i8mm")
NAMELESS = "/proc/cpuinfo names no model, as usual on ARM"
FIRST_CORE = 64 << 10  # bytes of /proc/cpuinfo: the kernel formats every core, and we need one


def probe_cpu(look: Look) -> Machine:
    """Fact `cpu`."""
    first = dict(re.findall(r"^([\w ]+?)\s*:[ \t]*(.*)$", _first_core(look), re.MULTILINE))
    logical, affinity, quota = whole(look.system("cpu_count")), whole(look.system("affinity")), cpu_quota(look)
    limits = [float(value) for value in (logical, affinity, quota) if isinstance(value, (int, float))]
    return Machine(
        cpu=Cpu(
            model=first.get("model name") or _mac(look, "brand_string") or look.unknown("cpu.model", NAMELESS),
            vendor=first.get("vendor_id") or UNKNOWN,
            logical=logical,
            physical=_physical(first, logical),
            affinity=affinity,
            cgroup_quota=quota,
            usable=min(limits) if limits else look.unknown("cpu.usable", "neither cores nor affinity are known"),
            flags=_flags(look, first),
        )
    )


def _first_core(look: Look) -> str:
    return look.text("/proc/cpuinfo", limit=FIRST_CORE).split("\n\n", 1)[0]


def _flags(look: Look, first: dict[str, str]) -> Maybe[list[str]]:
    text = first.get("flags") or first.get("Features") or _mac(look, "features").lower().replace(".", "_")
    if not text:
        return look.unknown("cpu.flags", "/proc/cpuinfo lists no instruction sets")
    return sorted(flag for flag in text.split() if FLAGS.fullmatch(flag))


def _physical(first: dict[str, str], logical: Maybe[int]) -> Maybe[int]:
    """Cores of one socket, times the sockets that the logical cores fill."""
    siblings, cores = first.get("siblings", ""), first.get("cpu cores", "")
    if not isinstance(logical, int) or not (siblings.isdecimal() and cores.isdecimal() and int(siblings)):
        return UNKNOWN
    return max(1, logical * int(cores) // int(siblings))


def _mac(look: Look, name: str) -> str:
    if look.system("platform") != "darwin":
        return ""
    return look.run("sysctl", "-n", f"machdep.cpu.{name}").stdout.strip()
