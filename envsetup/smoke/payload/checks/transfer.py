"""Check `transfer`: bytes go to the device and come back the same, by every way that training uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import data

if TYPE_CHECKING:
    from ..context import Context

WORDS = 1 << 24  # of four bytes: 64 MiB


def run(context: Context) -> dict[str, Any]:
    context.journal.doing(f"copying 64 MiB to {context.device.place} and back")
    pattern = data.mix(np.arange(WORDS // 2, dtype=np.uint64) + np.uint64(context.seed)).view(np.int32)
    differing = {way: int((back != pattern).sum()) for way, back in context.backend.copies(pattern).items()}
    return {
        "metrics": {"words_differing": sum(differing.values())},
        "evidence": {"mib": 64, "ways": len(differing), "by_way": differing},
    }
