"""Check `export`: the trained network, written to files and served by another process, answers as it did here."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import data, reference
from ..elsewhere import elsewhere
from .golden import OPTIMIZER

if TYPE_CHECKING:
    from ..backend import Backend, Trainer
    from ..context import Context

IMAGES = 32


def run(context: Context) -> dict[str, Any]:
    formats = _formats(context.framework)
    absent = formats.absent()
    if absent:
        return {"skip": absent}
    trainer = trained(context)
    images = some_images(context.seed)
    want = trainer.logits(images)
    with context.folder("exported") as folder:
        context.journal.doing("writing the trained network to files")
        paths = formats.write(trainer, folder, images)
        size = {name: _size(path) for name, path in paths.items()}
        context.journal.doing(f"serving {', '.join(paths)} in another process")
        served = elsewhere(context, "checks.export", "serve", context.framework, paths, context.seed)
    return {
        "metrics": compared(want, served, context.backend.platform),
        "evidence": {"bytes": size, "images": IMAGES, "formats": ", ".join(paths)},
    }


def trained(context: Context) -> Trainer:
    """The reference CNN after the ten golden steps."""
    context.journal.doing("training the network that is exported")
    trainer = context.backend.trainer("cnn", reference.weights(), OPTIMIZER)
    images, labels = data.generate(reference.BATCH, context.seed)
    for _ in range(reference.GOLDEN_STEPS):
        trainer.step(data.normalise(images), labels)
    return trainer


def some_images(seed: int) -> np.ndarray:
    """Images [32, 3, 32, 32] that were not trained on."""
    return data.normalise(data.generate(IMAGES, seed, 2)[0])


def compared(want: np.ndarray, served: dict[str, Any], platform: str) -> dict[str, float]:
    """The worst of all formats; `served` holds logits and the kind of device that made them."""
    got = {name: np.asarray(logits, np.float32) for name, (logits, _) in served.items()}
    return {
        "largest_difference": max(float(np.abs(logits - want).max()) for logits in got.values()),
        "answers_differing": sum(int((logits.argmax(1) != want.argmax(1)).sum()) for logits in got.values()),
        "elsewhere": sum(where != platform for _, where in served.values()),
    }


def serve(backend: Backend, framework: str, paths: dict[str, str], seed: int) -> dict[str, Any]:
    """In the other process: what each file answers, and on which kind of device."""
    del backend
    formats, images = _formats(framework), some_images(seed)
    answers = {name: formats.serve(name, path, images) for name, path in paths.items()}
    return {name: (logits.tolist(), where) for name, (logits, where) in answers.items()}


def _formats(framework: str) -> Any:
    return import_module(f"..{framework}.formats", __package__)


def _size(path: str) -> int:
    if os.path.isfile(path):  # noqa: PTH113
        return os.path.getsize(path)  # noqa: PTH202
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(path) for name in names)  # noqa: PTH118, PTH202
