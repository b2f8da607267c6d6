"""Check `memory`: nearly all of it can be had, holds what is written into it, and is fast; and is given back."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

import torch

from .timing import rate

if TYPE_CHECKING:
    from ..context import Context

MIB = 1 << 20
BLOCK = 128 * MIB
HOST = 256 * MIB  # what is tried of the host's memory: it belongs to others too
KEEP = 1024 * MIB  # left alone on a device
# Odd factors make every word's pattern differ from its neighbours'; the second pass has every bit turned round.
FACTOR, SALT = 0x9E3779B97F4A7C15 - (1 << 64), 0x5DEECE66D


def run(context: Context) -> dict[str, Any]:
    device = context.device
    before = device.memory()
    asked = _asked(device)
    context.journal.doing(f"taking {asked // MIB} MiB on {device.torch_name}")
    blocks: list[Any] = []
    with contextlib.suppress(RuntimeError, MemoryError):  # where it refuses is the finding: `granted`
        while len(blocks) < asked // BLOCK:
            blocks.append(torch.empty(BLOCK // 8, dtype=torch.int64, device=device.torch_name))
    granted = len(blocks) * BLOCK / asked
    wrong = 0
    for turned in (False, True):
        context.journal.doing(f"writing {len(blocks) * BLOCK // MIB} MiB on {device.torch_name} and reading them back")
        for number, block in enumerate(blocks):
            block.copy_(_pattern(number, block, turned=turned))
        for number, block in enumerate(blocks):
            wrong += int((block != _pattern(number, block, turned=turned)).sum())
    blocks.clear()
    metrics: dict[str, float] = {"granted": granted, "words_wrong": wrong}
    metrics.update(_speed(context))
    if before is not None:
        with contextlib.suppress(AttributeError):
            getattr(torch, device.torch_name.split(":")[0]).empty_cache()
        metrics["kept_mib"] = max(0, (device.memory() or 0) - before) / MIB
    return {"metrics": metrics, "evidence": {"asked_mib": asked // MIB, "block_mib": BLOCK // MIB}}


def _asked(device: Any) -> int:
    """How many bytes to take: nine tenths of a device, all but a gibibyte of what is free; of a host a little."""
    if device.kind == "cpu":
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else HOST * 4
        return int(min(HOST, max(BLOCK, free // 4 // BLOCK * BLOCK)))
    known = getattr(getattr(torch, device.torch_name.split(":")[0], None), "mem_get_info", None)
    if known is None:
        return 4 * BLOCK
    free, total = known()
    return int(max(BLOCK, min(total * 9 // 10, free - KEEP) // BLOCK * BLOCK))


def _pattern(number: int, block: Any, *, turned: bool) -> Any:
    words = torch.arange(number * block.numel(), (number + 1) * block.numel(), device=block.device)
    words.mul_(FACTOR).bitwise_xor_(torch.tensor(SALT, device=block.device))
    return words.bitwise_not_() if turned else words


def _speed(context: Context) -> dict[str, float]:
    """Copy and triad in GB/s, decimal: bytes read plus bytes written, as STREAM counts them."""
    device = context.device
    fast = device.kind != "cpu"
    count = (256 if fast else 64) * MIB // 4
    a, b, c = (torch.full((count,), float(value), device=device.torch_name) for value in range(3))
    seconds = 1.0 if fast else 0.5
    context.journal.doing(f"copying within {device.torch_name}")
    copies = rate(lambda: a.copy_(b), device, seconds)[0]
    context.journal.doing(f"adding a multiple within {device.torch_name}")
    triads = rate(lambda: torch.add(b, c, alpha=3.0, out=a), device, seconds)[0]
    right = bool((a == 7.0).all())  # 1 + 3 x 2
    return {
        "copy_gbps": copies * 8 * count / 1e9,
        "triad_gbps": triads * 12 * count / 1e9,
        "sum_wrong": float(not right),
    }
