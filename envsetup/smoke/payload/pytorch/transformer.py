"""Check `transformer`: attention looks a value up by its key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from .sequences import KEYS, VALUES, lookups
from .teach import teach

if TYPE_CHECKING:
    from ..context import Context

WIDTH = 64


class Lookup(nn.Module):  # type: ignore[misc]
    """Each token is the sum of its key's and its value's embedding; two encoder layers; the answer from the last."""

    def __init__(self) -> None:
        super().__init__()
        self.key, self.value = nn.Embedding(KEYS, WIDTH), nn.Embedding(VALUES + 1, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 2 * WIDTH, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(WIDTH, VALUES)

    def forward(self, x: Any) -> Any:
        return self.out(self.encoder(self.key(x[..., 0]) + self.value(x[..., 1]))[:, -1])


def run(context: Context) -> dict[str, Any]:
    return teach(context, "transformer", Lookup, lookups, rate=2e-3, steps=100)
