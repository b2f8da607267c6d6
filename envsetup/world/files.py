"""Files that the user names: read whole or refused, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path

from envsetup.model.errors import InputError

INPUT_LIMIT = 16 << 20  # bytes: the largest snapshot of a big machine is far below 1 MiB


def read_input(name: str, *, limit: int = INPUT_LIMIT) -> bytes:
    """A file's bytes, or standard input for `-`.

    Raises InputError when it cannot be read or is larger than `limit`.
    """
    try:
        if name == "-":
            data = sys.stdin.buffer.read(limit + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(limit + 1)
    except OSError as error:
        raise InputError(f"{name}: {error.strerror or error}") from error
    if len(data) > limit:
        raise InputError(f"{name}: larger than {limit >> 20} MiB: this is no snapshot")
    return data


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
