"""Slurm as the engine: nodes and their states from sinfo, one srun per node, so that a dead node fails alone.

The bundle travels through srun's standard input, so it need not lie on a shared file system, and nothing stays.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING

from envsetup.fleet.cleaning import clean
from envsetup.fleet.interrupt import interruptible
from envsetup.fleet.reading import DOCUMENT_LIMIT, attributed, bad, silent
from envsetup.model.errors import InputError
from envsetup.model.hostrange import natural
from envsetup.world.process import run_with_deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envsetup.fleet.engine import Deliver, Job
    from envsetup.fleet.reading import Answer

SINFO_TIMEOUT = 30.0  # seconds; slurmctld of a big cluster is slow when it is busy
WAIT_FOR_NODE = 10  # seconds for the node to be free
MARGIN = 15  # seconds for starting and ending the step
TICK = 0.1
# On the node: standard input to a private file, run it, remove it.
REMOTE = 'f=$(mktemp "${TMPDIR:-/tmp}/envsetup.XXXXXX") && trap \'rm -f "$f"\' EXIT && cat >"$f" && sh "$f" "$@"'
# States in which Slurm starts nothing, and the outcome.
GONE = ("down", "fail", "unk", "powered_down", "powering_down", "reboot")
CLOSED = ("drain", "maint", "reserved", "planned", "blocked", "future")
# What srun says when no report came; the first that fits counts.
BUSY = ("are busy", "Unable to allocate", "currently not available", "Immediate execution impossible")
LOST = ("Communication connection failure", "Unable to contact", "Node failure", "Unable to confirm", "not responding")


class Slurm:
    """The nodes of a partition (of all without one); `limit` is a range of nodes such as n[1-3]."""

    def __init__(self, partition: str | None = None, limit: str | None = None) -> None:
        for tool in ("sinfo", "srun"):
            if shutil.which(tool) is None:
                raise InputError(f"--engine slurm: {tool} is not on PATH", hint="run this where jobs are submitted")
        self._where = [f"--partition={partition}"] if partition else []
        self._limit = [f"--nodes={limit}"] if limit else []
        self._states: dict[str, str] = {}
        self._addresses: dict[str, str] = {}

    def address(self, host: str) -> str:
        """NodeAddr."""
        return self._addresses[host]

    def hosts(self) -> list[str]:
        """The nodes as Slurm names them."""
        asked = ["sinfo", "--noheader", "--Node", "--format=%N|%T|%o|%E", *self._where, *self._limit]
        ended = run_with_deadline(asked, timeout=SINFO_TIMEOUT)
        if not ended.ok:
            why = "no answer" if ended.timed_out else clean(ended.stderr, 200)
            raise InputError(f"sinfo cannot list the nodes: {why}")
        for line in ended.stdout.splitlines():
            node, state, address, reason = (part.strip() for part in line.split("|", 3))
            self._addresses[node] = address
            self._states[node] = state if reason in {"none", ""} else f"{state}: {reason}"
        if not self._states:
            raise InputError(f"sinfo lists no node for {' '.join([*self._where, *self._limit]) or 'this cluster'}")
        return sorted(self._states, key=natural)

    def run(self, job: Job, hosts: Sequence[str], deliver: Deliver) -> None:
        """One srun a node, `forks` at once."""
        with interruptible() as came, ThreadPoolExecutor(job.forks) as pool:
            asked = [pool.submit(self._ask, job, host, frozenset(hosts), came.is_set) for host in hosts]
            for future in as_completed(asked):
                if not came.is_set():
                    deliver(future.result())

    def _ask(self, job: Job, host: str, hosts: frozenset[str], stopped: Callable[[], bool]) -> Answer:
        state = self._states[host]
        if state.startswith(GONE) or "*" in state.partition(":")[0]:
            return silent(host, "unreachable", f"Slurm calls it {state}")
        if state.startswith(CLOSED):
            return silent(host, "not-run", f"Slurm starts nothing on it: {state}")
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, Path(job.bundle).open("rb") as bundle:
            process = subprocess.Popen(self._srun(job, host), stdin=bundle, stdout=out, stderr=err)  # noqa: S603
            deadline = time.monotonic() + WAIT_FOR_NODE + job.host_timeout + MARGIN
            while process.poll() is None and time.monotonic() < deadline and not stopped():
                time.sleep(TICK)
            late = process.poll() is None
            if late:
                process.terminate()  # srun ends its job
                _reap(process)
            out.seek(0)
            err.seek(0)
            data, said = out.read(DOCUMENT_LIMIT + 1), err.read(DOCUMENT_LIMIT).decode("utf-8", "replace")
        if data.strip():
            return attributed(data, host, hosts)
        return silent(host, "timeout", "no answer in time; its job was cancelled") if late else _refusal(host, said)

    def _srun(self, job: Job, host: str) -> list[str]:
        minutes = -(-(job.host_timeout + MARGIN) // 60)
        where = [*self._where, f"--nodelist={host}", "--nodes=1", "--ntasks=1", f"--immediate={WAIT_FOR_NODE}"]
        how = ["--job-name=envsetup", f"--time={minutes}", "--quiet", "--unbuffered"]
        limit = f"--export=ALL,ENVSETUP_AGENT_TIMEOUT={job.host_timeout}"
        return ["srun", *where, *how, limit, "sh", "-c", REMOTE, "sh", *job.arguments, "--host", host]


def _refusal(host: str, said: str) -> Answer:
    """What srun's own words mean."""
    text = clean(said, 200)
    if any(sign in said for sign in LOST):
        return silent(host, "unreachable", "its slurmd does not answer")
    if any(sign in said for sign in BUSY):
        return silent(host, "not-run", f"no free slot within {WAIT_FOR_NODE} s")
    return bad(host, f"no output; srun says: {text}" if text else "no output")


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(MARGIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
