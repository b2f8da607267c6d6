"""Check `busy`, the part seen from inside: load the device for some seconds, and be faster than the host's processor.

The driver is asked meanwhile from outside whether this process was on the device, and what that did to it.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812

from .. import data
from .net import Net
from .timing import rate

if TYPE_CHECKING:
    from ..context import Context

SECONDS = 3.0
N, N_HOST = 4096, 1024  # n x n matrices on the device and on the host


def run(context: Context) -> dict[str, Any]:
    device = context.device
    tile = torch.from_numpy(data.uniform((512, 512), (context.seed + 1) << 44)).float()
    context.journal.doing(f"multiplying {N_HOST} x {N_HOST} matrices on the host's processor")
    small = tile.repeat(N_HOST // 512, N_HOST // 512)
    host = rate(lambda: small @ small, _Host, 0.3)[0] * 2 * N_HOST**3 / 1e12
    a, b = (device.put(tile.repeat(N // 512, N // 512)) for _ in range(2))
    model = Net().to(device.torch_name)
    optimizer = torch.optim.Adam(model.parameters())
    images, labels = data.generate(256, context.seed)
    x, y = device.put(torch.from_numpy(data.normalise(images))), device.put(torch.from_numpy(labels))
    context.journal.doing(f"loading {device.torch_name} for {SECONDS:g} s with products and training")
    products, spent, began = 0, 0.0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        before = time.perf_counter()
        for _ in range(4):
            out = a @ b
        device.synchronize()
        spent += time.perf_counter() - before
        products += 4
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        device.synchronize()
    there = products * 2 * N**3 / spent / 1e12
    held = sum(t.numel() * t.element_size() for t in (a, b, out, x, y, *model.parameters()))
    return {
        "metrics": {"speedup_over_host": there / host},
        "evidence": {
            "pid": os.getpid(),
            "held_mib": held / 2**20,
            "device_tflops": there,
            "host_tflops": host,
            "pci": _pci(device),
        },
    }


class _Host:
    @staticmethod
    def synchronize() -> None:
        """Nothing to wait for."""


def _pci(device: Any) -> str | None:
    """Where the device sits, as the kernel writes it; None where PyTorch does not say."""
    if device.kind not in ("cuda", "rocm"):
        return None
    facts = torch.cuda.get_device_properties(0)
    parts = [getattr(facts, f"pci_{name}_id", None) for name in ("domain", "bus", "device")]
    known = [part for part in parts if part is not None]
    return "{:04x}:{:02x}:{:02x}.0".format(*known) if len(known) == len(parts) else None
