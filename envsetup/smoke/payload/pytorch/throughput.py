"""Check `throughput`: images per second of the reference CNN by batch size; where the curve bends the host is ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812

from .. import data
from .net import Net
from .timing import rate

if TYPE_CHECKING:
    from ..context import Context

ON_HOST, ON_DEVICE = (1, 4, 16, 64, 256), (1, 4, 16, 64, 256, 1024, 4096)


def run(context: Context) -> dict[str, Any]:
    device = context.device
    torch.manual_seed(context.seed)
    model = Net().to(device.torch_name)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    images, labels = data.generate(256, context.seed)
    images = torch.from_numpy(data.normalise(images))
    labels = torch.from_numpy(labels)
    curve: dict[int, float] = {}
    for batch in ON_HOST if device.kind == "cpu" else ON_DEVICE:
        context.journal.doing(f"training with {batch} images a batch on {device.torch_name}")
        times = max(1, batch // 256)
        x, y = device.put(images.repeat(times, 1, 1, 1)[:batch]), device.put(labels.repeat(times)[:batch])

        def step(x: Any = x, y: Any = y) -> None:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()

        curve[batch] = max(rate(step, device, 0.4)[1]) * batch  # the best burst: neighbours disturb
    best = max(curve.values())
    return {
        "metrics": {"images_per_second": best, "gain_by_batching": best / curve[1]},
        "evidence": {"by_batch": {str(batch): round(value, 1) for batch, value in curve.items()}},
    }
