"""The networks that read sequences, with the names that PyTorch gives their parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from .. import networks


class Reader(nn.Module):  # type: ignore[misc]
    """Embeds tokens [n, 16], reads with an LSTM, answers from its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(networks.TOKENS, networks.EMBEDDED)
        self.lstm = nn.LSTM(networks.EMBEDDED, networks.MEMORY, batch_first=True)
        self.out = nn.Linear(networks.MEMORY, 2)

    def forward(self, x: Any) -> Any:
        return self.out(self.lstm(self.embed(x))[0][:, -1])


def reader(weights: dict[str, Any]) -> tuple[Reader, dict[str, Any]]:
    """The network, and its weights by PyTorch's names: it has two biases where one would do."""
    named = {
        "lstm.weight_ih_l0": weights["lstm.input"],
        "lstm.weight_hh_l0": weights["lstm.hidden"],
        "lstm.bias_ih_l0": weights["lstm.bias"],
        "lstm.bias_hh_l0": np.zeros_like(weights["lstm.bias"]),
    }
    return Reader(), {**{n: w for n, w in weights.items() if not n.startswith("lstm.")}, **named}


class Lookup(nn.Module):  # type: ignore[misc]
    """Each token is the sum of its key's and its value's embedding; two encoder layers; the answer from the last."""

    def __init__(self) -> None:
        super().__init__()
        width = networks.WIDTH
        self.key, self.value = nn.Embedding(networks.KEYS, width), nn.Embedding(networks.VALUES + 1, width)
        layer = nn.TransformerEncoderLayer(
            width, networks.HEADS, networks.HIDDEN, dropout=0.0, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, networks.LAYERS, enable_nested_tensor=False)
        self.out = nn.Linear(width, networks.VALUES)

    def forward(self, x: Any) -> Any:
        return self.out(self.encoder(self.key(x[..., 0]) + self.value(x[..., 1]))[:, -1])


NAMES = {"o": "self_attn.out_proj", "up": "linear1", "down": "linear2", "norm1": "norm1", "norm2": "norm2"}


def lookup(weights: dict[str, Any]) -> tuple[Lookup, dict[str, Any]]:
    """The network, and its weights by PyTorch's names: query, key and value in one matrix."""
    named = {name: weights[name] for name in ("key.weight", "value.weight", "out.weight", "out.bias")}
    for layer in range(networks.LAYERS):
        place = f"encoder.layers.{layer}"
        for kind in ("weight", "bias"):
            parts = [weights[f"{layer}.{name}.{kind}"] for name in ("q", "k", "v")]
            named[f"{place}.self_attn.in_proj_{kind}"] = np.concatenate(parts)
            for ours, theirs in NAMES.items():
                named[f"{place}.{theirs}.{kind}"] = weights[f"{layer}.{ours}.{kind}"]
    return Lookup(), named
