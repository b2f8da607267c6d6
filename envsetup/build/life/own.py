"""The user's own files in an environment, which envsetup names and takes along, and never removes unasked."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NAMED = 12  # of them, in a message
_INSIDE = {"bin", "lib", "lib64", "include", "share", "etc", "conda-meta", "sbin", "libexec"}


def portable(names: Iterable[str]) -> list[str]:
    """Those that can be taken into another environment: what lies among installed files would not fit there."""
    return [name for name in names if PurePosixPath(name).parts[0] not in _INSIDE]


def named(names: Sequence[str]) -> str:
    """A list for a message, cut where it would fill the screen."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
