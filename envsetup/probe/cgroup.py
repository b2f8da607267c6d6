"""Control group limits of this process: version 2, version 1, and the groups above."""

from __future__ import annotations

import re
from posixpath import dirname, join
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.probe.look import Look

MOUNT = "/sys/fs/cgroup"
NO_LIMIT = 1 << 60  # version 1 writes "no limit" as a number close to 2**63


def cpu_quota(look: Look) -> float | None:
    """Cores that the quota allows, None when there is none."""
    quotas = [_cores(text) for text in _values(look, "", "cpu.max")]
    for folder in _folders(look, "cpu"):
        period = look.text(join(folder, "cpu.cfs_period_us")).strip()
        quotas.append(_cores(f"{look.text(join(folder, 'cpu.cfs_quota_us')).strip()} {period}"))
    return min((quota for quota in quotas if quota is not None), default=None)


def memory_limit(look: Look) -> int | None:
    """Bytes that the group may use, None when there is no limit."""
    return _least([*_values(look, "", "memory.max"), *_values(look, "memory", "memory.limit_in_bytes")])


def pids_limit(look: Look) -> int | None:
    """Processes that the group may hold, None when there is no limit."""
    return _least([*_values(look, "", "pids.max"), *_values(look, "pids", "pids.max")])


def _values(look: Look, controller: str, name: str) -> Iterator[str]:
    for folder in _folders(look, controller):
        yield look.text(join(folder, name)).strip()


def _folders(look: Look, controller: str) -> Iterator[str]:
    """Our group's folder and those above it: the tightest limit on the way counts.

    In a container with its own namespace the path is `/`; without one the path names a group that is not mounted
    here, and the walk upwards still ends at the mount, which then is our own group.
    """
    found = re.search(
        rf"^\d+:(?:[\w,=]*,)?{controller}(?:,[\w,]*)?:(/.*)$", look.text("/proc/self/cgroup"), re.MULTILINE
    )
    base = join(MOUNT, controller) if controller else MOUNT
    path = found[1] if found else "/"
    while path != "/":
        yield base + path
        path = dirname(path)
    yield base


def _cores(text: str) -> float | None:
    found = re.fullmatch(r"(\d+) (\d+)", text)
    return int(found[1]) / int(found[2]) if found and int(found[2]) else None


def _least(texts: list[str]) -> int | None:
    values = [int(text) for text in texts if text.isdecimal()]
    return min((value for value in values if value < NO_LIMIT), default=None)
