"""Wheels that lie in folders of this machine, which the build of an image cannot see: they go into its context."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Optional
from urllib.parse import unquote, urlsplit

import msgspec

from envsetup.model.errors import BuildError
from envsetup.model.lock import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envsetup.build.interpreters import Interpreter
    from envsetup.build.sources import Sources
    from envsetup.build.uv import Uv
    from envsetup.model.lock import Lock

DEADLINE = 300.0  # seconds


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where one file of a package lies: in a folder of this machine (`path`), or at `url`, which may hold a secret."""

    name: str
    sha256: str
    path: Optional[Path] = None
    url: Optional[str] = None
    size: Optional[int] = None  # bytes


def local_wheels(
    lock: Lock, sources: Sources, interpreter: Interpreter, uv: Uv, tick: Callable[[], None]
) -> list[Path]:
    """The files of the lock that uv would take from a folder, sorted; empty where no source is one."""
    if not any(source.local for source in sources.all):
        return []
    allowed = {digest for package in lock.packages for digest in package.hashes}
    found = (place for each in places(lock, interpreter, uv, tick).values() for place in each)
    return sorted({place.path for place in found if place.path and f"sha256:{place.sha256}" in allowed})


def places(lock: Lock, interpreter: Interpreter, uv: Uv, tick: Callable[[], None]) -> dict[str, list[Place]]:
    """By package (normalised name), the files that uv could take for the interpreter, as its sources list them.

    Raises BuildError when a package is not there.
    """
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415 - only where files are looked for
    else:
        import tomli as tomllib  # noqa: PLC0415

    pins = "".join(f"{package.name}==={package.version}\n" for package in lock.packages)
    args = ("pip", "compile", "-", "--format", "pylock.toml", "--no-deps", "--no-header", "--quiet", "--no-annotate")
    ended = uv.without("UV_CONSTRAINT").run(*args, *interpreter.for_uv(), timeout=DEADLINE, stdin=pins, tick=tick)
    if not ended.ok:
        raise uv.error("the lock's wheels cannot be found", ended, DEADLINE)
    found = tomllib.loads(ended.stdout).get("packages", [])
    return {normalise(str(entry["name"])): list(_places(entry)) for entry in found}


def _places(entry: dict[str, object]) -> Iterator[Place]:
    for file in [*_listed(entry.get("wheels")), *_listed([entry.get("sdist")])]:
        where = str(file.get("path") or file.get("url") or "")
        hashes = file.get("hashes")
        if not isinstance(hashes, dict) or "sha256" not in hashes:
            continue
        local = where.startswith("file://") or "://" not in where
        path = Path(unquote(urlsplit(where).path) if "://" in where else where) if local else None
        size = file.get("size")
        yield Place(
            name=path.name if path else unquote(urlsplit(where).path).rpartition("/")[2],
            sha256=str(hashes["sha256"]),
            path=path,
            url=None if local else where,
            size=size if isinstance(size, int) else path.stat().st_size if path and path.is_file() else None,
        )


def _listed(value: object) -> Iterator[dict[str, object]]:
    yield from (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def place(files: list[Path], folder: Path, tick: Callable[[], None]) -> None:
    """Put files into a folder: by a second name where that is possible, else as copies."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        tick()
        target = folder / file.name
        try:
            os.link(file, target)
        except OSError:
            try:
                shutil.copyfile(file, target)
            except OSError as error:
                raise BuildError(f"{file.name}: cannot be copied into the build context: {error.strerror}") from error
