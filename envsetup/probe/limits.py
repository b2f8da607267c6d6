"""Limits of this process: files, locked memory, processes, shared memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.model.hardware import Limits
from envsetup.model.machine import Machine
from envsetup.model.maybe import UNKNOWN, Maybe
from envsetup.probe.cgroup import pids_limit
from envsetup.probe.look import mebibytes

if TYPE_CHECKING:
    from envsetup.probe.look import Look

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - looked at, not written to

MAP_COUNT = "/proc/sys/vm/max_map_count"


def probe_limits(look: Look) -> Machine:
    """Fact `limits`."""
    soft, hard = _rlimit(look, "nofile")
    memlock, _ = _rlimit(look, "memlock")
    total, free = _shared_memory(look)
    return Machine(
        limits=Limits(
            nofile_soft=soft,
            nofile_hard=hard,
            memlock_kib=memlock >> 10 if isinstance(memlock, int) else memlock,
            nproc=_rlimit(look, "nproc")[0],
            pids_max=pids_limit(look),
            shm_total_mib=total,
            shm_free_mib=free,
            map_count=look.number(MAP_COUNT),
        )
    )


def _rlimit(look: Look, name: str) -> tuple[Maybe[int | None], Maybe[int | None]]:
    """Soft and hard limit; None is unlimited."""
    pair = look.system(f"rlimit_{name}")
    if not isinstance(pair, (list, tuple)) or len(pair) != len(("soft", "hard")):
        unknown = look.unknown(f"limits.{name}", "this system has no such limit")
        return unknown, unknown
    soft, hard = (value if isinstance(value, int) else None for value in pair)
    return soft, hard


def _shared_memory(look: Look) -> tuple[Maybe[int | None], Maybe[int | None]]:
    """Size and free space of /dev/shm, None when there is none."""
    if not look.exists(SHARED_MEMORY):
        return None, None
    try:
        found = look.world.file_system(SHARED_MEMORY)
    except OSError as error:
        look.unknown("limits.shm_total_mib", f"{SHARED_MEMORY}: {error.strerror or error}")
        return UNKNOWN, UNKNOWN
    return mebibytes(found.total), mebibytes(found.free)
