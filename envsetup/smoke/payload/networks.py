"""The three networks as tables of parameters: one set of names, shapes and initial values for every framework."""

from __future__ import annotations

import numpy as np

from . import data, reference

WIDTH, HEADS, LAYERS, HIDDEN = 64, 4, 2, 128  # of the Transformer
KEYS, VALUES = 16, 10
TOKENS, EMBEDDED, MEMORY = 4, 32, 64  # of the LSTM

LSTM = {
    "embed.weight": (TOKENS, EMBEDDED),
    "lstm.input": (4 * MEMORY, EMBEDDED),  # gates in the order input, forget, cell, output
    "lstm.hidden": (4 * MEMORY, MEMORY),
    "lstm.bias": (4 * MEMORY,),
    "out.weight": (2, MEMORY),
    "out.bias": (2,),
}


def _layer(number: int) -> dict[str, tuple[int, ...]]:
    """One encoder layer: normalisation first, attention, then two linear layers with ReLU."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name in ("q", "k", "v", "o"):
        shapes |= {f"{number}.{name}.weight": (WIDTH, WIDTH), f"{number}.{name}.bias": (WIDTH,)}
    shapes |= {f"{number}.up.weight": (HIDDEN, WIDTH), f"{number}.up.bias": (HIDDEN,)}
    shapes |= {f"{number}.down.weight": (WIDTH, HIDDEN), f"{number}.down.bias": (WIDTH,)}
    for name in ("norm1", "norm2"):
        shapes |= {f"{number}.{name}.weight": (WIDTH,), f"{number}.{name}.bias": (WIDTH,)}
    return shapes


TRANSFORMER = {
    "key.weight": (KEYS, WIDTH),
    "value.weight": (VALUES + 1, WIDTH),
    **{name: shape for number in range(LAYERS) for name, shape in _layer(number).items()},
    "out.weight": (VALUES, WIDTH),
    "out.bias": (VALUES,),
}

# "smooth" is the twin of "cnn" with SiLU for ReLU and mean-pooling for max-pooling.
SHAPES = {"cnn": reference.SHAPES, "smooth": reference.SHAPES, "lstm": LSTM, "transformer": TRANSFORMER}
EMBEDDINGS = ("embed.weight", "key.weight", "value.weight")


def initial(network: str, seed: int) -> dict[str, np.ndarray]:
    """Initial weights, float32, a pure function of the seed: uniform with the variance that the layer's kind wants."""
    made = {}
    for number, (name, shape) in enumerate(SHAPES[network].items()):
        unit = data.uniform(shape, ((seed + 1) << 44) + ((number + 32) << 36))
        if ".norm" in name:
            made[name] = np.full(shape, float(name.endswith("weight")))
        elif name in EMBEDDINGS:
            made[name] = unit * np.sqrt(3)  # variance one
        else:
            made[name] = unit / np.sqrt(_fan_in(SHAPES[network], name))
    return {name: value.astype(np.float32) for name, value in made.items()}


def _fan_in(shapes: dict[str, tuple[int, ...]], name: str) -> int:
    if name.startswith("lstm."):
        return MEMORY
    shape = shapes[name.replace(".bias", ".weight")]
    return int(np.prod(shape[1:]))


def order(count: int, batch: int, seed: int) -> np.ndarray:
    """Batches of indices [batches, batch] of one epoch, shuffled; the same everywhere for the same seed."""
    words = data.mix(np.arange(count, dtype=np.uint64) + (np.uint64(seed + 1) << np.uint64(44)))
    whole = count // batch * batch
    return np.argsort(words, kind="stable")[:whole].reshape(-1, batch)
