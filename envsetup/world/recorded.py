"""A folder that is a machine: replayed strictly, so a probe cannot silently grow a new dependency.

The folder holds one file, `machine.json`; its shape is `Recording`. `bases` names files of the same shape,
relative to it: what they hold comes first and is overridden entry by entry, so a test machine states only what is
special about it; a null takes an entry of a base away. A path that is neither held nor below a path in `absent`,
a command, a helper or a fact that is not held raises NotRecordedError.
"""

from __future__ import annotations

import base64
import errno
import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Optional, Union

import msgspec

from envsetup.model.codec import decode
from envsetup.world import loader_cache
from envsetup.world.base import Completed, FileSystem, NotRecordedError, Stat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MACHINE_FILE = "machine.json"

__all__ = ["MACHINE_FILE", "Answer", "Content", "NotRecordedError", "RecordedWorld", "Recording"]


class Content(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Bytes of a file that are not text, or are kept in a readable form: a loader cache as soname to path."""

    base64: str = ""
    loader_cache: dict[str, str] = {}

    @classmethod
    def of(cls, data: bytes) -> Content:
        """Bytes as they are."""
        return cls(base64=base64.b64encode(data).decode())

    def data(self) -> bytes:
        """The file's bytes."""
        if self.loader_cache:
            return loader_cache.encode(list(self.loader_cache.items()))
        return base64.b64decode(self.base64)


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a command ended; `json` is its standard output where that is JSON. `seconds` is what it took."""

    returncode: Optional[int] = 0
    stdout: str = ""
    json: Any = None
    stderr: str = ""
    timed_out: bool = False
    missing: bool = False
    stuck: bool = False
    seconds: float = 0.0

    def completed(self, argv: list[str]) -> Completed:
        """The answer as a world gives it."""
        return Completed(
            argv=argv,
            returncode=None if self.timed_out or self.missing else self.returncode,
            stdout=self.stdout if self.json is None else msgspec.json.encode(self.json).decode(),
            stderr=self.stderr,
            timed_out=self.timed_out,
            missing=self.missing,
            stuck=self.stuck,
            ms=int(self.seconds * 1000),
        )


class Recording(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What `machine.json` holds. Paths are absolute; a command is its argv joined by spaces, a helper `@NAME`."""

    about: str = ""
    bases: list[str] = []
    system: dict[str, Any] = {}
    env: dict[str, Optional[str]] = {}
    which: dict[str, Optional[str]] = {}
    files: dict[str, Union[str, Content, None]] = {}
    folders: dict[str, Optional[list[str]]] = {}  # listings that do not follow from the files
    nodes: dict[str, Optional[Stat]] = {}
    links: dict[str, Optional[str]] = {}  # path to the path that it resolves to
    file_systems: dict[str, Optional[FileSystem]] = {}
    commands: dict[str, Optional[Answer]] = {}
    denied: list[str] = []  # there, and not readable by this user
    absent: list[str] = []  # nothing is there, nor below


def load(path: Path) -> Recording:
    """A recording with its bases laid under it."""
    own = decode(path.read_bytes(), Recording)
    merged = Recording(about=own.about)
    for layer in [*(load(path.parent / base) for base in own.bases), own]:
        for name in ("system", "env", "which", "files", "folders", "nodes", "links", "file_systems", "commands"):
            getattr(merged, name).update(getattr(layer, name))
        merged.denied = [*merged.denied, *layer.denied]
        merged.absent = [*merged.absent, *layer.absent]
    return merged


class RecordedWorld:
    """Replays a recorded machine."""

    def __init__(self, folder: Path) -> None:
        self._record = record = load(folder / MACHINE_FILE)
        self._files = {path: content for path, content in record.files.items() if content is not None}
        self._nodes = {path: stat for path, stat in record.nodes.items() if stat is not None}
        self._links = {path: target for path, target in record.links.items() if target is not None}
        self._listings = {path: set(names) for path, names in record.folders.items() if names is not None}
        for path in (*self._files, *self._nodes, *self._links, *record.denied):
            self._list(path)

    def _list(self, path: str) -> None:
        """Enter a path into the listings of the folders above it."""
        for parent in PurePosixPath(path).parents:
            self._listings.setdefault(str(parent), set()).add(PurePosixPath(path).relative_to(parent).parts[0])

    def _missing(self, path: str) -> OSError | NotRecordedError:
        """Why this path gives nothing."""
        for name in (path, self._resolve(path)):
            if name in self._record.denied:
                return PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
            if any(name == prefix or name.startswith(prefix.rstrip("/") + "/") for prefix in self._record.absent):
                return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return NotRecordedError(path)

    def _resolve(self, path: str) -> str:
        """The path with the recorded links followed: its own, else that of the nearest folder above it."""
        path = PurePosixPath(path).as_posix()
        for _ in range(8):
            above = next(
                (str(p) for p in (PurePosixPath(path), *PurePosixPath(path).parents) if str(p) in self._links), ""
            )
            if not above:
                break
            path = self._links[above] + path[len(above) :]
        return path

    def read_text(self, path: str, *, limit: int = 1 << 20) -> str:
        return self.read_bytes(path, limit=limit).decode("utf-8", "replace")

    def read_bytes(self, path: str, *, offset: int = 0, limit: int = 1 << 20) -> bytes:
        content = self._files.get(path, self._files.get(self._resolve(path)))
        if content is None:
            raise self._is_a_folder(path) or self._missing(path)
        data = content.encode() if isinstance(content, str) else content.data()
        return data[offset : offset + limit]

    def _is_a_folder(self, path: str) -> OSError | None:
        known = self._resolve(path) in self._listings
        return IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path) if known else None

    def list_dir(self, path: str) -> list[str]:
        real = self._resolve(path)
        if real in self._files:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        if path in self._record.denied or not (path in self._listings or real in self._listings):
            raise self._missing(path)
        return sorted(self._listings.get(path, set()) | self._listings.get(real, set()))

    def stat(self, path: str) -> Stat:
        for name in (path, self._resolve(path)):
            if name in self._nodes:
                return self._nodes[name]
            if name in self._files:
                program = "/bin/" in name  # what stands in a bin folder can be run, unless `nodes` says otherwise
                mode = 0o755 if program else 0o644
                return Stat(kind="file", mode=mode, uid=0, gid=0, size=len(self.read_bytes(name)), executable=program)
            if name in self._record.denied:
                return Stat(kind="file", mode=0o600, uid=0, gid=0, readable=False)
            if name in self._listings:
                return Stat(kind="dir", mode=0o755, uid=0, gid=0, writable=True)
        raise self._missing(path)

    def exists(self, path: str) -> bool:
        try:
            self.stat(path)
        except OSError:
            return False
        return True

    def real_path(self, path: str) -> str:
        return self._resolve(path)

    def which(self, name: str) -> str | None:
        try:
            return self._record.which[name]
        except KeyError:
            raise NotRecordedError(f"which {name}") from None

    def run(self, argv: Sequence[str], *, timeout: float, env: Mapping[str, str] | None = None) -> Completed:
        del timeout, env
        return self._answer([PurePosixPath(argv[0]).name, *argv[1:]])

    def helper(
        self,
        name: str,
        args: Sequence[str] = (),
        *,
        timeout: float,
        python: str | None = None,
        without: Sequence[str] = (),
    ) -> Completed:
        del timeout, python  # a recorded machine has one environment
        return self._answer([f"@{name}", *args, *(f"-{variable}" for variable in without)])

    def _answer(self, argv: list[str]) -> Completed:
        answer = self._record.commands.get(" ".join(argv))
        if answer is None:
            raise NotRecordedError(" ".join(argv))
        return answer.completed(argv)

    def environ(self) -> Mapping[str, str]:
        return {name: value for name, value in self._record.env.items() if value is not None}

    def file_system(self, path: str) -> FileSystem:
        for start in (path, self._resolve(path)):
            for parent in (start, *map(str, PurePosixPath(start).parents)):
                found = self._record.file_systems.get(parent)
                if found is not None:
                    return found
        raise self._missing(path)

    def system(self, fact: str) -> object:
        try:
            value = self._record.system[fact]
        except KeyError:
            raise NotRecordedError(fact) from None
        if isinstance(value, dict) and set(value) == {"error"}:
            raise PermissionError(errno.EPERM, str(value["error"]))
        return value
