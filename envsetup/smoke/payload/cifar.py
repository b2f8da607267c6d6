"""The real CIFAR-10 in its published "python version" layout, read without torchvision and without running pickles."""

from __future__ import annotations

import hashlib
import io
import pickle
from typing import Any

import numpy as np

from .cifar_files import TEST, TRAIN, folder

VALIDATION = 500  # images, taken from the end of the training batches

# A pickle may call anything; these are the only names that the published files need.
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


class DataError(Exception):
    """A file is missing or is not what it should be; the message names it."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which CIFAR-10 does not need")
        # numpy 2 moved the module; both spellings mean the function that this numpy has.
        if name == "_reconstruct":
            return np.ndarray.__reduce__(np.zeros(0, np.uint8))[0]
        return super().find_class(module, name)


def load(root: str) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], dict[str, str]]:
    """Splits (uint8 [n, 3, 32, 32], int64 [n]) by name, and the MD5 of every file.

    Raises DataError naming the file.
    """
    checksums: dict[str, str] = {}
    images, labels = (np.concatenate(parts) for parts in zip(*(_batch(root, name, checksums) for name in TRAIN)))
    splits = {
        "train": (images[:-VALIDATION], labels[:-VALIDATION]),
        "validation": (images[-VALIDATION:], labels[-VALIDATION:]),
        "test": _batch(root, TEST[0], checksums),
    }
    return splits, checksums


def _batch(root: str, name: str, checksums: dict[str, str]) -> tuple[np.ndarray, np.ndarray]:
    path = folder(root) / name
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error
    checksums[name] = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    try:
        content = _Unpickler(io.BytesIO(raw), encoding="bytes").load()
        images = np.asarray(content[b"data"], np.uint8).reshape(-1, 3, 32, 32)
        labels = np.asarray(content[b"labels"], np.int64)
    except Exception as error:
        raise DataError(f"{path}: not a CIFAR-10 batch in the python layout ({error})") from error
    if len(images) != len(labels) or len(images) <= VALIDATION or labels.min() < 0 or labels.max() > 9:
        raise DataError(f"{path}: {len(images)} images and {len(labels)} labels; accepted: as many, labels 0 to 9")
    return images, labels
