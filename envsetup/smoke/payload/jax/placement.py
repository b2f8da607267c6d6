"""Check `no-fallback`: in a training step every array lives, and every heavy operation runs, on the asked device.

XLA compiles a step for one platform as a whole; what could leave it are calls back to the host, which show in the
step's own program.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any

import jax

from .. import data, networks
from .backend import kind_of

if TYPE_CHECKING:
    from ..context import Context

HEAVY = ("dot_general", "conv_general_dilated")
HOST = ("callback", "infeed", "outfeed")  # parts of the names of operations that ask the host


def operations(program: Any) -> collections.Counter[str]:
    """The operations of a traced program and of the programs inside it."""
    found: collections.Counter[str] = collections.Counter()
    for equation in program.eqns:
        found[equation.primitive.name] += 1
        for value in equation.params.values():
            for part in value if isinstance(value, (tuple, list)) else (value,):
                inner = getattr(part, "jaxpr", part)
                if hasattr(inner, "eqns"):
                    found += operations(inner)
    return found


def run(context: Context) -> dict[str, Any]:
    device, platform = context.device, context.backend.platform
    images, labels = data.generate(16, context.seed)
    optimizer = {"kind": "adam", "rate": 0.001}
    trainer: Any = context.backend.trainer("cnn", networks.initial("cnn", context.seed), optimizer)
    context.journal.doing(f"looking into a training step compiled for {device.place}")
    inputs = (trainer.values, trainer.state, trainer.put(data.normalise(images)), trainer.put(labels.astype("int32")))
    traced = operations(jax.make_jaxpr(trainer.raw_step)(*inputs).jaxpr)
    context.journal.doing(f"running one audited training step on {device.place}")
    trainer.values, trainer.state, loss = trainer.compiled_step(*inputs)
    placed = {**trainer.placed(), "loss": kind_of(loss)}
    placed |= {f"{name}.gradient": kind_of(value) for name, value in trainer.compiled_gradients(*inputs[2:])[1].items()}
    placed |= {f"input {i}": kind_of(value) for i, value in enumerate(jax.tree_util.tree_leaves(inputs[2:]))}
    elsewhere = {name: where for name, where in placed.items() if where != platform}
    heavy = sum(count for name, count in traced.items() if name in HEAVY)
    asks = sum(count for name, count in traced.items() if any(part in name for part in HOST))
    here = kind_of(loss) == platform  # where the compiled program put its result is where it ran
    return {
        "metrics": {
            "tensors": len(placed),
            "tensors_elsewhere": len(elsewhere),
            "heavy_ops": heavy if here else 0,
            "heavy_ops_elsewhere": asks + (0 if here else heavy),
        },
        "evidence": {
            "elsewhere": elsewhere,
            "heavy_ops": {kind_of(loss): heavy},
            "host_calls": asks,
            "asked": platform,
        },
    }
