"""Check `transfer`: bytes go to the device and come back the same, by every way that training uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .. import data

if TYPE_CHECKING:
    from ..context import Context

WORDS = 1 << 23  # of eight bytes: 64 MiB


def run(context: Context) -> dict[str, Any]:
    device = context.device.torch_name
    pattern = data.mix(np.arange(WORDS, dtype=np.uint64) + np.uint64(context.seed))
    pageable = torch.from_numpy(pattern.view(np.int64))
    differing = {}
    for way in ("pageable", "pinned", "pinned, not blocking"):
        context.journal.doing(f"copying 64 MiB to {device} and back ({way})")
        source = pageable.pin_memory() if way.startswith("pinned") and context.device.pins else pageable
        there = source.to(device, non_blocking=way.endswith("not blocking"))
        context.device.synchronize()
        differing[way] = _differing(there.to("cpu"), pageable)
    context.journal.doing(f"copying on {device} itself")
    differing["on the device"] = _differing(pageable.to(device).clone().to("cpu"), pageable)
    return {"metrics": {"words_differing": sum(differing.values())}, "evidence": {"mib": 64, "by_way": differing}}


def _differing(got: Any, want: Any) -> int:
    return int((got != want).sum())
