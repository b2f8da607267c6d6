"""Check `devices`: the framework sees the device, and one kernel of every dtype runs on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from ..architectures import built

if TYPE_CHECKING:
    from ..context import Context

DTYPES = ("float32", "float16", "bfloat16", "int32", "uint8")  # 64 bits are off unless somebody asks for them


def run(context: Context) -> dict[str, Any]:
    device, failed = context.device, {}
    for name in DTYPES:
        context.journal.doing(f"adding two {name} arrays on {device.place}")
        try:
            ones = jax.device_put(jnp.ones(1000, name), device.device)
            if not bool(((ones + ones).astype("int32") == 2).all()):
                failed[name] = "wrong sum"
        except RuntimeError as error:
            failed[name] = str(error).strip().splitlines()[0]
    facts = device.facts()
    return {
        # XLA compiles for the device at hand, so a build has no list of architectures.
        "metrics": {"framework_devices": device.count(), "dtypes_failed": len(failed), "arch_built": built(facts)},
        "evidence": {**facts, "failed": failed},
    }
