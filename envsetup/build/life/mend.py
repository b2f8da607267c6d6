"""Small files of the user set right: a notebook kernel, the variables of an environment. What was there is kept.

Each change is written to the undo log before it is made, and replaces the file in one step.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec

from envsetup.build.life.undo import Undo, note
from envsetup.model.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Mended(msgspec.Struct, frozen=True, kw_only=True):
    """What is at `path` now was different before. `undo` is the line for a shell that brings that back."""

    path: Path
    undo: str
    log: Path


def own(path: Path) -> bool:
    """Whether this is a file of the user's own, and no link to somewhere else."""
    try:
        return path.is_file() and not path.is_symlink() and path.stat().st_uid == os.getuid()
    except OSError:
        return False


def point_kernel(kernel: Path, python: Path) -> Mended:
    """Have a kernel.json start `python`. Raises BuildError for what is no kernel."""
    try:
        spec = json.loads(kernel.read_bytes())
        spec["argv"][0] = str(python)
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise BuildError(f"{kernel}: no kernel that could be mended ({error})") from error
    return _replaced(kernel, json.dumps(spec, indent=1) + "\n", f"kernel {kernel.parent.name} starts {python}")


def set_aside(kernel: Path) -> Mended:
    """Rename a kernel.json, so that Jupyter no longer offers it."""
    kept = _kept(kernel)
    undo = f"mv {shlex.quote(str(kept))} {shlex.quote(str(kernel))}"
    log = _noted(kernel, kept, undo, f"kernel {kernel.parent.name} set aside")
    try:
        kernel.rename(kept)
    except OSError as error:
        raise BuildError(f"{kernel}: cannot be renamed ({error.strerror})") from error
    return Mended(path=kernel, undo=undo, log=log)


def set_variables(script: Path, lines: Sequence[str]) -> Mended:
    """Add lines to the script that activates an environment; it is made where there is none. Raises BuildError."""
    try:
        before = script.read_text(encoding="utf-8") if script.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(f"{script}: cannot be read ({error})") from error
    block = "\n".join(["# Added by envsetup doctor --fix.", *lines])
    return _replaced(script, f"{before.rstrip()}\n\n{block}\n".lstrip(), f"{'; '.join(lines)} at each activation")


def _replaced(path: Path, text: str, what: str) -> Mended:
    kept, there = _kept(path), path.exists()
    now, old = (shlex.quote(str(place)) for place in (path, kept))
    undo = f"mv {old} {now}" if there else f"rm {now}"
    log = _noted(path, kept if there else path, undo, what)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        if there:
            draft.chmod(path.stat().st_mode & 0o777)
            os.link(path, kept)  # so that the file is at its place at every moment
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):  # on a read-only file system even this fails
            draft.unlink(missing_ok=True)
        raise BuildError(f"{path}: cannot be written ({error.strerror})") from error
    return Mended(path=path, undo=undo, log=log)


def _kept(path: Path) -> Path:
    return path.with_name(f"{path.name}.before-fix-{datetime.now(timezone.utc):%Y%m%d-%H%M%S}")


def _noted(path: Path, kept: Path, undo: str, what: str) -> Path:
    at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return note(Undo(at=at, what=what, path=str(path), kept=str(kept), undo=undo))
