"""The files that TensorFlow and Keras serve a network from: SavedModel and .keras."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from .backend import kind_of

if TYPE_CHECKING:
    import numpy as np


def absent() -> str | None:
    """Why there is no such file."""
    return (
        None
        if hasattr(tf.keras.Model, "export")
        else f"the Keras of TensorFlow {tf.__version__} cannot export a SavedModel"
    )


def write(trainer: Any, folder: str, images: np.ndarray) -> dict[str, str]:
    """Write the network of this trainer; path by format."""
    del images
    paths = {"SavedModel": os.path.join(folder, "saved"), ".keras": os.path.join(folder, "net.keras")}  # noqa: PTH118
    trainer.model.export(paths["SavedModel"])
    trainer.model.save(paths[".keras"])
    return paths


def serve(name: str, path: str, images: np.ndarray) -> tuple[np.ndarray, str]:
    """The file's answers, and the kind of the device that made them."""
    x = tf.constant(images.transpose(0, 2, 3, 1))
    if name == "SavedModel":
        model = tf.saved_model.load(path)  # the function lives no longer than what it came with
        out = model.serve(x)
    else:
        out = tf.keras.models.load_model(path)(x)
    return out.numpy(), kind_of(out)
