"""Check `gradient-parity`: one forward and backward pass of the smooth twin against float64 in numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import data, reference
from .ops import deviation, worst

if TYPE_CHECKING:
    from ..context import Context

BATCH = 32


def run(context: Context) -> dict[str, Any]:
    # Its weights and images change with the seed, unlike those of the golden curve.
    weights = {
        name: data.uniform(shape, (context.seed + 1) << 44 | number << 36) / np.sqrt(max(np.prod(shape[1:]), 16))
        for number, (name, shape) in enumerate(reference.SHAPES.items())
    }
    weights = {name: value.astype(np.float32).astype(np.float64) for name, value in weights.items()}  # exact in both
    images, labels = data.generate(BATCH, context.seed)
    images = data.normalise(images)
    context.journal.doing("computing the float64 reference in numpy")
    loss, logits, gradients = reference.run(weights, images.astype(np.float64), labels, smooth=True)
    context.journal.doing(f"running forward and backward of the smooth twin on {context.device.place}")
    trainer = context.backend.trainer("smooth", weights, {"kind": "sgd", "rate": 0.0, "momentum": 0.0})
    got_loss, got_logits, got = trainer.gradients(images, labels)
    errors = {name: deviation(got[name], want) for name, want in gradients.items()}
    return {
        "metrics": {
            "logits": deviation(got_logits, logits),
            "loss": abs(got_loss - loss) / abs(loss),
            "worst_gradient": errors[worst(errors)],
        },
        "evidence": {"gradients": errors, "worst": worst(errors)},
    }
