"""A lock into an environment: from the configured sources, and from PyTorch's own index where those lack a build."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envsetup.build.uv import NoSpaceError
from envsetup.model.errors import BuildError
from envsetup.world.files import home

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envsetup.build.uv import Uv
    from envsetup.model.lock import Lock

DEADLINE = 3 * 3600.0  # seconds; several GB over a slow line; uv itself gives up on a line that is dead
_LOOK = 60.0
PLENTY = 8 << 30  # bytes: the wheels of no stack of today are larger, so their sizes need not be asked for


def install(lock: Lock, env: Path, ways: Sequence[Uv], tick: Callable[[], None]) -> None:
    """Install exactly `lock` into `env`, trying `ways` in order. Raises the BuildError of the last one."""
    pins = env.parent / "pins.txt"
    pins.write_text(lock.text(), encoding="utf-8")
    args = ("pip", "sync", str(pins), "--require-hashes", "--quiet", "--python", str(env / "bin" / "python"))
    # Everything is pinned; uv refuses a constraint without a hash beside hashed pins.
    ways = [uv.without("UV_CONSTRAINT") for uv in ways]
    check_space(with_sizes(lock, env, ways[0], tick), env.parent, ways[0], args)
    first: BuildError | None = None
    for uv in ways:
        ended = uv.run(*args, timeout=DEADLINE, tick=tick)
        if ended.ok:
            return
        error = uv.error("installation", ended, DEADLINE)
        if first is not None:
            # The first place is the user's own: what it said comes first.
            raise BuildError(first.message, hint=f"and from PyTorch's own index: {error.message}")
        first = error
        if _begun(env) or isinstance(error, NoSpaceError) or "mismatch" in error.message:
            break
    if first is not None:
        raise first


def _begun(env: Path) -> bool:
    """Whether files were put in place: uv takes a half-installed package for an installed one, so that is the end."""
    return any(env.glob("lib/python*/site-packages/*.dist-info"))


def with_sizes(lock: Lock, env: Path, uv: Uv, tick: Callable[[], None]) -> Lock:
    """The lock with its wheels' sizes, asked of the sources where it has none and the disk is no larger than one stack.

    What a source does not say stays unknown.
    """
    unknown = any(package.size is None for package in lock.packages)
    if not unknown or all(shutil.disk_usage(disk).free > PLENTY for disk in _disks(env.parent, uv)):
        return lock
    from envsetup.build.interpreters import Interpreter  # noqa: PLC0415 - only on a full disk
    from envsetup.build.wheelhouse import places  # noqa: PLC0415 - as above

    try:
        found = places(lock, Interpreter(path=str(env / "bin" / "python"), version=""), uv, tick)
    except BuildError:
        return lock  # the installation itself will say it
    sizes = {name: min((p.size for p in each if p.size is not None), default=None) for name, each in found.items()}
    known = [msgspec.structs.replace(p, size=p.size or sizes.get(p.name)) for p in lock.packages]
    return msgspec.structs.replace(lock, packages=known)


def check_space(lock: Lock, folder: Path, uv: Uv, sync: Sequence[str]) -> None:
    """Refuse before the download what cannot fit, beside the target or in uv's cache.

    The wheels' own size is the least that they need; what is in uv's cache on the same disk needs nothing more.
    """
    least = sum(package.size or 0 for package in lock.packages)
    full = [(disk, free) for disk in _disks(folder, uv) if (free := shutil.disk_usage(disk).free) < least]
    if not full:
        return
    if "Would download" in uv.run(*(arg for arg in sync if arg != "--quiet"), "--dry-run", timeout=_LOOK).stderr:
        disk, free = full[0]
        where = disk.parent if disk == folder else disk
        raise BuildError(f"{where}: {free >> 20} MiB free, the packages alone need {least >> 20} MiB")


def _disks(folder: Path, uv: Uv) -> list[Path]:
    """Where packages are written: beside the target, and in uv's cache."""
    base = uv.env.get("XDG_CACHE_HOME") or Path(uv.env.get("HOME") or home()) / ".cache"
    cache = Path(uv.env.get("UV_CACHE_DIR") or Path(base) / "uv")
    return [folder, next(place for place in (cache, *cache.absolute().parents) if place.exists())]
