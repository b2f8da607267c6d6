"""Files that the user names: read whole or refused, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import select
import stat
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

from envsetup.model.errors import InputError

PIPE_S = 20  # what `--from <(ssh host ...)` needs to begin
INPUT_LIMIT = 16 << 20  # bytes: the largest snapshot of a big machine is far below 1 MiB


def home() -> Path:
    """The user's home folder; a user without one gets a path that leads nowhere, not an error as from Path.home()."""
    return Path(os.path.expanduser("~"))  # noqa: PTH111 - as above


def read_input(name: str, *, limit: int = INPUT_LIMIT) -> bytes:
    """A file's bytes, or standard input for `-`.

    Raises InputError when it cannot be read or is larger than `limit`.
    """
    try:
        data = sys.stdin.buffer.read(limit + 1) if name == "-" else read_bytes(name, limit + 1)
    except OSError as error:
        raise InputError(f"{name}: {error.strerror or error}") from error
    if len(data) > limit:
        raise InputError(f"{name}: larger than {limit >> 20} MiB: this is no snapshot")
    return data


def read_bytes(path: str, limit: int, patience: float = PIPE_S) -> bytes:
    """The first `limit` bytes of a file. Raises OSError, also for a pipe that brings nothing for `patience` seconds."""
    # Without waiting: opening a pipe that nobody writes to would never end.
    with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
        if not stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
            return file.read(limit)
        parts: list[bytes] = []
        while sum(map(len, parts)) < limit:
            _await_writer(file, patience)
            parts.append(file.read1(1 << 20))
            if not parts[-1]:
                break
        return b"".join(parts)


def open_input(path: str) -> BinaryIO:
    """A file to read bit by bit. Raises OSError, also for a pipe that nobody begins to write to."""
    file = os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb")
    if stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
        try:
            _await_writer(file, PIPE_S)
        except TimeoutError:
            file.close()
            raise
        os.set_blocking(file.fileno(), True)
    return file


def _await_writer(file: BinaryIO, seconds: float) -> None:
    if not select.select([file], [], [], seconds)[0]:
        raise TimeoutError(None, f"a pipe, and nobody wrote to it for {seconds:g} s")


def make_folder(name: str) -> None:
    """Make a folder, or take one that is empty. Raises InputError for anything else."""
    path = Path(name)
    try:
        if path.is_dir() and any(path.iterdir()):
            raise InputError(f"{name}: the folder is not empty; a new or an empty one is accepted")
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{name}: {error.strerror or error}; nothing was written") from error


def write_whole(name: str, content: str | bytes, *, mode: int = 0o644) -> None:
    """Write a file so that it is the old one or the new one at any moment, never half of it. Text becomes UTF-8.

    Raises InputError when that is not possible; nothing is left behind then.
    """
    path = Path(name)
    data = content.encode() if isinstance(content, str) else content
    temporary = ""
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)  # /dev/stdout, a pipe: there is nothing to replace
            return
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        raise InputError(f"{name}: {error.strerror or error}; nothing was written") from error
