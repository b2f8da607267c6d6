"""Check `lstm`: an LSTM remembers one bit until it meets another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..tasks import marked_bits
from .sequences import teach

if TYPE_CHECKING:
    from ..context import Context


def run(context: Context) -> dict[str, Any]:
    return teach(context, "lstm", marked_bits, rate=5e-3, steps=300)
