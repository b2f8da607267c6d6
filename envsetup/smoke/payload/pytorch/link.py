"""Check `link`: how fast bytes go to the device and back; the driver says from outside what the slot should carry."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from .busy import _pci
from .timing import rate

if TYPE_CHECKING:
    from ..context import Context

BYTES = 256 << 20
SECONDS = 1.0


def run(context: Context) -> dict[str, Any]:
    device = context.device
    there = torch.zeros(BYTES, dtype=torch.uint8, device=device.torch_name)
    pageable = torch.zeros(BYTES, dtype=torch.uint8)
    metrics: dict[str, float] = {}
    for name, host in (("pageable", pageable), ("pinned", pageable.pin_memory() if device.pins else None)):
        if host is None:
            continue
        context.journal.doing(f"copying 256 MiB blocks to {device.torch_name} and back ({name})")
        for way, to, source in (("h2d", there, host), ("d2h", host, there)):
            copies = rate(partial(to.copy_, source, non_blocking=True), device, SECONDS)[0]
            metrics[f"{way}_{name}_gbps"] = copies * BYTES / 1e9
    if "h2d_pinned_gbps" in metrics:
        metrics["pinned_over_pageable"] = metrics["h2d_pinned_gbps"] / metrics["h2d_pageable_gbps"]
    return {"metrics": metrics, "evidence": {"mib": BYTES >> 20, "pci": _pci(device)}}
