"""Check `cleanup`, the part seen from inside: what the checks held is free again."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..context import Context


def run(context: Context) -> dict[str, Any]:
    context.journal.doing("collecting what the checks left behind")
    gc.collect()
    held, alive = context.backend.held()
    return {
        "metrics": {"tensors_mib": held / 2**20, "device_mib": (context.device.memory() or 0) / 2**20},
        "evidence": {"tensors_alive": alive},
    }
