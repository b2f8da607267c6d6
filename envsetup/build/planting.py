"""Files into a folder of the user's: all of them or none, and never one that is there already."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from envsetup.model.errors import BuildError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_BED = ".envsetup-starter"  # in the folder, while they are written
_DONE = ".envsetup-starter-done"  # the bed once all are in place: from then on they are the user's


def check(folder: Path, names: Iterable[str]) -> None:
    """Refuse a folder in which one of the files (relative paths) is there already. Raises InputError naming it."""
    try:
        nearest = next(path for path in (folder, *folder.parents) if path.exists())
        if not nearest.is_dir():
            raise InputError(f"{nearest} is no folder; choose another one")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise InputError(f"{nearest}: cannot be written to")
        for name in names:
            if os.path.lexists(folder / name) and not _ours(folder, name):
                raise InputError(f"{folder / name} is there already and is left alone; choose another folder")
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}") from error


def plant(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files (relative path to content). Raises BuildError; then none of them is there.

    A file is linked from a bed in the folder to its place: a link never replaces anything, and after a kill it tells
    which files are ours, so that the next run can take them away.
    """
    bed = folder / _BED
    placed: list[Path] = []
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        _undo(folder)
        shutil.rmtree(folder / _DONE, ignore_errors=True)
        for name, content in files.items():
            for place in (bed / name, folder / name):
                place.parent.mkdir(parents=True, exist_ok=True)
            (bed / name).write_bytes(content)
        for name in files:
            _link(bed / name, folder / name)
            placed.append(folder / name)
        bed.replace(folder / _DONE)
        shutil.rmtree(folder / _DONE)
    except BaseException as error:
        with contextlib.suppress(OSError):
            for path in placed:
                path.unlink()
            _undo(folder)
            for path in made:
                path.rmdir()
        if isinstance(error, FileExistsError):
            raise BuildError(f"{error.filename2 or error.filename} appeared meanwhile and is left alone") from error
        if isinstance(error, OSError):
            raise BuildError(f"{folder}: the starter project cannot be written: {error.strerror}") from error
        raise


def _link(source: Path, place: Path) -> None:
    try:
        place.hardlink_to(source)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        with place.open("xb") as file:
            file.write(source.read_bytes())


def _undo(folder: Path) -> None:
    """Take away what a run that was killed left: files that are still the same as in its bed, and empty folders."""
    bed = folder / _BED
    if not bed.is_dir():
        return
    for path in sorted(bed.rglob("*"), key=lambda path: -len(path.parts)):
        name = path.relative_to(bed).as_posix()
        if _ours(folder, name):
            (folder / name).unlink()
        elif path.is_dir():
            with contextlib.suppress(OSError):
                (folder / name).rmdir()
    shutil.rmtree(bed)


def _ours(folder: Path, name: str) -> bool:
    """Whether a file was put there by a run that did not end."""
    ours, place = folder / _BED / name, folder / name
    return ours.is_file() and place.is_file() and place.samefile(ours)
