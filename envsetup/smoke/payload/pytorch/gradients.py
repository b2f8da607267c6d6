"""Check `gradient-parity`: one forward and backward pass of the smooth twin against float64 in numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from .. import data, reference
from .net import SmoothNet, with_weights
from .ops import deviation

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
    context.journal.doing(f"running forward and backward of the smooth twin on {context.device.torch_name}")
    model = with_weights(SmoothNet(), weights).to(context.device.torch_name)
    out = model(context.device.put(torch.from_numpy(images)))
    got = F.cross_entropy(out, context.device.put(torch.from_numpy(labels)))
    got.backward()
    errors = {name: deviation(p.grad, gradients[name]) for name, p in model.named_parameters()}
    worst = max(errors, key=lambda name: np.inf if np.isnan(errors[name]) else errors[name])
    return {
        "metrics": {
            "logits": deviation(out, logits),
            "loss": abs(got.item() - loss) / abs(loss),
            "worst_gradient": errors[worst],
        },
        "evidence": {"gradients": errors, "worst": worst},
    }
