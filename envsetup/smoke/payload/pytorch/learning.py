"""Check `learning`: the reference CNN, trained for a fixed number of steps, learns what no linear model can."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812

from .. import data
from ..journal import finite
from .net import Net
from .placement import tensors_of

if TYPE_CHECKING:
    from ..context import Context

BATCH = 64


def run(context: Context) -> dict[str, Any]:
    device, plan, splits = context.device, context.training, context.splits()
    tensors = {name: (torch.from_numpy(data.normalise(x)), torch.from_numpy(y)) for name, (x, y) in splits.items()}
    torch.manual_seed(context.seed)
    model = Net().to(device.torch_name)
    start = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.Adam(model.parameters(), plan["rate"])
    order = _batches(len(tensors["train"][1]), context.seed)
    losses: list[float] = []
    curve: list[tuple[int, float]] = []
    began, target = time.monotonic(), plan["steps"]
    while len(losses) < target:
        index = next(order)
        loss = F.cross_entropy(model(device.put(tensors["train"][0][index])), device.put(tensors["train"][1][index]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if len(losses) % plan["validate_every"] == 0:
            curve.append((len(losses), _accuracy(model, device, *tensors["validation"])[0]))
            # A slow start is not a fault: one extension, unless something is wrong that no patience mends.
            slow = len(losses) == target == plan["steps"] and curve[-1][1] < plan["enough"]
            if slow and finite(losses[-1]) is not None and not _unmoved(model, start):
                target = plan["steps_at_most"]
        accuracy = finite(curve[-1][1]) if curve else None
        context.journal.emit(
            "progress", check="learning", step=len(losses), of=target, loss=finite(losses[-1]), accuracy=accuracy
        )
    device.synchronize()
    took = time.monotonic() - began
    context.journal.doing("evaluating on the test split")
    accuracy, histogram = _accuracy(model, device, *tensors["test"])
    unmoved = _unmoved(model, start)
    kind = torch.device(device.torch_name).type
    everything = tensors_of(model, optimizer)
    elsewhere = [name for name, tensor in everything.items() if tensor is None or tensor.device.type != kind]
    return {
        "metrics": {
            "test_accuracy": accuracy,
            "validation_accuracy": curve[-1][1],
            "loss_ratio": sum(losses[-10:]) / 10 / losses[0],
            "losses_not_finite": sum(finite(value) is None for value in losses),
            "classes_predicted": sum(count > 0 for count in histogram),
            "parameters_unmoved": len(unmoved),
            "tensors_elsewhere": len(elsewhere),
            "images_per_second": len(losses) * BATCH / took,
        },
        "evidence": {
            "losses": losses,
            "validation": curve,
            "steps": len(losses),
            "predictions_by_class": histogram,
            "unmoved": unmoved,
            "elsewhere": elsewhere,
            "parameters": sum(p.numel() for p in model.parameters()),
            "tensors_verified": len(everything),
        },
    }


def _unmoved(model: Any, start: dict[str, Any]) -> list[str]:
    """Parameters that are still, bit for bit, what they were at the start."""
    return [name for name, p in model.named_parameters() if torch.equal(p.detach(), start[name])]


def _batches(count: int, seed: int) -> Any:
    """Endless shuffled batches of indices: a new order every epoch, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(count, generator=generator)
        yield from (order[i : i + BATCH] for i in range(0, count - BATCH + 1, BATCH))


def _accuracy(model: Any, device: Any, images: Any, labels: Any) -> tuple[float, list[int]]:
    """The fraction that is right, and how often each class was answered."""
    model.eval()
    with torch.no_grad():
        answers = torch.cat([model(device.put(part)).argmax(1).to("cpu") for part in images.split(250)])
    model.train()
    return (answers == labels).float().mean().item(), torch.bincount(answers, minlength=10).tolist()
