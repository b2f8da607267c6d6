"""Check `ranks`: several processes add up, exchange and train as one would; who lies, lags or is missing is named.

Alone it starts the ranks itself, one per device and at least two; started by torchrun, srun or an Indexed Job it is
one of them. Gloo on the CPU where there are not two devices: that shows the software, not the wires between devices.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.distributed as dist

from ..ending import end
from ..journal import Journal
from . import rank as one

if TYPE_CHECKING:
    from ..context import Context

AT_MOST = 8
START = "import sys; sys.path.insert(0, sys.argv[1]); from {}.pytorch.ranks import main; main()"
PACKAGE = __name__.split(".", maxsplit=1)[0]
GRACE = 5.0  # seconds that the others get to say something when one has ended
IMPORT = 60.0  # seconds that importing the framework may take in every rank at once


class Said(NamedTuple):
    """How far a rank came: how many things it began, the last of them, and what it found at the end."""

    begun: int
    what: str
    found: Any


def run(context: Context) -> dict[str, Any]:
    if not dist.is_available():
        return {"skip": "this build of PyTorch has no torch.distributed"}
    place = context.place
    if place:
        return _numbers([_joined(context, place)], place["world"])
    lacking = _no_loopback()
    if lacking:
        return {"skip": lacking}
    several = context.device.kind in ("cuda", "rocm") and context.device.count() > 1 and dist.is_nccl_available()
    world = min(context.device.count(), AT_MOST) if several else 2
    return _numbers(_started(context, world, "cuda" if several else "cpu"), world)


def _joined(context: Context, place: dict[str, Any]) -> dict[str, Any]:
    """What this process found as a rank itself."""
    os.environ.update(MASTER_ADDR=place["master"], MASTER_PORT=str(place["port"]))
    device = "cpu"
    if context.device.kind in ("cuda", "rocm"):
        device = f"cuda:{place['local'] % context.device.count()}"
    me = f"rank {place['rank']} of {place['world']}"
    return one.work(place, device, lambda what: context.journal.doing(f"{me}: {what}"), deadline_s=context.patience_s)


def _started(context: Context, world: int, kind: str) -> list[dict[str, Any]]:
    """What each of `world` new processes found. Raises RuntimeError naming the rank that held the others up."""
    journals = [Path(context.scratch) / f"rank-{number}" for number in range(world)]
    context.journal.doing(f"starting {world} ranks")
    port = _free_port()
    places = [{"rank": number, "world": world, "port": port} for number in range(world)]
    processes = [_start(place, kind, context.patience_s, path) for place, path in zip(places, journals)]
    try:
        codes, said = _followed(context, processes, journals)
    finally:
        for process in processes:
            process.kill()
            process.wait()
        logs = [_text(_log(path)) for path in journals]
        for path in journals:
            for file in (path, _log(path)):
                if file.exists():
                    file.unlink()
    if any(item.found is None for item in said):
        raise RuntimeError(blame(codes, said, logs, context.patience_s))
    return [item.found for item in said]


def _no_loopback() -> str | None:
    """Why processes of this host cannot meet, None when they can: a network namespace may have its loopback down."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), timeout=5).close()
    except OSError as error:
        return f"processes cannot meet on 127.0.0.1: {error.strerror or error}"
    return None


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _start(place: dict[str, Any], kind: str, patience: float, journal: Path) -> subprocess.Popen[bytes]:
    settings = {
        "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // place["world"])),
        **os.environ,
    }
    settings.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(place["port"]), WORLD_SIZE=str(place["world"]))
    settings.update(RANK=str(place["rank"]), LOCAL_RANK=str(place["rank"]))
    if kind == "cpu":
        settings.update(CUDA_VISIBLE_DEVICES="", GLOO_SOCKET_IFNAME="lo")
    folder = str(Path(__file__).resolve().parents[2])
    argv = [sys.executable, "-c", START.format(PACKAGE), folder, str(journal), kind, str(patience)]
    with _log(journal).open("wb") as log:
        return subprocess.Popen(  # noqa: S603 - an argv list, never a shell
            argv, env=settings, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )


def _log(journal: Path) -> Path:
    return journal.with_suffix(".log")


def _followed(
    context: Context, processes: list[subprocess.Popen[bytes]], journals: list[Path]
) -> tuple[list[int | None], list[Said]]:
    """How each rank ended (None: it did not) and what it said, when all have ended or patience is over."""
    ends, told = time.monotonic() + context.patience_s + IMPORT, ""
    while True:
        codes = [process.poll() for process in processes]
        said = [_said(path) for path in journals]
        words = "; ".join(f"rank {number}: {item.what}" for number, item in enumerate(said))
        if words != told:
            context.journal.doing(f"waiting for the ranks ({words})")
            told = words
        if any(codes) and time.monotonic() < ends:
            ends = min(ends, time.monotonic() + GRACE)
        if all(code is not None for code in codes) or time.monotonic() >= ends:
            return codes, said
        time.sleep(0.1)


def _said(path: Path) -> Said:
    events = [json.loads(line) for line in _text(path).splitlines() if line.endswith("}")]
    doing = [event["what"] for event in events if event["event"] == "doing"]
    found = next((event["found"] for event in events if event["event"] == "found"), None)
    return Said(len(doing), doing[-1] if doing else "importing the framework", found)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def blame(codes: list[int | None], said: list[Said], logs: list[str], patience: float) -> str:
    """Which rank held the others up: who died by itself, else who came least far, and of those who still runs.

    A rank that waited in vain ends with an error of Python, code 1.
    """
    silent = [number for number, item in enumerate(said) if item.found is None]
    died = [number for number in silent if codes[number] not in (None, 0, 1)]
    least = min(said[number].begun for number in silent)
    behind = [number for number in silent if said[number].begun == least]
    guilty = died[0] if died else min(behind, key=lambda number: (codes[number] is not None, number))
    code = codes[guilty]
    ended = f"gave no answer within {patience:g} s" if code is None else f"ended with {_how(code)}"
    last = next((line for line in reversed(logs[guilty].splitlines()) if "Error" in line), "") if code == 1 else ""
    others = "; ".join(
        f"rank {number} waited while {item.what}" for number, item in enumerate(said) if number != guilty
    )
    return f"rank {guilty} {ended} while {said[guilty].what}{f' ({last})' if last else ''}; {others}"


def _how(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else str(code)


def _numbers(found: list[dict[str, Any]], world: int) -> dict[str, Any]:
    """One set of numbers from what the ranks found: a fault that any rank saw is a fault."""
    liars = sorted({number for item in found for number in item["liars"]})
    pairs = sorted({tuple(sorted(pair)) for item in found for pair in item["pairs_wrong"]})
    drifted = sorted({number for item in found for number in item["drifted"]})
    work = found[0]["work_s"]
    slowest = max(range(world), key=lambda number: work[number])
    named = {
        "liars": ", ".join(f"rank {number}" for number in liars),
        "pairs_wrong": ", ".join(f"ranks {one} and {two}" for one, two in pairs),
        "ranks_drifted": ", ".join(f"rank {number}" for number in drifted),
        "slowest_over_fastest": f"rank {slowest}",
    }
    return {
        "metrics": {
            "ranks": world,
            "liars": len(liars),
            "sums_wrong": max(item["sum_wrong"] for item in found),
            "pairs_wrong": len(pairs),
            "ranks_drifted": len(drifted),
            "ddp_deviation": max(item["ddp_deviation"] for item in found),
            "slowest_over_fastest": work[slowest] / min(work),
            "busbw_gbps": min(item["busbw_gbps"] for item in found),
        },
        "evidence": {"backend": found[0]["backend"], "named": named, "work_s": work},
    }


def main() -> None:
    """A rank that `run` started: arguments are the folder, the journal, cpu or cuda, and the patience in seconds."""
    journal = Journal(sys.argv[2])
    device = "cpu" if sys.argv[3] == "cpu" else f"cuda:{os.environ['LOCAL_RANK']}"
    place = {"rank": int(os.environ["RANK"]), "world": int(os.environ["WORLD_SIZE"])}
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    journal.emit("found", found=one.work(place, device, journal.doing, deadline_s=float(sys.argv[4])))
    end()
