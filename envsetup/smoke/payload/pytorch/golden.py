"""Check `golden-curve`: ten SGD steps from fixed weights on fixed images give the shipped float64 losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812

from .. import data, reference
from .net import Net, with_weights

if TYPE_CHECKING:
    from ..context import Context


def run(context: Context) -> dict[str, Any]:
    device = context.device
    count, split = data.SPLITS["golden"]
    images, labels = data.generate(count, data.SEED, split)
    images, labels = torch.from_numpy(data.normalise(images)), torch.from_numpy(labels)
    model = with_weights(Net(), reference.weights()).to(device.torch_name)
    optimizer = torch.optim.SGD(model.parameters(), reference.GOLDEN_RATE, momentum=reference.GOLDEN_MOMENTUM)
    losses = []
    for step in range(len(context.golden)):
        context.journal.doing(f"taking golden step {step + 1} of {len(context.golden)}")
        batch = slice(step * reference.BATCH, (step + 1) * reference.BATCH)
        loss = F.cross_entropy(model(device.put(images[batch])), device.put(labels[batch]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    deviations = [abs(got / want - 1) for got, want in zip(losses, context.golden)]
    worst = max(range(len(deviations)), key=lambda i: (deviations[i] != deviations[i], deviations[i]))
    return {
        "metrics": {"max_deviation": deviations[worst]},
        "evidence": {"losses": losses, "golden": context.golden, "worst_step": worst + 1},
    }
