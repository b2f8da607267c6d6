"""Check `golden-curve`: ten SGD steps from fixed weights on fixed images give the shipped float64 losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import data, reference

if TYPE_CHECKING:
    from ..context import Context

OPTIMIZER = {"kind": "sgd", "rate": reference.GOLDEN_RATE, "momentum": reference.GOLDEN_MOMENTUM}


def run(context: Context) -> dict[str, Any]:
    count, split = data.SPLITS["golden"]
    images, labels = data.generate(count, data.SEED, split)
    images = data.normalise(images)
    trainer = context.backend.trainer("cnn", reference.weights(), OPTIMIZER)
    losses = []
    for step in range(len(context.golden)):
        context.journal.doing(f"taking golden step {step + 1} of {len(context.golden)}")
        batch = slice(step * reference.BATCH, (step + 1) * reference.BATCH)
        losses.append(trainer.step(images[batch], labels[batch]))
    deviations = [abs(got / want - 1) for got, want in zip(losses, context.golden)]
    worst = max(range(len(deviations)), key=lambda i: (deviations[i] != deviations[i], deviations[i]))
    return {
        "metrics": {"max_deviation": deviations[worst]},
        "evidence": {"losses": losses, "golden": context.golden, "worst_step": worst + 1},
    }
