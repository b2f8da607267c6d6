"""Check `amp`: mixed precision really happens, is as exact as its format allows, and a scaler skips infinity."""

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


def run(context: Context) -> dict[str, Any]:
    device = context.device
    kind = torch.device(device.torch_name).type
    weights = {name: value.astype(np.float32).astype(np.float64) for name, value in reference.weights().items()}
    images, labels = data.generate(32, context.seed)
    images = data.normalise(images)
    context.journal.doing("computing the float64 reference in numpy")
    _, logits, gradients = reference.run(weights, images.astype(np.float64), labels, smooth=True)
    model = with_weights(SmoothNet(), weights).to(device.torch_name)
    context.journal.doing(f"running the smooth twin under bfloat16 autocast on {device.torch_name}")
    with torch.autocast(kind, dtype=torch.bfloat16):
        out = model(device.put(torch.from_numpy(images)))
    F.cross_entropy(out.float(), device.put(torch.from_numpy(labels))).backward()
    metrics = {
        "bf16_logits": deviation(out, logits),
        "bf16_worst_gradient": max(deviation(p.grad, gradients[name]) for name, p in model.named_parameters()),
    }
    scaler = _scaler(kind)
    if scaler is not None:
        context.journal.doing("planting an infinite gradient in front of the scaler")
        metrics.update(_overflow(scaler, model, device, torch.from_numpy(images)))
    return {"metrics": metrics, "evidence": {"dtype": str(out.dtype)}}


def _scaler(kind: str) -> Any:
    """A gradient scaler for this device, None where this PyTorch has none (before 2.3 for CPUs)."""
    if hasattr(torch.amp, "GradScaler"):
        return torch.amp.GradScaler(kind, init_scale=1024.0)
    return torch.cuda.amp.GradScaler(init_scale=1024.0) if kind == "cuda" else None


def _overflow(scaler: Any, model: Any, device: Any, images: Any) -> dict[str, float]:
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    optimizer.zero_grad()
    before = [p.detach().clone() for p in model.parameters()]
    scaler.scale(model(device.put(images)).sum()).backward()
    next(model.parameters()).grad.view(-1)[0] = float("inf")
    scaler.step(optimizer)
    scaler.update()
    moved = sum(not torch.equal(p.detach(), old) for p, old in zip(model.parameters(), before))
    return {"moved_by_infinity": moved, "scale_after_infinity": scaler.get_scale()}
