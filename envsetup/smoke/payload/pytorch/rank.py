"""One rank's part in check `ranks`: join, add up, exchange with every other rank, train together.

Every number that a rank sends is a function of its own rank, so that whoever receives it knows what it should be and
whose it is: a rank that sends something else is named, not only noticed.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812

from .. import data, reference
from .net import Net, with_weights

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = 1 << 12
BATCH, STEPS = 8, 3  # images of each rank in a step
REDUCED = 4 << 20  # float32 numbers in the all-reduce whose speed is measured
EVERY_PAIR = 16  # ranks up to which every pair exchanges; of more, each with those 1, 2, 4, ... further


def pattern(rank: int) -> Any:
    """Words [WORDS] int64 that only this rank sends; small enough for the sum over any number of ranks."""
    words = data.mix(np.arange(WORDS, dtype=np.uint64) + np.uint64((rank + 1) << 32)) >> np.uint64(24)
    return torch.from_numpy(words.astype(np.int64))


def lanes(rank: int, world: int) -> Any:
    """The pattern where the place belongs to this rank, zero elsewhere: a sum keeps every rank's part apart."""
    mine = torch.arange(WORDS) % world == rank
    return pattern(rank) * mine


def work(place: dict[str, Any], device: str, say: Callable[[str], None], *, deadline_s: float) -> dict[str, Any]:
    """What this rank found; `place` has rank and world, and env:// the rest. Every wait ends after `deadline_s`."""
    rank, world = place["rank"], place["world"]
    say(f"joining {world - 1} other rank(s)")
    backend = "nccl" if device.startswith("cuda") else "gloo"
    if device.startswith("cuda"):
        torch.cuda.set_device(device)
    dist.init_process_group(
        backend, rank=rank, world_size=world, timeout=dt.timedelta(seconds=deadline_s), init_method="env://"
    )
    found = {"backend": backend, **_contents(rank, world, device, say), **_together(rank, world, device, say)}
    found.update(_speed(world, device, say))
    say("leaving the group")
    dist.barrier()
    dist.destroy_process_group()
    return found


def _contents(rank: int, world: int, device: str, say: Callable[[str], None]) -> dict[str, Any]:
    liars: set[int] = set()
    pairs_wrong = []
    say("gathering every rank's numbers")
    got = [torch.zeros(WORDS, dtype=torch.int64, device=device) for _ in range(world)]
    dist.all_gather(got, pattern(rank).to(device))
    liars.update(other for other in range(world) if not torch.equal(got[other].cpu(), pattern(other)))
    say("adding integers up over all ranks")
    total = lanes(rank, world).to(device)
    dist.all_reduce(total)
    liars.update(r for r in range(world) if not torch.equal(total.cpu()[r::world], pattern(r)[r::world]))
    dense = pattern(rank).to(device)
    dist.all_reduce(dense)
    sum_wrong = int((dense.cpu() != sum(pattern(r) for r in range(world))).sum())
    for other in range(world):
        say(f"receiving from rank {other} what it broadcasts")
        block = pattern(other if rank == other else -1).to(device)
        dist.broadcast(block, other)
        if not torch.equal(block.cpu(), pattern(other)):
            liars.add(other)
    for one, two in _pairs(world):
        if rank not in (one, two):
            continue
        other = two if rank == one else one
        say(f"exchanging with rank {other}")
        theirs = torch.zeros(WORDS, dtype=torch.int64, device=device)
        if rank == one:
            dist.send(pattern(rank).to(device), other)
            dist.recv(theirs, other)
        else:
            dist.recv(theirs, other)
            dist.send(pattern(rank).to(device), other)
        if not torch.equal(theirs.cpu(), pattern(other)):
            pairs_wrong.append([rank, other])
    return {"liars": sorted(liars), "sum_wrong": sum_wrong, "pairs_wrong": pairs_wrong}


def _pairs(world: int) -> list[tuple[int, int]]:
    """Who exchanges with whom, in an order that everybody knows."""
    every = [(one, two) for one in range(world) for two in range(one + 1, world)]
    if world <= EVERY_PAIR:
        return every
    return [(one, two) for one, two in every if (two - one) & (two - one - 1) == 0]


def _together(rank: int, world: int, device: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Distributed training against the same training in one process: losses and weights."""
    images, labels = data.generate(world * BATCH * STEPS, 0)
    x, y = torch.from_numpy(data.normalise(images)).to(device), torch.from_numpy(labels).to(device)
    say("training alone for comparison")
    alone, _ = _train(with_weights(Net(), reference.weights()).to(device), x, y, world * BATCH)
    say("training together")
    model = with_weights(Net(), reference.weights()).to(device)
    parallel = torch.nn.parallel.DistributedDataParallel(model)
    share = torch.arange(len(y)).view(STEPS, world, BATCH)[:, rank].flatten()
    losses, weights = _train(parallel, x[share], y[share], BATCH)
    say("comparing the weights of all ranks")
    mean = torch.tensor(losses, dtype=torch.float64).to(device) / world
    dist.all_reduce(mean)
    digest = weights.view(torch.int32).long().sum().view(1).to(device)
    digests = [torch.zeros_like(digest) for _ in range(world)]
    dist.all_gather(digests, digest)
    off = [abs(got / want - 1) for got, want in zip(mean.tolist(), alone)]
    return {
        "ddp_deviation": max(off),
        "drifted": [r for r in range(world) if not torch.equal(digests[r], digests[0])],
    }


def _train(model: Any, x: Any, y: Any, batch: int) -> tuple[list[float], Any]:
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    losses = []
    for start in range(0, len(y), batch):
        loss = F.cross_entropy(model(x[start : start + batch]), y[start : start + batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, torch.cat([p.detach().flatten() for p in model.parameters()])


def _speed(world: int, device: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Seconds of the same work on every rank (the best of eight: neighbours disturb), and how fast they add up."""
    say("doing the same work as everybody")
    a = torch.ones(512, 512, device=device)
    mine = min(_seconds(lambda: a @ a, device) for _ in range(8))
    gathered = [torch.zeros(1, dtype=torch.float64, device=device) for _ in range(world)]
    dist.all_gather(gathered, torch.tensor([mine], dtype=torch.float64, device=device))
    block = torch.ones(REDUCED if device == "cpu" else 16 * REDUCED, device=device)
    say(f"adding {block.numel() >> 18} MiB up over all ranks")
    best = min(_seconds(lambda: dist.all_reduce(block), device) for _ in range(5))
    return {
        "work_s": [float(value) for value in gathered],
        "busbw_gbps": 2 * (world - 1) / world * 4 * block.numel() / best / 1e9,  # as nccl-tests counts it
    }


def _seconds(call: Callable[[], Any], device: str) -> float:
    began = time.perf_counter()
    call()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - began
