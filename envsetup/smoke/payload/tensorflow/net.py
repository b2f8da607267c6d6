"""The networks in Keras, and where each parameter of `networks` lives in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from .. import networks

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    Table = dict[str, tuple[Any, str]]  # parameter: its variable, and the layout in which Keras keeps it

L = tf.keras.layers


def _split(matrix: np.ndarray) -> np.ndarray:
    """[heads x d, width] to Keras's [width, heads, d]."""
    return matrix.T.reshape(networks.WIDTH, networks.HEADS, -1)


# layout: from ours to Keras's, and back
LAYOUTS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]] = {
    "same": (lambda w: w, lambda w: w),
    "dense": (lambda w: w.T, lambda w: w.T),
    "conv": (lambda w: w.transpose(2, 3, 1, 0), lambda w: w.transpose(3, 2, 0, 1)),
    "heads": (_split, lambda w: w.reshape(networks.WIDTH, -1).T),
    "heads.bias": (lambda b: b.reshape(networks.HEADS, -1), lambda b: b.reshape(-1)),
    "heads.out": (lambda w: w.T.reshape(networks.HEADS, -1, networks.WIDTH), lambda w: w.reshape(-1, networks.WIDTH).T),
}


def network(name: str) -> tuple[Any, Table]:
    """The model, and its table of parameters."""
    return {"cnn": _cnn, "smooth": _smooth, "lstm": _lstm, "transformer": _transformer}[name]()


def _weighted(name: str, layer: Any, layout: str) -> Table:
    kernel, bias = layer.trainable_variables
    return {f"{name}.weight": (kernel, layout), f"{name}.bias": (bias, "same")}


def _cnn(activation: str = "relu", pool: Any = L.MaxPooling2D) -> tuple[Any, Table]:
    conv1 = L.Conv2D(32, 3, padding="same", activation=activation)
    conv2 = L.Conv2D(64, 3, padding="same", activation=activation)
    fc1, fc2 = L.Dense(128, activation=activation), L.Dense(10)
    # Flattened in PyTorch's order, channels first, so that the weights of fc1 mean the same.
    flat = [L.Permute((3, 1, 2)), L.Flatten()]
    model = tf.keras.Sequential([tf.keras.Input((32, 32, 3)), conv1, pool(2), conv2, pool(2), *flat, fc1, fc2])
    table = {**_weighted("conv1", conv1, "conv"), **_weighted("conv2", conv2, "conv")}
    return model, {**table, **_weighted("fc1", fc1, "dense"), **_weighted("fc2", fc2, "dense")}


def _smooth() -> tuple[Any, Table]:
    return _cnn("swish", L.AveragePooling2D)


def _lstm() -> tuple[Any, Table]:
    embed = L.Embedding(networks.TOKENS, networks.EMBEDDED)
    lstm, out = L.LSTM(networks.MEMORY), L.Dense(2)
    model = tf.keras.Sequential([tf.keras.Input((16,), dtype="int32"), embed, lstm, out])
    kernel, recurrent, bias = lstm.trainable_variables
    table = {"embed.weight": (embed.trainable_variables[0], "same")}
    table |= {"lstm.input": (kernel, "dense"), "lstm.hidden": (recurrent, "dense"), "lstm.bias": (bias, "same")}
    return model, {**table, **_weighted("out", out, "dense")}


def _transformer() -> tuple[Any, Table]:
    tokens = tf.keras.Input((9, 2), dtype="int32")
    key, value = L.Embedding(networks.KEYS, networks.WIDTH), L.Embedding(networks.VALUES + 1, networks.WIDTH)
    x = key(tokens[..., 0]) + value(tokens[..., 1])
    table = {"key.weight": (key.trainable_variables[0], "same"), "value.weight": (value.trainable_variables[0], "same")}
    for number in range(networks.LAYERS):
        x, more = _encoder(x, number)
        table |= more
    out = L.Dense(networks.VALUES)
    model = tf.keras.Model(tokens, out(x[:, -1]))
    return model, {**table, **_weighted("out", out, "dense")}


def _encoder(x: Any, number: int) -> tuple[Any, Table]:
    norm1, norm2 = L.LayerNormalization(epsilon=1e-5), L.LayerNormalization(epsilon=1e-5)
    attention = L.MultiHeadAttention(networks.HEADS, networks.WIDTH // networks.HEADS)
    up, down = L.Dense(networks.HIDDEN, activation="relu"), L.Dense(networks.WIDTH)
    seen = norm1(x)
    x = x + attention(seen, seen)
    x = x + down(up(norm2(x)))
    table: Table = {}
    variables = iter(attention.trainable_variables)  # kernel and bias of query, key, value and output
    for name in ("q", "k", "v", "o"):
        layouts = ("heads.out", "same") if name == "o" else ("heads", "heads.bias")
        for kind, layout in zip(("weight", "bias"), layouts):
            table[f"{number}.{name}.{kind}"] = (next(variables), layout)
    for name, layer, layout in (
        ("norm1", norm1, "same"),
        ("norm2", norm2, "same"),
        ("up", up, "dense"),
        ("down", down, "dense"),
    ):
        table |= _weighted(f"{number}.{name}", layer, layout)
    return x, table
