"""Training of the sequence networks: fresh samples in every batch, a test on samples never seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import networks
from ..journal import finite

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..context import Context

BATCH = 64
TEST = 1000
TEST_SEED = 999_983  # no training seed is as large


def teach(
    context: Context, network: str, sample: Callable[[int, int], Any], *, rate: float, steps: int
) -> dict[str, Any]:
    """Train `steps` steps of Adam and measure; `sample(count, seed)` makes inputs and labels."""
    weights = networks.initial(network, context.seed)
    trainer = context.backend.trainer(network, weights, {"kind": "adam", "rate": rate})
    x, y = sample(steps * BATCH, context.seed)
    losses = []
    for step in range(steps):
        batch = slice(step * BATCH, (step + 1) * BATCH)
        losses.append(trainer.step(x[batch], y[batch]))
        context.journal.emit("progress", check=network, step=step + 1, of=steps, loss=finite(losses[-1]), accuracy=None)
    x, y = sample(TEST, TEST_SEED)
    accuracy = float((trainer.logits(x).argmax(1) == y).mean())
    bad = sum(finite(value) is None for value in losses)
    parameters = sum(value.size for value in weights.values())
    return {
        "metrics": {"test_accuracy": accuracy, "losses_not_finite": bad},
        "evidence": {"losses": losses, "steps": steps, "parameters": parameters},
    }
