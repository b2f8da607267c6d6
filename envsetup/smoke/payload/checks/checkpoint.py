"""Check `checkpoint`: training goes on in another process, from a file, as if nothing had happened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .. import data, networks
from ..elsewhere import elsewhere

if TYPE_CHECKING:
    import numpy as np

    from ..backend import Backend, Trainer
    from ..context import Context

STEPS = 3
BATCH = 32
OPTIMIZER = {"kind": "adam", "rate": 0.002}


def run(context: Context) -> dict[str, Any]:
    trainer = context.backend.trainer("cnn", networks.initial("cnn", context.seed), OPTIMIZER)
    _train(trainer, context.seed, 0)
    with context.folder("checkpoint") as folder:
        context.journal.doing("writing a checkpoint")
        path = trainer.save(os.path.join(folder, "state"))  # noqa: PTH118
        size = sum(entry.stat().st_size for entry in os.scandir(folder) if entry.is_file())
        expected = _train(trainer, context.seed, STEPS)
        context.journal.doing("resuming from it in another process")
        resumed = elsewhere(context, "checks.checkpoint", "resume", path, context.seed)
    return {
        "metrics": {
            "losses_differing": sum(a != b for a, b in zip(resumed["losses"], expected)),
            "steps": len(resumed["losses"]),
            # The same without the optimizer's state must not fit: else the comparison could not fail.
            "forgetful_fits": int(resumed["forgetful"] == expected),
        },
        "evidence": {"losses": resumed["losses"], "expected": expected, "bytes": size},
    }


def _train(trainer: Trainer, seed: int, first: int) -> list[float]:
    images, labels = data.generate(2 * STEPS * BATCH, seed)
    batches = [slice(BATCH * step, BATCH * step + BATCH) for step in range(first, first + STEPS)]
    return [trainer.step(data.normalise(images[batch]), labels[batch]) for batch in batches]


def resume(backend: Backend, path: str, seed: int) -> dict[str, list[float]]:
    """In the other process: the losses with and without the optimizer's state."""
    other: dict[str, np.ndarray] = networks.initial("cnn", seed + 1)  # what is not read must show
    runs = {}
    for name in ("losses", "forgetful"):
        trainer = backend.trainer("cnn", other, OPTIMIZER)
        trainer.load(path, optimizer=name == "losses")
        runs[name] = _train(trainer, seed, STEPS)
    return runs
