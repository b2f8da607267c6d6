"""The place beside the target where an environment grows until it is complete: one owner, no litter, one move."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from envsetup.build.manifest import MANIFEST
from envsetup.build.swap import recover, replace_folder
from envsetup.model.errors import BuildError, InputError
from envsetup.render.quoting import CONTROL

if TYPE_CHECKING:
    import sys
    from types import TracebackType

    if sys.version_info >= (3, 11):
        from typing import Self
    else:
        from typing_extensions import Self

STAGE = ".envsetup-stage-"  # how the name of a folder begins in which a run is at work
_TRIES = 50
_PAUSE = 0.1  # seconds; a killed run's uv may need a moment to be gone


def target_path(text: str) -> Path:
    """The absolute target, links followed.

    Raises InputError for a path that cannot hold a virtual environment.
    """
    if not text or CONTROL.search(text):
        raise InputError(f"target {text!a}: a path without control characters is needed")
    if os.pathsep in text:
        raise InputError(f"target {text}: {os.pathsep!r} separates entries of PATH, so it cannot be in the path")
    path = Path(os.path.realpath(Path(text).expanduser()))
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise InputError(f"target {text!r}: the path is not valid UTF-8") from None
    return path


def check_target(target: Path) -> bool:
    """Whether an environment made by envsetup stands there (and would be replaced).

    Raises InputError when something else does.
    """
    try:
        there = next(path for path in (target, *target.parents) if path.exists())
        if not there.is_dir():
            raise InputError(f"{there} exists and is no folder; choose another path")
        if there != target:
            return False
        names = {entry.name for entry in target.iterdir()}
    except OSError as error:
        raise InputError(f"{target}: {error.strerror}") from error
    if not names or MANIFEST in names:
        return bool(names)
    what = "an environment" if "pyvenv.cfg" in names or "conda-meta" in names else "files"
    raise InputError(f"{target} holds {what} that envsetup did not make and is left alone; choose another path")


class Stage:
    """A context: on entry the stage is ours and empty, on exit it is gone, whatever happened.

    Its folder is the lock as well: named after the target, held by flock(2), which ends with the process.
    What `place` replaces goes to `keep`, in the place of what was kept there before, or away where that is None.
    """

    def __init__(self, target: Path, keep: Path | None = None) -> None:
        self.target, self.keep = target, keep
        name = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:12]
        self.folder = target.parent / f"{STAGE}{name}"
        self.env = self.folder / "env"
        self.aside = self.folder / "old"
        self._parents: list[Path] = []
        self._lock = -1

    def __enter__(self) -> Self:
        try:
            for parent in reversed(self.target.parents):
                if not parent.exists():
                    parent.mkdir()
                    self._parents.append(parent)
            self._acquire()
        except OSError as error:
            self._remove_parents()
            raise _unwritable(self.target.parent, error) from error
        try:
            recover(self.target, self.aside)
            for litter in (self.env, self.aside):
                _remove(litter)
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def place(self) -> None:
        """Move the finished environment to the target."""
        check_target(self.target)  # somebody may have put something there meanwhile
        try:
            replace_folder(self.env, self.target, self.aside)
        except OSError as error:
            if error.errno in {errno.EBUSY, errno.EXDEV}:
                raise BuildError(f"{self.target} is a mount point; choose a folder inside it") from error
            raise BuildError(f"{self.target}: cannot be put in place: {error.strerror}") from error
        old = self.env if self.env.exists() else self.aside
        if self.keep is not None and old.exists():
            _remove(self.keep)
            old.rename(self.keep)

    def _acquire(self) -> None:
        for _ in range(_TRIES):
            self.folder.mkdir(mode=0o700, exist_ok=True)
            lock = self.folder / "lock"
            try:
                handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
            except FileNotFoundError:
                continue  # the owner before us removed the folder just now
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = os.read(handle, 32).decode("ascii", "replace").strip() or "unknown"
                os.close(handle)
                raise BuildError(f"another envsetup (process {owner}) is building {self.target} right now") from None
            if _same_file(handle, lock):
                os.ftruncate(handle, 0)
                os.write(handle, str(os.getpid()).encode())
                self._lock = handle
                return
            os.close(handle)
        raise BuildError(f"{self.folder}: cannot be locked")

    def _release(self) -> None:
        _remove(self.folder)
        os.close(self._lock)
        self._remove_parents()

    def _remove_parents(self) -> None:
        with contextlib.suppress(OSError):  # the target is in it, or somebody else's file
            for parent in reversed(self._parents):
                parent.rmdir()


def _same_file(handle: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(handle)
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


def _remove(folder: Path) -> None:
    """Remove a folder; the last files of a uv that is just being killed may still appear in it."""
    for _ in range(_TRIES):
        if not folder.exists():
            return
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)
            return
        time.sleep(_PAUSE)
    raise BuildError(f"{folder}: cannot be removed; please remove it by hand")


def _unwritable(folder: Path, error: OSError) -> BuildError:
    if error.errno == errno.ENOSPC:
        return BuildError(f"{folder}: no space left on the device")
    return BuildError(f"{folder}: cannot be written to: {error.strerror}")
