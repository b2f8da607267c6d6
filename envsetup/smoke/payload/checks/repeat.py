"""Check `repeatability`: the same call on the same bits gives the same bits, many times over.

Raw outputs are compared, as bytes: ReLU, pooling and averaging hide most single wrong values from losses and
logits, and NaN is not equal to itself as a number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import data

if TYPE_CHECKING:
    from ..context import Context

CALLS = 64


def run(context: Context) -> dict[str, Any]:
    backend, key = context.backend, (context.seed + 1) << 44

    def made(number: int, *shape: int) -> np.ndarray:
        return data.uniform(shape, key + (number << 36)).astype(np.float32)

    images, taps, grad = made(0, 8, 32, 16, 16), made(1, 64, 32, 3, 3), made(7, 8, 64, 16, 16)
    calls = {
        "conv2d": backend.forward("conv", images, taps, np.zeros(64, np.float32)),
        "conv2d.backward": backend.backward("conv", images, taps, np.zeros(64, np.float32), grad=grad),
        "matmul": backend.forward("matmul", made(2, 256, 512), made(3, 512, 256)),
        "linear": backend.forward("linear", made(4, 64, 4096), made(5, 128, 4096), made(6, 128)),
        "relu_pool": backend.forward("relu_pool", images),
    }
    differing = {}
    for name, call in calls.items():
        context.journal.doing(f"calling {name} {CALLS} times on {context.device.place}")
        first = _bits(call())
        differing[name] = sum(_bits(call()) != first for _ in range(CALLS - 1))
    return {
        "metrics": {"calls_differing": sum(differing.values())},
        "evidence": {"calls": CALLS, "operations": len(calls), "by_op": differing},
    }


def _bits(results: list[np.ndarray]) -> list[bytes]:
    return [result.tobytes() for result in results]
