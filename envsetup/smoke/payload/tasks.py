"""Two tasks that no linear model can solve, for networks that read sequences."""

from __future__ import annotations

import numpy as np

from . import data
from .networks import KEYS, VALUES

LENGTH = 16
PAIRS = 8


def marked_bits(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Tokens [count, 16], a bit plus two where it is marked; two are, and the label is their exclusive or."""
    words = data.mix(data.mix(np.arange(count, dtype=np.uint64) + np.uint64(seed << 32))[:, None] ^ _slots(LENGTH + 2))
    bits = (words[:, :LENGTH] >> np.uint64(17)) & np.uint64(1)
    first = words[:, LENGTH] % np.uint64(LENGTH)
    second = (first + 1 + words[:, LENGTH + 1] % np.uint64(LENGTH - 1)) % np.uint64(LENGTH)
    rows, places = np.arange(count), np.stack([first, second], 1).astype(np.int64)
    marks = np.zeros((count, LENGTH), np.uint64)
    marks[rows[:, None], places] = 1
    labels = bits[rows, places[:, 0]] ^ bits[rows, places[:, 1]]
    return (bits + np.uint64(2) * marks).astype(np.int64), labels.astype(np.int64)


def lookups(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Tokens [count, 9, 2]: eight (key, value) pairs with different keys, then a key asked for; label: its value."""
    words = data.mix(data.mix(np.arange(count, dtype=np.uint64) + np.uint64(seed << 32))[:, None] ^ _slots(64))
    keys = np.argsort(words[:, :KEYS], axis=1, kind="stable")[:, :PAIRS]
    values = (words[:, KEYS : KEYS + PAIRS] % np.uint64(VALUES)).astype(np.int64)
    asked = (words[:, 63] % np.uint64(PAIRS)).astype(np.int64)[:, None]
    tokens = np.stack([keys, values], 2)
    question = np.stack([np.take_along_axis(keys, asked, 1), np.full_like(asked, VALUES)], 2)
    return np.concatenate([tokens, question], 1), np.take_along_axis(values, asked, 1)[:, 0]


def _slots(count: int) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.arange(count, dtype=np.uint64)[None] * np.uint64(0xD1342543DE82EF95)
