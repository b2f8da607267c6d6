"""The file that JAX serves a function from: StableHLO, written and read by jax.export."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from .backend import kind_of

if TYPE_CHECKING:
    from types import ModuleType


def _export() -> ModuleType | None:
    try:
        from jax import export  # noqa: PLC0415 - JAX 0.4.30 brought it
    except ImportError:
        return None
    return export  # type: ignore[no-any-return]


def absent() -> str | None:
    """Why there is no such file."""
    if _export() is None:
        return f"JAX {jax.__version__} has no jax.export"
    return None if find_spec("flatbuffers") else "flatbuffers is not installed: jax.export writes no file without it"


def write(trainer: Any, folder: str, images: np.ndarray) -> dict[str, str]:
    """Write the network of this trainer; path by format."""
    path = os.path.join(folder, "net.stablehlo")  # noqa: PTH118
    function = jax.jit(lambda x: trainer.network(trainer.values, x))
    blob = _export().export(function)(jax.ShapeDtypeStruct(images.shape, images.dtype)).serialize()  # type: ignore[union-attr]
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(blob)
    return {"jax.export": path}


def serve(name: str, path: str, images: np.ndarray) -> tuple[np.ndarray, str]:
    """The file's answers, and the platform of the device that made them."""
    del name
    with open(path, "rb") as file:  # noqa: PTH123
        out = _export().deserialize(bytearray(file.read())).call(images)  # type: ignore[union-attr]
    return np.asarray(out), kind_of(out)
