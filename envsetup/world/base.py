"""What may be asked of a machine. Every answer may fail; every command has a deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class NotRecordedError(Exception):
    """A recording does not hold an answer: a bug in the test machine, never an answer in itself."""


class Completed(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended. returncode is negative for a signal, None when it never started or ran out of time."""

    argv: list[str]
    returncode: int | None
    stdout: str = ""
    stderr: str = ""
    timed_out: bool = False
    missing: bool = False
    stuck: bool = False  # it outlived SIGKILL: a process in uninterruptible sleep
    ms: int = 0

    @property
    def ok(self) -> bool:
        """Whether it ended by itself with 0."""
        return self.returncode == 0


class Stat(msgspec.Struct, frozen=True, kw_only=True):
    """The part of stat(2) that probes need. `kind`: file, dir, char, block, other."""

    kind: str
    mode: int
    uid: int
    gid: int
    size: int = 0
    readable: bool = True  # for this user, by access(2)
    writable: bool = False
    executable: bool = False


class FileSystem(msgspec.Struct, frozen=True, kw_only=True):
    """statvfs(2) in bytes and inodes, with the kind from the mount table."""

    total: int
    free: int
    inodes_total: int
    inodes_free: int
    read_only: bool
    noexec: bool


class World(Protocol):
    """A machine to ask. Paths are absolute POSIX paths unless said otherwise.

    Reading raises OSError as the machine does; `run` never raises for what the command does.
    """

    def read_text(self, path: str, *, limit: int = 1 << 20) -> str:
        """A file's text (UTF-8, undecodable bytes replaced), at most `limit` bytes."""
        ...

    def read_bytes(self, path: str, *, offset: int = 0, limit: int = 1 << 20) -> bytes:
        """At most `limit` bytes of a file from `offset`."""
        ...

    def list_dir(self, path: str) -> list[str]:
        """Sorted names in a folder."""
        ...

    def stat(self, path: str) -> Stat:
        """Type, mode, owner, and what this user may do; follows links."""
        ...

    def exists(self, path: str) -> bool:
        """Whether the path is there; False also when it cannot be reached."""
        ...

    def real_path(self, path: str) -> str:
        """The path with every link resolved."""
        ...

    def which(self, name: str) -> str | None:
        """The executable on this machine's PATH."""
        ...

    def run(self, argv: Sequence[str], *, timeout: float, env: Mapping[str, str] | None = None) -> Completed:
        """Run a command with a deadline; its whole process group is killed when that has passed.

        `env` holds variables added to the machine's own.
        """
        ...

    def helper(
        self,
        name: str,
        args: Sequence[str] = (),
        *,
        timeout: float,
        python: str | None = None,
        without: Sequence[str] = (),
    ) -> Completed:
        """Run one of envsetup's own child programs (`envsetup/probe/children/NAME.py`) with a deadline.

        For libraries that may hang or crash the process that loads them, such as NVML. `python` is another
        interpreter to run it, then with the user's Python settings; `without` are variables that it is spared.
        """
        ...

    def environ(self) -> Mapping[str, str]:
        """The environment variables."""
        ...

    def file_system(self, path: str) -> FileSystem:
        """Space, inodes and flags of the file system under a path that exists."""
        ...

    def system(self, fact: str) -> object:
        """A fact that only a call can give, by name: see `world.live.SYSTEM_FACTS`."""
        ...
