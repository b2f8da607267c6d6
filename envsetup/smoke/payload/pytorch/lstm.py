"""Check `lstm`: an LSTM remembers one bit until it meets another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from .sequences import marked_bits
from .teach import teach

if TYPE_CHECKING:
    from ..context import Context


class Reader(nn.Module):  # type: ignore[misc]
    """Embeds (bit, mark), reads with an LSTM, answers from its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(4, 32)
        self.lstm = nn.LSTM(32, 64, batch_first=True)
        self.out = nn.Linear(64, 2)

    def forward(self, x: Any) -> Any:
        return self.out(self.lstm(self.embed(x[..., 0] + 2 * x[..., 1]))[0][:, -1])


def run(context: Context) -> dict[str, Any]:
    return teach(context, "lstm", Reader, marked_bits, rate=5e-3, steps=200)
