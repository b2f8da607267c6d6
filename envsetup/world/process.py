"""Commands with deadlines: the one place that starts a process for probes."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from typing import TYPE_CHECKING, BinaryIO

from envsetup.world.base import Completed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OUTPUT_LIMIT = 4 << 20  # bytes kept of each stream
REAP_GRACE = 0.5  # seconds that a killed process gets before it is called stuck


# Commands under way: threads wait for them, and when the main thread ends early (Ctrl-C) nobody else would end them.
_running: set[subprocess.Popen[bytes]] = set()
_starting = threading.Lock()  # from the start of a process until it is known as running


@atexit.register
def _end_running() -> None:
    _starting.acquire(timeout=1.0)  # and never released: what is just starting is waited for, and nothing starts after
    for process in list(_running):
        _kill(process)


def run_with_deadline(
    argv: Sequence[str], *, timeout: float, env: Mapping[str, str] | None = None, without: Sequence[str] = ()
) -> Completed:
    """Run a command in its own process group; kill the group when `timeout` seconds have passed.

    `env` holds variables added to this process's own, `without` names those that are left out.
    Output goes to files and not to pipes: a grandchild that keeps a pipe open cannot hold us.
    A process that outlives SIGKILL (a driver in uninterruptible sleep) is left behind and reported as stuck.
    """
    started = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            with _starting:
                process = subprocess.Popen(  # noqa: S603 - argv lists only, never a shell
                    list(argv),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                    env={**{k: v for k, v in os.environ.items() if k not in without}, **(env or {})},
                )
                _running.add(process)
        except OSError as error:
            return Completed(argv=list(argv), returncode=None, stderr=str(error), missing=True)
        timed_out = stuck = False
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
            stuck = not _kill(process)
        except BaseException:
            _kill(process)
            raise
        finally:
            _running.discard(process)
        return Completed(
            argv=list(argv),
            returncode=None if timed_out else process.returncode,
            stdout=_text(out),
            stderr=_text(err),
            timed_out=timed_out,
            stuck=stuck,
            ms=int((time.monotonic() - started) * 1000),
        )


def _kill(process: subprocess.Popen[bytes]) -> bool:
    """Kill the whole group; whether it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    try:
        process.wait(REAP_GRACE)
    except subprocess.TimeoutExpired:
        # Its destructor must not warn about a child that nobody can reap.
        process.returncode = -signal.SIGKILL
        return False
    return True


def _text(file: BinaryIO) -> str:
    file.seek(0)
    return file.read(OUTPUT_LIMIT).decode("utf-8", "replace")
