"""Training of the sequence networks: fresh samples in every batch, a test on samples never seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812

from ..journal import finite

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..context import Context

BATCH = 64
TEST = 1000
TEST_SEED = 999_983  # no training seed is as large


def teach(
    context: Context, check: str, make: Callable[[], Any], sample: Callable[[int, int], Any], *, rate: float, steps: int
) -> dict[str, Any]:
    """Train `steps` steps of Adam and measure; `sample(count, seed)` makes inputs and labels."""
    device = context.device
    torch.manual_seed(context.seed)
    model = make().to(device.torch_name)
    optimizer = torch.optim.Adam(model.parameters(), rate)
    x, y = (device.put(torch.from_numpy(part)) for part in sample(steps * BATCH, context.seed))
    losses = []
    for step in range(steps):
        batch = slice(step * BATCH, (step + 1) * BATCH)
        loss = F.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        context.journal.emit("progress", check=check, step=step + 1, of=steps, loss=finite(losses[-1]), accuracy=None)
    model.eval()
    with torch.no_grad():
        x, y = (device.put(torch.from_numpy(part)) for part in sample(TEST, TEST_SEED))
        accuracy = float((model(x).argmax(1) == y).float().mean())
    bad = sum(finite(value) is None for value in losses)
    return {
        "metrics": {"test_accuracy": accuracy, "losses_not_finite": bad},
        "evidence": {"losses": losses, "steps": steps, "parameters": sum(p.numel() for p in model.parameters())},
    }
