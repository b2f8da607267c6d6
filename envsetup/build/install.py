"""A lock into an environment: from the configured sources, and from PyTorch's own index where those lack a build."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from envsetup.build.uv import NoSpaceError
from envsetup.model.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from envsetup.build.uv import Uv
    from envsetup.model.lock import Lock

DEADLINE = 3 * 3600.0  # seconds; several GB over a slow line; uv itself gives up on a line that is dead
_LOOK = 60.0


def install(lock: Lock, env: Path, ways: Sequence[Uv], tick: Callable[[], None]) -> None:
    """Install exactly `lock` into `env`, trying `ways` in order. Raises the BuildError of the last one."""
    pins = env.parent / "pins.txt"
    pins.write_text(lock.text(), encoding="utf-8")
    args = ("pip", "sync", str(pins), "--require-hashes", "--quiet", "--python", str(env / "bin" / "python"))
    # Everything is pinned; uv refuses a constraint without a hash beside hashed pins.
    ways = [uv.without("UV_CONSTRAINT") for uv in ways]
    check_space(lock, env.parent, ways[0], args)
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


def check_space(lock: Lock, folder: Path, uv: Uv, sync: Sequence[str]) -> None:
    """Refuse before the download what cannot fit.

    The wheels' own size is the least that they need; what is in uv's cache on the same disk needs nothing more.
    """
    least = sum(package.size or 0 for package in lock.packages)
    free = shutil.disk_usage(folder).free
    if least <= free:
        return
    if "Would download" in uv.run(*(arg for arg in sync if arg != "--quiet"), "--dry-run", timeout=_LOOK).stderr:
        raise BuildError(f"{folder.parent}: {free >> 20} MiB free, the packages alone need {least >> 20} MiB")
