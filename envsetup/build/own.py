"""The user's own files in an environment, which envsetup names and takes along, and never removes unasked."""

from __future__ import annotations

import shutil
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from envsetup.model.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

NAMED = 12  # of them, in a message
_INSIDE = {"bin", "lib", "lib64", "include", "share", "etc", "conda-meta", "sbin", "libexec"}


def portable(names: Iterable[str]) -> list[str]:
    """Those that can be taken into another environment: what lies among installed files would not fit there."""
    return [name for name in names if PurePosixPath(name).parts[0] not in _INSIDE]


def carry(old: Path, new: Path, names: Sequence[str]) -> None:
    """Copy files from `old` to `new`. Raises BuildError when one cannot be copied."""
    try:
        for name in names:
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(old / name, new / name, follow_symlinks=False)
    except OSError as error:
        raise BuildError(f"{error.filename or old}: cannot be taken along: {error.strerror}") from error


def named(names: Sequence[str]) -> str:
    """A list for a message, cut where it would fill the screen."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
