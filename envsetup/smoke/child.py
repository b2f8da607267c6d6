"""A child that works in the target interpreter, followed through its journal, killed when its deadline has passed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

POLL = 0.02  # seconds between looks at the journal
REAP = 2.0  # seconds that a killed child gets, and that its own children get to follow it
TAIL = 2000  # characters kept of its stderr


class Deadline:
    """A point in time that moves when a new stretch of work begins."""

    def __init__(self, seconds: float) -> None:
        self.within(seconds)

    def within(self, seconds: float) -> None:
        """Count anew from now."""
        self._ends = time.monotonic() + seconds

    @property
    def passed(self) -> bool:
        return time.monotonic() > self._ends


class Child:
    """Runs `argv` in its own session with `folder` as working folder.

    Its streams go to files there: a pipe that a grandchild keeps open could hold us for ever.
    """

    def __init__(self, argv: list[str], folder: Path, journal: Path, env: Mapping[str, str]) -> None:
        self._journal, self._stderr = journal, folder / "stderr"
        self._read = journal.stat().st_size
        self._stuck = False
        self.timed_out = False
        with self._stderr.open("wb") as err, (folder / "stdout").open("wb") as out:
            self._process = subprocess.Popen(  # noqa: S603 - an argv list, never a shell
                argv,
                cwd=folder,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def events(self, deadline: Deadline) -> Iterator[dict[str, Any]]:
        """Events as they come, until the child has ended or the deadline, which the consumer moves, has passed."""
        while True:
            over = self._process.poll() is not None
            yield from self._new_events()
            if over:
                return
            if deadline.passed:
                self.timed_out = True
                return
            time.sleep(POLL)

    def _new_events(self) -> list[dict[str, Any]]:
        with self._journal.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        return [json.loads(line) for line in whole.splitlines()]

    def end(self) -> str:
        """Make sure it is gone, and say how it ended."""
        if self._process.poll() is None:
            self.kill()
            return "it outlived SIGKILL" if self._stuck else "it was killed"
        code = self._process.returncode
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"it died of {signal.Signals(-code).name}"
        return f"it ended with {code}"

    def kill(self) -> None:
        """Kill the child and whatever it started."""
        self._signal_session()
        try:
            self._process.wait(REAP)
        except subprocess.TimeoutExpired:
            # In uninterruptible sleep. Its destructor must not warn about a child that nobody can reap.
            self._process.returncode = -signal.SIGKILL
            self._stuck = True

    def leftovers(self) -> int:
        """Processes of its session that outlive it by more than a moment; they are killed."""
        patience = Deadline(REAP)
        while (count := self._session()) and not patience.passed:
            time.sleep(POLL)
        if count:
            self._signal_session()
        return count

    def _session(self) -> int:
        import psutil  # 17 ms, only here  # noqa: PLC0415

        count = 0
        for process in psutil.process_iter():
            with contextlib.suppress(OSError, psutil.Error):
                if process.pid != self._process.pid and os.getsid(process.pid) == self._process.pid:
                    count += process.status() != psutil.STATUS_ZOMBIE
        return count

    def _signal_session(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def stderr_tail(self) -> str:
        """The end of what it wrote on stderr."""
        with contextlib.suppress(OSError):
            return self._stderr.read_bytes()[-TAIL:].decode("utf-8", "replace").strip()
        return ""
