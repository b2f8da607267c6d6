"""Check `transformer`: attention looks a value up by its key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..tasks import lookups
from .sequences import teach

if TYPE_CHECKING:
    from ..context import Context


def run(context: Context) -> dict[str, Any]:
    return teach(context, "transformer", lookups, rate=2e-3, steps=100)
