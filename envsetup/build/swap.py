"""Two folders trade places in one system call, so that nobody ever sees the path empty."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # linux/fs.h
_RENAME_SWAP = 2  # macOS sys/stdio.h


def exchange(first: Path, second: Path) -> bool:
    """Swap two paths of one file system atomically; False where the system or the file system cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    a, b = os.fsencode(first), os.fsencode(second)
    if sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        return bool(libc.renamex_np(a, b, _RENAME_SWAP) == 0)
    if hasattr(libc, "renameat2"):
        return bool(libc.renameat2(_AT_FDCWD, a, _AT_FDCWD, b, _RENAME_EXCHANGE) == 0)
    return False


def replace_folder(new: Path, target: Path, aside: Path) -> None:
    """Put `new` at `target`. What was there ends at `new` or `aside`; at no time can both be lost.

    Without an atomic swap there is a moment with the old folder at `aside` only: `recover` puts it back.
    """
    if not target.exists() or not any(target.iterdir()):
        new.rename(target)
        return
    if exchange(new, target):
        return
    target.rename(aside)
    try:
        new.rename(target)
    except OSError:
        aside.rename(target)
        raise


def recover(target: Path, aside: Path) -> None:
    """Undo the half of a swap that a killed process left."""
    if aside.exists() and not target.exists():
        aside.rename(target)
