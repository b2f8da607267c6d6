"""Runs in the environment under test, once on every host: join, add up, then time every pair of hosts in turn.

One JSON line an event on stdout, so that whoever waits knows how far it came when it hangs. Ranks and the meeting place
are given: torchrun's rendezvous is not used, because it trusts the host name, which Debian maps to 127.0.1.1.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import time
from typing import Any

import torch
import torch.distributed as dist

WORDS = 1 << 20  # of the message between a pair: 4 MiB
REPEATS = 6  # the best counts: the first pays for the connection, any for what else the hosts do


def say(event: str, **more: Any) -> None:  # noqa: ANN401 - JSON values
    """One event."""
    print(json.dumps({"event": event, **more}), flush=True)  # noqa: T201 - the way out


def rounds(size: int) -> list[list[tuple[int, int]]]:
    """Every pair of ranks once, in rounds in which no rank plays twice (the circle method of tournaments)."""
    players = [*range(size), *([-1] if size % 2 else [])]
    games = []
    for _ in range(len(players) - 1):
        half = len(players) // 2
        pairs = zip(players[:half], reversed(players[half:]), strict=True)
        games.append([(min(pair), max(pair)) for pair in pairs if -1 not in pair])
        players.insert(1, players.pop())
    return games


def main() -> None:
    """Take part."""
    names = json.loads(os.environ["ENVSETUP_PEERS"])
    wait = dt.timedelta(seconds=float(os.environ["ENVSETUP_JOIN"]))
    dist.init_process_group("gloo", timeout=wait)
    rank, size = dist.get_rank(), dist.get_world_size()
    say("joined")
    numbers = torch.full((WORDS,), float(rank + 1))
    dist.all_reduce(numbers)
    say("reduced", right=bool((numbers == size * (size + 1) / 2).all()))
    message = torch.ones(WORDS)
    for games in rounds(size):
        dist.barrier()
        mine = next((game for game in games if rank in game), None)
        if mine is None:
            continue
        first, second = mine
        say("pair", peer=names[second if rank == first else first])
        best = float("inf")
        for _ in range(REPEATS):
            started = time.perf_counter()
            if rank == first:
                dist.send(message, second)
                dist.recv(message, second)
            else:
                dist.recv(message, first)
                dist.send(message, first)
            best = min(best, (time.perf_counter() - started) / 2)
        say("paired", peer=names[second if rank == first else first], rate=message.numel() * 4 / best / 1e6)
    dist.barrier()
    say("done")
    dist.destroy_process_group()


if __name__ == "__main__":
    try:
        main()
    except Exception as error:  # noqa: BLE001 - the host's reason, whatever it is
        say("failed", error=f"{type(error).__name__}: {error}"[:500])
        os._exit(1)  # a group that is half there would wait in its destructor
