"""A folder that is a machine: replayed strictly, so a probe cannot silently grow a new dependency.

Layout: `root/` holds files; `commands.json` a list of `Completed`, argv[0] by base name (a helper is `@NAME`);
`system.json` holds {"system": facts by name, "env": variables, "path": {command: path}, "stats": {path: Stat},
"file_systems": {path: FileSystem}, "links": {path: path}, "denied": [path], "known_absent": [path prefix]}.
A path that is neither in `root/` nor under a `known_absent` prefix raises NotRecordedError.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import msgspec

from envsetup.world.base import Completed, FileSystem, Stat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class NotRecordedError(Exception):
    """The recording does not hold an answer: a bug in the test machine, never an answer in itself."""


class SystemRecord(msgspec.Struct, kw_only=True):
    """What `system.json` holds."""

    system: dict[str, Any] = {}
    env: dict[str, str] = {}
    path: dict[str, str] = {}
    stats: dict[str, Stat] = {}
    file_systems: dict[str, FileSystem] = {}
    links: dict[str, str] = {}
    denied: list[str] = []
    known_absent: list[str] = []


class RecordedWorld:
    """Replays a recorded machine."""

    def __init__(self, folder: Path) -> None:
        self._root = folder / "root"
        self._record = msgspec.json.decode((folder / "system.json").read_bytes(), type=SystemRecord)
        commands = folder / "commands.json"
        answers = msgspec.json.decode(commands.read_bytes(), type=list[Completed]) if commands.exists() else []
        self._commands = {tuple(answer.argv): answer for answer in answers}

    def _file(self, path: str) -> Path:
        path = self._record.links.get(path, path)
        if path in self._record.denied:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        real = self._root / path.lstrip("/")
        if real.exists():
            return real
        if any(path == prefix or path.startswith(prefix.rstrip("/") + "/") for prefix in self._record.known_absent):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        raise NotRecordedError(path)

    def read_text(self, path: str, *, limit: int = 1 << 20) -> str:
        return self.read_bytes(path, limit=limit).decode("utf-8", "replace")

    def read_bytes(self, path: str, *, offset: int = 0, limit: int = 1 << 20) -> bytes:
        return self._file(path).read_bytes()[offset : offset + limit]

    def list_dir(self, path: str) -> list[str]:
        return sorted(entry.name for entry in self._file(path).iterdir())

    def stat(self, path: str) -> Stat:
        if path in self._record.stats:
            return self._record.stats[path]
        real = self._file(path)
        kind = "dir" if real.is_dir() else "file"
        return Stat(kind=kind, mode=0o755 if kind == "dir" else 0o644, uid=0, gid=0, size=real.stat().st_size)

    def exists(self, path: str) -> bool:
        try:
            self.stat(path)
        except OSError:
            return False
        return True

    def real_path(self, path: str) -> str:
        return self._record.links.get(path, path)

    def which(self, name: str) -> str | None:
        return self._record.path.get(name)

    def run(self, argv: Sequence[str], *, timeout: float, env: Mapping[str, str] | None = None) -> Completed:
        del timeout, env
        return self._answer([os.path.basename(argv[0]), *argv[1:]])  # noqa: PTH119

    def helper(self, name: str, args: Sequence[str] = (), *, timeout: float) -> Completed:
        del timeout
        return self._answer([f"@{name}", *args])

    def _answer(self, argv: list[str]) -> Completed:
        try:
            return self._commands[tuple(argv)]
        except KeyError:
            raise NotRecordedError(" ".join(argv)) from None

    def environ(self) -> Mapping[str, str]:
        return self._record.env

    def file_system(self, path: str) -> FileSystem:
        try:
            return self._record.file_systems[path]
        except KeyError:
            raise NotRecordedError(path) from None

    def system(self, fact: str) -> object:
        try:
            return self._record.system[fact]
        except KeyError:
            raise NotRecordedError(fact) from None
