"""The file systems under the folders that matter: target, temp, cache, home."""

from __future__ import annotations

import re
from posixpath import dirname, isabs, join, normpath
from typing import TYPE_CHECKING

from envsetup.model.hardware import Disk
from envsetup.model.machine import Machine
from envsetup.model.maybe import UNKNOWN, Maybe
from envsetup.probe.look import mebibytes

if TYPE_CHECKING:
    from envsetup.probe.look import Look


def probe_disks(look: Look) -> Machine:
    """Fact `disks`, one per role."""
    cwd, home = str(look.system("cwd") or "/"), str(look.system("home") or "/")
    folders = {
        "target": join(cwd, look.env or look.variable("VIRTUAL_ENV") or "."),
        "temp": look.variable("TMPDIR") or "/tmp",  # noqa: S108 - looked at, not written to
        "cache": look.variable("XDG_CACHE_HOME") or join(home, ".cache"),
        "home": home,
    }
    mounts = _mounts(look)
    return Machine(disks=[_disk(look, role, join(cwd, path), mounts) for role, path in folders.items()])


def _disk(look: Look, role: str, path: str, mounts: list[tuple[str, str]]) -> Disk:
    path = _existing(look, normpath(path))
    stat = look.stat(path)
    try:
        found = look.world.file_system(path)
    except OSError as error:
        look.unknown(f"disks.{role}", f"{path}: {error.strerror or error}")
        return Disk(role=role, path=path)
    return Disk(
        role=role,
        path=path,
        filesystem=_kind(look.real_path(path), mounts),
        total_mib=mebibytes(found.total),
        free_mib=mebibytes(found.free),
        inodes_total=found.inodes_total,
        inodes_free=found.inodes_free,
        read_only=found.read_only,
        noexec=found.noexec,
        writable=stat.writable if stat else UNKNOWN,
    )


def _existing(look: Look, path: str) -> str:
    """The path, or the nearest folder above it that is there: where a new folder would be made."""
    while isabs(path) and path != "/" and not look.exists(path):
        path = dirname(path)
    return path


def _mounts(look: Look) -> list[tuple[str, str]]:
    """(mount point, file-system kind); a space is written in octal there."""
    rows = re.findall(r"^\S+ (\S+) (\S+) ", look.text("/proc/mounts"), re.MULTILINE)
    return [(point.replace("\\040", " "), kind) for point, kind in rows]


def _kind(path: str, mounts: list[tuple[str, str]]) -> Maybe[str]:
    """The kind of the longest mount point above the path; of two mounts on one point the later counts."""
    best, kind = "", ""
    for point, name in mounts:
        if (path == point or path.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
            best, kind = point, name
    return kind or UNKNOWN
