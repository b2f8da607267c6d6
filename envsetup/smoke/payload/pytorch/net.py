"""The reference CNN, repaired, and its smooth twin: 545,098 parameters each."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import nn


class Net(nn.Module):  # type: ignore[misc]
    """Two convolutions with ReLU and max-pooling, two linear layers; images [n, 3, 32, 32] to logits [n, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.fc1 = nn.Linear(64 * 8 * 8, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: Any) -> Any:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.flatten(1)
        return self.fc2(F.relu(self.fc1(x)))


class SmoothNet(Net):
    """The same layers without kinks: SiLU and mean-pooling."""

    def forward(self, x: Any) -> Any:
        x = F.avg_pool2d(F.silu(self.conv1(x)), 2)
        x = F.avg_pool2d(F.silu(self.conv2(x)), 2)
        x = x.flatten(1)
        return self.fc2(F.silu(self.fc1(x)))


def with_weights(model: nn.Module, weights: dict[str, Any]) -> nn.Module:
    """The model holding these numpy weights as float32."""
    model.load_state_dict({name: torch.from_numpy(value).float() for name, value in weights.items()})
    return model


def network(name: str, weights: dict[str, Any]) -> nn.Module:
    """One of `networks.SHAPES` with these weights."""
    if name in ("cnn", "smooth"):
        return with_weights(Net() if name == "cnn" else SmoothNet(), weights)
    from .readers import lookup, reader  # noqa: PLC0415 - most runs read no sequences

    return with_weights(*(reader if name == "lstm" else lookup)(weights))
