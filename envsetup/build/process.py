"""Programs that a build runs: no secret on the command line, a deadline, and no child that outlives us."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, BinaryIO

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

TICK = 0.2  # seconds between two looks at the clock while a program runs
_PR_SET_PDEATHSIG = 1
_ENDING = (signal.SIGINT, signal.SIGTERM)


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a program ended; returncode is negative for a signal, None when its time was up."""

    returncode: int | None
    stdout: str
    stderr: str
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether it ended by itself with 0."""
        return self.returncode == 0


@functools.cache
def _libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _before_exec() -> None:
    """In the child: be killed when envsetup is, so that nobody writes into a stage that has no owner (Linux)."""
    if libc := _libc():
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)


@contextlib.contextmanager
def _unbroken() -> Iterator[None]:
    """Hold back Ctrl-C: struck between fork and the child's object, it would leave a child that nobody knows."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    timeout: float,
    stdin: str = "",
    cwd: Path | str = "/",
    tick: Callable[[], None] | None = None,
) -> Ended:
    """Run a program to its end with exactly `env`; its process group is killed at `timeout` seconds or on Ctrl-C.

    `tick` is called a few times a second while it runs. Raises FileNotFoundError when there is no such program.
    """
    started = time.monotonic()
    with _scratch() as given, _scratch() as out, _scratch() as err:
        given.write(stdin.encode())
        given.seek(0)
        _libc()  # loaded here: the child may only make calls that are safe after a fork
        process: subprocess.Popen[bytes] | None = None
        try:
            with _unbroken():
                process = subprocess.Popen(  # noqa: S603 - argv lists only, never a shell
                    list(argv),
                    stdin=given,
                    stdout=out,
                    stderr=err,
                    cwd=cwd,
                    env=dict(env),
                    start_new_session=True,
                    preexec_fn=_before_exec,  # noqa: PLW1509 - system calls only, no lock is taken
                )
            in_time = _wait(process, started + timeout, tick)
        finally:
            if process is not None and process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
        return Ended(
            returncode=process.returncode if in_time else None,
            stdout=texts[0],
            stderr=texts[1],
            seconds=time.monotonic() - started,
        )


def _scratch() -> BinaryIO:
    """A file without a name: no pipe that could fill up, and in memory where the system has that."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("envsetup"), "w+b")
    import tempfile  # 5 ms that Linux saves  # noqa: PLC0415

    return tempfile.TemporaryFile()


def _wait(process: subprocess.Popen[bytes], deadline: float, tick: Callable[[], None] | None) -> bool:
    """Whether the program ended before the deadline. A pidfd wakes at once, where waiting with a timeout polls."""
    pidfd = os.pidfd_open(process.pid) if hasattr(os, "pidfd_open") else None
    try:
        while process.poll() is None:
            if time.monotonic() > deadline:
                return False
            if tick is not None:
                tick()
            if pidfd is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(TICK)
            else:
                select.select([pidfd], [], [], TICK)
    finally:
        if pidfd is not None:
            os.close(pidfd)
    return True
