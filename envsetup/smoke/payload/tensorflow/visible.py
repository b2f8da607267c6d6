"""Check `devices`: the framework sees the device, was built for it, and one kernel of every dtype runs on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ..architectures import built

if TYPE_CHECKING:
    from ..context import Context

DTYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "uint8")


def run(context: Context) -> dict[str, Any]:
    device, failed = context.device, {}
    for name in DTYPES:
        if name == "float64" and device.kind == "mps":
            continue  # Metal has no double precision
        context.journal.doing(f"adding two {name} tensors on {device.place}")
        try:
            with tf.device(device.place):
                ones = tf.ones(1000, getattr(tf, name))
                right = bool((tf.cast(ones + ones, tf.int64).numpy() == 2).all())
            if not right:
                failed[name] = "wrong sum"
        except (RuntimeError, tf.errors.OpError) as error:
            failed[name] = str(error).strip().splitlines()[0]
    facts = device.facts()
    return {
        "metrics": {"framework_devices": device.count(), "dtypes_failed": len(failed), "arch_built": built(facts)},
        "evidence": {**facts, "failed": failed},
    }
