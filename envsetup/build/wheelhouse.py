"""Wheels that lie in folders of this machine, which the build of an image cannot see: they go into its context."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from envsetup.model.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envsetup.build.interpreters import Interpreter
    from envsetup.build.sources import Sources
    from envsetup.build.uv import Uv
    from envsetup.model.lock import Lock

DEADLINE = 300.0  # seconds


def local_wheels(
    lock: Lock, sources: Sources, interpreter: Interpreter, uv: Uv, tick: Callable[[], None]
) -> list[Path]:
    """The files of the lock that uv would take from a folder, sorted; empty where no source is one."""
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415 - only where something lies in a folder
    else:
        import tomli as tomllib  # noqa: PLC0415

    if not any(source.local for source in sources.all):
        return []
    pins = "".join(f"{package.name}==={package.version}\n" for package in lock.packages)
    args = ("pip", "compile", "-", "--format", "pylock.toml", "--no-deps", "--no-header", "--quiet", "--no-annotate")
    ended = uv.without("UV_CONSTRAINT").run(*args, *interpreter.for_uv(), timeout=DEADLINE, stdin=pins, tick=tick)
    if not ended.ok:
        raise uv.error("the lock's wheels cannot be found", ended, DEADLINE)
    allowed = {digest for package in lock.packages for digest in package.hashes}
    found = tomllib.loads(ended.stdout).get("packages", [])
    return sorted({path for entry in found for path in _paths(entry, allowed)})


def _paths(entry: dict[str, object], allowed: set[str]) -> Iterator[Path]:
    for file in [*_listed(entry.get("wheels")), *_listed([entry.get("sdist")])]:
        url = str(file.get("path") or file.get("url") or "")
        hashes = file.get("hashes")
        local = url.startswith("file://") or "://" not in url
        if local and isinstance(hashes, dict) and f"sha256:{hashes.get('sha256')}" in allowed:
            yield Path(unquote(urlsplit(url).path) if "://" in url else url)


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
