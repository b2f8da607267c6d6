"""Check `cleanup`, the part seen from inside: what the checks held is free again."""

from __future__ import annotations

import gc
import warnings
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from ..context import Context


def run(context: Context) -> dict[str, Any]:
    context.journal.doing("collecting what the checks left behind")
    gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # asking every object its type wakes deprecated lazy attributes
        alive = [thing for thing in gc.get_objects() if type(thing) in (torch.Tensor, torch.nn.Parameter)]
        held = {t.data_ptr(): t.numel() * t.element_size() for t in alive if t.device.type != "meta"}
    device = context.device.memory()
    return {
        "metrics": {"tensors_mib": sum(held.values()) / 2**20, "device_mib": (device or 0) / 2**20},
        "evidence": {"tensors_alive": len(alive)},
    }
