"""The file that JAX serves a function from: StableHLO, written and read by jax.export."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import jax
import numpy as np

from .backend import kind_of


def _export() -> Any:
    return import_module("jax.export")


def absent() -> str | None:
    """Why there is no such file."""
    try:
        _export()
    except ImportError as error:
        return f"jax.export of JAX {jax.__version__} cannot be used: {error}"
    return None if find_spec("flatbuffers") else "flatbuffers is not installed: jax.export writes no file without it"


def write(trainer: Any, folder: str, images: np.ndarray) -> dict[str, str]:
    """Write the network of this trainer; path by format."""
    path = os.path.join(folder, "net.stablehlo")  # noqa: PTH118
    function = jax.jit(lambda x: trainer.network(trainer.values, x))
    blob = _export().export(function)(jax.ShapeDtypeStruct(images.shape, images.dtype)).serialize()
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(blob)
    return {"jax.export": path}


def serve(name: str, path: str, images: np.ndarray) -> tuple[np.ndarray, str]:
    """The file's answers, and the platform of the device that made them."""
    del name
    with open(path, "rb") as file:  # noqa: PTH123
        out = _export().deserialize(bytearray(file.read())).call(images)
    return np.asarray(out), kind_of(out)
