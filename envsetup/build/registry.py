"""Which environments envsetup made: one small file each in the user's state folder, so that no two runs disturb it.

The list only helps to find them; what an environment is, it says itself (`envsetup.json`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envsetup.build.manifest import MANIFEST
from envsetup.build.stage import STAGE
from envsetup.model.codec import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DEEP = 6  # folders below a root that is searched
_PASSED_OVER = {".git", "node_modules", "__pycache__", "proc", "sys", "dev"}


class _Entry(msgspec.Struct, frozen=True):
    path: str


def folder() -> Path:
    """Where the entries stand."""
    import platformdirs  # noqa: PLC0415 - only where it is needed

    return Path(platformdirs.user_state_dir("envsetup", appauthor=False)) / "environments"


def note(env: Path) -> None:
    """Remember an environment; that this cannot be written is no reason to fail."""
    with contextlib.suppress(OSError):
        path = _file(env)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_bytes(msgspec.json.encode(_Entry(str(env))))
        draft.replace(path)


def forget(env: Path) -> bool:
    """Drop an environment from the list; whether it was in it."""
    with contextlib.suppress(OSError):
        _file(env).unlink()
        return True
    return False


def known() -> list[Path]:
    """The environments that were noted and may still be there, sorted.

    One whose folder was deleted is forgotten; where the folder above is gone too, its disk may only be away.
    """
    there = []
    for path in folder().glob("*.json"):
        try:
            env = Path(decode(path.read_bytes(), _Entry).path)
        except (OSError, msgspec.DecodeError):
            continue
        if not (env / MANIFEST).exists() and env.parent.exists():
            forget(env)
        else:
            there.append(env)
    return sorted(there)


def search(roots: Iterable[Path]) -> list[Path]:
    """Environments of envsetup at and below `roots`, a few folders deep; links are not followed."""
    return sorted({found for root in roots for found in _below(root, _DEEP)})


def _below(place: Path, depth: int) -> Iterator[Path]:
    with contextlib.suppress(OSError):  # a folder that this user may not enter
        if (place / MANIFEST).is_file():
            yield place
            return  # what lies inside an environment is its own
        for entry in os.scandir(place) if depth else ():
            passed = entry.name in _PASSED_OVER or entry.name.startswith(STAGE)  # what is being made is not there yet
            if entry.is_dir(follow_symlinks=False) and not passed:
                yield from _below(Path(entry.path), depth - 1)


def _file(env: Path) -> Path:
    return folder() / f"{hashlib.sha256(os.fsencode(env)).hexdigest()[:24]}.json"
