"""The machine this process runs on."""

from __future__ import annotations

import itertools
import os
import platform
import shutil
import stat as stat_module
import sys
import time
from typing import TYPE_CHECKING

from envsetup.world.base import Completed, FileSystem, Stat
from envsetup.world.process import run_with_deadline
from envsetup.world.programs import program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

KERNEL_LOG_RECORDS = 20_000  # more than a ring buffer of the usual size holds
CHILDREN = "envsetup.probe.children"


def _never_waiting(path: str, flags: int) -> int:
    """Open without waiting for another process: a named pipe where a file should be reads as empty."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _rlimit(name: str) -> list[int | None]:
    import resource  # POSIX only  # noqa: PLC0415

    soft, hard = resource.getrlimit(getattr(resource, name))
    return [None if value == resource.RLIM_INFINITY else value for value in (soft, hard)]


def _memory() -> dict[str, int]:
    import psutil  # 17 ms, only when memory is asked for  # noqa: PLC0415

    ram, swap = psutil.virtual_memory(), psutil.swap_memory()
    return {"total": ram.total, "available": ram.available, "swap_total": swap.total, "swap_free": swap.free}


def _physical_cores() -> int | None:
    import psutil  # noqa: PLC0415

    count: int | None = psutil.cpu_count(logical=False)
    return count


def _user() -> str:
    return os.environ.get("USER") or os.environ.get("LOGNAME") or os.path.basename(os.path.expanduser("~"))  # noqa: PTH111, PTH119


def _kernel_log() -> str:
    """The kernel's messages. /dev/kmsg gives one record per read and would block at its end."""
    descriptor = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    try:
        records = list(itertools.islice(iter(lambda: _record(descriptor), None), KERNEL_LOG_RECORDS))
    finally:
        os.close(descriptor)
    lines = (record.decode("utf-8", "replace").partition(";")[2].split("\n", 1)[0] for record in records)
    return "\n".join(lines)


def _record(descriptor: int) -> bytes | None:
    try:
        return os.read(descriptor, 8192)
    except BrokenPipeError:  # the ring buffer overwrote what we were about to read
        return b""
    except BlockingIOError:
        return None


# Facts that come from a call and not from a file. A recorded machine keeps the answers by these names.
SYSTEM_FACTS: dict[str, Callable[[], object]] = {
    "platform": lambda: sys.platform,
    "machine": platform.machine,
    "release": platform.release,
    "os_version": platform.version,
    "mac_version": lambda: platform.mac_ver()[0],
    "confstr_libc": lambda: os.confstr("CS_GNU_LIBC_VERSION") if hasattr(os, "confstr") else None,
    "cpu_count": os.cpu_count,
    "physical_cores": _physical_cores,
    "affinity": lambda: len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
    "memory": _memory,
    "kernel_log": _kernel_log,
    "user": _user,
    "hostname": platform.node,
    "uid": lambda: os.getuid() if hasattr(os, "getuid") else None,
    "groups": lambda: os.getgroups() if hasattr(os, "getgroups") else None,
    "cwd": os.getcwd,
    "home": lambda: os.path.expanduser("~"),  # noqa: PTH111 - Path.home() raises without HOME
    "rlimit_nofile": lambda: _rlimit("RLIMIT_NOFILE"),
    "rlimit_memlock": lambda: _rlimit("RLIMIT_MEMLOCK"),
    "rlimit_nproc": lambda: _rlimit("RLIMIT_NPROC"),
    "python_executable": lambda: sys.executable,
    "now": lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
}

_KINDS = (
    (stat_module.S_ISREG, "file"),
    (stat_module.S_ISDIR, "dir"),
    (stat_module.S_ISCHR, "char"),
    (stat_module.S_ISBLK, "block"),
)


class LiveWorld:
    """The real machine. `root` prefixes every path that is read (for a host mounted into a container)."""

    def __init__(self, root: str = "") -> None:
        self._root = root.rstrip("/")

    def _path(self, path: str) -> str:
        return self._root + path if self._root and path.startswith("/") else path

    def read_text(self, path: str, *, limit: int = 1 << 20) -> str:
        return self.read_bytes(path, limit=limit).decode("utf-8", "replace")

    def read_bytes(self, path: str, *, offset: int = 0, limit: int = 1 << 20) -> bytes:
        with open(self._path(path), "rb", opener=_never_waiting) as file:
            if offset:
                file.seek(offset)
            return file.read(limit)

    def list_dir(self, path: str) -> list[str]:
        return sorted(os.listdir(self._path(path)))  # noqa: PTH208 - hot

    def stat(self, path: str) -> Stat:
        real = self._path(path)
        info = os.stat(real)  # noqa: PTH116
        kind = next((name for test, name in _KINDS if test(info.st_mode)), "other")
        return Stat(
            kind=kind,
            mode=stat_module.S_IMODE(info.st_mode),
            uid=info.st_uid,
            gid=info.st_gid,
            size=info.st_size,
            readable=os.access(real, os.R_OK),
            writable=os.access(real, os.W_OK),
            executable=os.access(real, os.X_OK),
        )

    def exists(self, path: str) -> bool:
        return os.path.exists(self._path(path))  # noqa: PTH110

    def real_path(self, path: str) -> str:
        real = os.path.realpath(self._path(path))
        return real[len(self._root) :] if self._root and real.startswith(self._root) else real

    def which(self, name: str) -> str | None:
        return shutil.which(name)

    def run(self, argv: Sequence[str], *, timeout: float, env: Mapping[str, str] | None = None) -> Completed:
        return run_with_deadline(argv, timeout=timeout, env=env)

    def helper(
        self,
        name: str,
        args: Sequence[str] = (),
        *,
        timeout: float,
        python: str | None = None,
        without: Sequence[str] = (),
    ) -> Completed:
        # -I: nothing of the user's Python settings reaches our own child; the site folder stays for pynvml.
        start = [python, "-X", "faulthandler"] if python else [sys.executable, "-I"]
        with program(CHILDREN, name) as path:
            return run_with_deadline([*start, str(path), *args], timeout=timeout, without=without)

    def environ(self) -> Mapping[str, str]:
        return os.environ

    def file_system(self, path: str) -> FileSystem:
        info = os.statvfs(self._path(path))
        return FileSystem(
            total=info.f_blocks * info.f_frsize,
            free=info.f_bavail * info.f_frsize,
            inodes_total=info.f_files,
            inodes_free=info.f_favail,
            read_only=bool(info.f_flag & os.ST_RDONLY),
            noexec=bool(info.f_flag & getattr(os, "ST_NOEXEC", 8)),
        )

    def system(self, fact: str) -> object:
        return SYSTEM_FACTS[fact]()
