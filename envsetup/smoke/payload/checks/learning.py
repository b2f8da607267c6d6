"""Check `learning`: the reference CNN, trained for a fixed number of steps, learns what no linear model can."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import data, networks
from ..journal import finite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..backend import Trainer
    from ..context import Context

BATCH = 64


def run(context: Context) -> dict[str, Any]:
    plan = context.training
    splits = {name: (data.normalise(x), y) for name, (x, y) in context.splits().items()}
    start = networks.initial("cnn", context.seed)
    trainer = context.backend.trainer("cnn", start, {"kind": "adam", "rate": plan["rate"]})
    start = trainer.parameters()  # as the device has them
    x, y = splits["train"]
    order = _batches(len(y), context.seed)
    losses: list[float] = []
    curve: list[tuple[int, float]] = []
    began, target = time.monotonic(), plan["steps"]
    while len(losses) < target:
        index = next(order)
        losses.append(trainer.step(x[index], y[index]))
        if len(losses) % plan["validate_every"] == 0:
            curve.append((len(losses), _accuracy(trainer, *splits["validation"])[0]))
            # A slow start is not a fault: one extension, unless something is wrong that no patience mends.
            slow = len(losses) == target == plan["steps"] and curve[-1][1] < plan["enough"]
            if slow and finite(losses[-1]) is not None and not _unmoved(trainer, start):
                target = plan["steps_at_most"]
        accuracy = finite(curve[-1][1]) if curve else None
        context.journal.emit(
            "progress", check="learning", step=len(losses), of=target, loss=finite(losses[-1]), accuracy=accuracy
        )
    context.device.synchronize()
    took = time.monotonic() - began
    context.journal.doing("evaluating on the test split")
    accuracy, histogram = _accuracy(trainer, *splits["test"])
    unmoved, placed = _unmoved(trainer, start), trainer.placed()
    elsewhere = [name for name, where in placed.items() if where != context.backend.platform]
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
            "parameters": sum(value.size for value in start.values()),
            "tensors_verified": len(placed),
        },
    }


def _unmoved(trainer: Trainer, start: dict[str, np.ndarray]) -> list[str]:
    """Parameters that are still, bit for bit, what they were at the start."""
    return [name for name, value in trainer.parameters().items() if np.array_equal(value, start[name])]


def _batches(count: int, seed: int) -> Iterator[np.ndarray]:
    """Endless batches of indices, in a new order every epoch."""
    epoch = 0
    while True:
        yield from networks.order(count, BATCH, seed + (epoch << 16))
        epoch += 1


def _accuracy(trainer: Trainer, images: np.ndarray, labels: np.ndarray) -> tuple[float, list[int]]:
    """The fraction that is right, and how often each class was answered."""
    parts = range(0, len(labels), 250)
    answers = np.concatenate([trainer.logits(images[i : i + 250]).argmax(1) for i in parts])
    return float((answers == labels).mean()), np.bincount(answers, minlength=10).tolist()
