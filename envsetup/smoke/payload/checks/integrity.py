"""Check `data`: the bytes trained on are the bytes that were meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import data

if TYPE_CHECKING:
    from ..context import Context


def run(context: Context) -> dict[str, Any]:
    digests = {name: data.digest(*split) for name, split in context.splits().items()}
    if context.checksums:
        digests = context.checksums
    wrong = [name for name, digest in digests.items() if context.expected_digests.get(name) != digest]
    counts = {name: len(split[1]) for name, split in context.splits().items()}
    return {
        "metrics": {"digests_wrong": len(wrong)},
        "evidence": {"digests": digests, "wrong": wrong, "images": counts},
    }
