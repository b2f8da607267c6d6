"""Check `no-fallback`: in a training step every tensor lives, and every heavy operation runs, on the asked device.

The step runs operation by operation, and TensorFlow's own hook for debuggers says where each put its result.
"""

from __future__ import annotations

import collections
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from .. import data, networks
from .backend import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..context import Context

HEAVY = ("Conv2D", "MatMul", "BatchMatMul", "_FusedConv2D", "_FusedMatMul", "Einsum")


@contextmanager
def audit() -> Iterator[collections.Counter[str]]:
    """Counts, by kind of device, where the operations that carry the work put their results."""
    from tensorflow.python.framework import op_callbacks  # noqa: PLC0415 - not public; as its debugger uses it

    heavy: collections.Counter[str] = collections.Counter()

    def ran(*seen: Any, graph: Any = None, **_: Any) -> None:
        op_type, outputs = seen[0], seen[3]
        name = op_type.decode() if isinstance(op_type, bytes) else str(op_type)
        if graph is None and outputs and name.startswith(HEAVY):
            heavy[kind_of(outputs[0])] += 1

    op_callbacks.add_op_callback(ran)
    try:
        yield heavy
    finally:
        op_callbacks.remove_op_callback(ran)


def run(context: Context) -> dict[str, Any]:
    device = context.device
    images, labels = data.generate(16, context.seed)
    optimizer = {"kind": "adam", "rate": 0.001}
    trainer: Any = context.backend.trainer("cnn", networks.initial("cnn", context.seed), optimizer)
    context.journal.doing(f"running one audited training step on {device.place}")
    x, y = trainer.put(data.normalise(images)), trainer.put(labels)
    with tf.device(device.place), audit() as heavy:
        loss, logits, gradients = trainer.eager_gradients(x, y)
        trainer.optimizer.apply_gradients(zip(gradients, trainer.model.trainable_variables))
    named = {f"gradient {i}": kind_of(g) for i, g in enumerate(gradients)}
    placed = {**trainer.placed(), **named, "logits": kind_of(logits), "loss": kind_of(loss)}
    elsewhere = {name: where for name, where in placed.items() if where != device.type}
    return {
        "metrics": {
            "tensors": len(placed),
            "tensors_elsewhere": len(elsewhere),
            "heavy_ops": heavy[device.type],
            "heavy_ops_elsewhere": sum(heavy.values()) - heavy[device.type],
        },
        "evidence": {"elsewhere": elsewhere, "heavy_ops": dict(heavy), "asked": device.type},
    }
