"""Check `dataloader`: two worker processes deliver every sample exactly once."""

from __future__ import annotations

import collections
import contextlib
import os
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, Dataset

if TYPE_CHECKING:
    from ..context import Context

SAMPLES = 1003
WORKERS = 2
SHM = "/dev/shm"  # noqa: S108 - where tensors travel


class Numbered(Dataset):  # type: ignore[misc]
    """Sample i is an image full of i and the number i."""

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return torch.full((3, 32, 32), float(index)), index


def run(context: Context) -> dict[str, Any]:
    if sys.platform == "linux" and not os.access(SHM, os.W_OK):
        return {"skip": f"no {SHM} that can be written: worker processes have nowhere to put their tensors"}
    seen: collections.Counter[int] = collections.Counter()
    wrong = 0
    generator = torch.Generator().manual_seed(context.seed)
    context.journal.doing(f"reading {SAMPLES} samples through {WORKERS} worker processes")
    loader = DataLoader(
        Numbered(),
        64,
        shuffle=True,
        num_workers=WORKERS,
        pin_memory=context.device.pins,
        generator=generator,
        timeout=60,
    )
    began = time.perf_counter()
    for images, numbers in loader:
        there = context.device.put(images)
        wrong += int((there.to("cpu") != numbers.float()[:, None, None, None]).flatten(1).any(1).sum())
        seen.update(numbers.tolist())
    metrics: dict[str, float] = {
        "samples_missing": SAMPLES - len(seen),
        "samples_doubled": sum(seen.values()) - len(seen),
        "samples_wrong": wrong,
        "samples_per_second": SAMPLES / (time.perf_counter() - began),
    }
    with contextlib.suppress(OSError):
        metrics["shm_free_mib"] = shutil.disk_usage(SHM).free / 2**20
    return {"metrics": metrics, "evidence": {"samples": SAMPLES, "workers": WORKERS}}
