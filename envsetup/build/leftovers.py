"""What a failed or a killed buildah leaves: working containers with mounted file systems. They are found and removed.

A run builds on its base under a name of its own, and notes beforehand which containers there are. The note is locked
as long as the run lives, so what belongs to a note without owner may go; containers of the user's stay as they are.
Containers on layers of a build do not tell whose they are: they go when nobody else is building, with us or without.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.model.codec import decode
from envsetup.model.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envsetup.build.process import Ended

    Buildah = Callable[..., Ended]

_PREFIX = "envsetup-run-"
_BUILDERS = {"buildah", "podman"}  # they share a place for images and containers
_PROCESSES = Path("/proc")
_PLACE = Path("/var/tmp")  # where buildah itself keeps what outlives a build  # noqa: S108


class _Container(msgspec.Struct, frozen=True):
    id: str
    imagename: str = ""
    containername: str = ""  # made from the name that the image was asked for by, of the several that it may have


class _Image(msgspec.Struct, frozen=True):
    id: str
    names: Optional[list[str]] = None
    digest: str = ""


class _Note(msgspec.Struct, frozen=True):
    """Containers that were there `before` are not the run's own; `image` is what it works on where that has no name."""

    image: str
    before: list[str]


@contextlib.contextmanager
def marked(buildah: Buildah, image: str) -> Iterator[str]:
    """A name for `image` as long as the context lasts, by which its containers are known for ours.

    What killed runs left is removed at its beginning. An image without a name gets none.
    """
    folder = _folder()
    path = folder / f"{_PREFIX}{uuid.uuid4().hex[:12]}"
    alias = f"localhost/{path.name}"
    with contextlib.ExitStack() as until_the_end:
        with _turn(folder):
            clean(buildah, folder)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            until_the_end.callback(os.close, handle)
            fcntl.flock(handle, fcntl.LOCK_EX)
            named = bool(_names(buildah, image))
            note = _Note(image="" if named else image, before=[found.id for found in _containers(buildah)])
            os.write(handle, msgspec.json.encode(note))
            named = named and buildah("tag", image, alias).ok
        try:
            yield alias if named else image
        finally:
            with _turn(folder):
                _tidy(buildah, path, note)
                clean(buildah, folder)  # what was still in use at the beginning


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """One run after the other: two that give names to the same image at once lose one of them."""
    handle = os.open(folder / "turn", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def clean(buildah: Buildah, folder: Path) -> None:
    """Remove what runs left whose note nobody holds any more."""
    for path in sorted(folder.glob(f"{_PREFIX}*")):
        with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with contextlib.suppress(msgspec.DecodeError):  # killed before it was written: nothing was built
                _tidy(buildah, path, decode(file.read(), _Note))
                continue
            path.unlink(missing_ok=True)


def _tidy(buildah: Buildah, path: Path, note: _Note) -> None:
    """Remove a run's containers and its name.

    The note goes too, unless some cannot be told from another run's, or are in use: programs in the container of a
    killed buildah may outlive it for a while. Then the next run tries again.
    """
    alias = f"localhost/{path.name}"
    there = [found for found in _containers(buildah) if found.id not in note.before]
    own = [f for f in there if f.imagename.startswith(alias) or f.containername.startswith(path.name)]
    doubtful = [found for found in there if found not in own and found.imagename in {"", note.image}]
    # After the list: who begins now has nothing in it.
    alone = not any(_held(other) for other in path.parent.glob(f"{_PREFIX}*") if other != path) and not _building()
    removed = [buildah("rm", found.id).ok for found in [*own, *(doubtful if alone else [])]]
    _unname(buildah, alias)
    if all(removed) and (alone or not doubtful):
        path.unlink(missing_ok=True)


def _building() -> bool:
    """Whether buildah or podman is at work for anybody: this run's own has ended when its leftovers are looked at."""
    for name in _PROCESSES.glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):  # it ended just now
            if name.read_text(encoding="utf-8", errors="replace").strip() in _BUILDERS:
                return True
    return False


def _held(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _unname(buildah: Buildah, alias: str) -> None:
    """Take a name away; the last name of an image stays, for rmi would remove the image with it."""
    if len(_names(buildah, alias)) > 1:
        buildah("rmi", alias)


def _names(buildah: Buildah, image: str) -> list[str]:
    """The names of an image that is known by one of them, by its id or by its digest."""
    for found in decode(_told(buildah("images", "--json")), list[_Image]):
        names = found.names or []
        by_digest = bool(found.digest) and image.endswith(f"@{found.digest}")
        if by_digest or image.removeprefix("sha256:").startswith(found.id) or {image, f"{image}:latest"} & set(names):
            return names
    return []


def _containers(buildah: Buildah) -> list[_Container]:
    return decode(_told(buildah("containers", "--json")), list[_Container])


def _told(ended: Ended) -> str:
    return ended.stdout if ended.ok and ended.stdout.strip() not in {"", "null"} else "[]"


def _folder() -> Path:
    """Where notes lie: one place for all who share a user's images, whatever home they have.

    Raises BuildError where somebody else made it.
    """
    folder = _PLACE / f"envsetup-buildah-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise BuildError(f"{folder}: it belongs to somebody else; please remove it")
    return folder
