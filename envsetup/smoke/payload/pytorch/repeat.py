"""Check `repeatability`: the same call on the same bits gives the same bits, many times over.

Raw outputs are compared, as integers: ReLU, pooling and averaging hide most single wrong values from losses and
logits, and NaN is not equal to itself as a float.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812

from .. import data

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..context import Context

CALLS = 64


def run(context: Context) -> dict[str, Any]:
    put, key = context.device.put, (context.seed + 1) << 44

    def made(number: int, *shape: int) -> Any:
        return put(torch.from_numpy(data.uniform(shape, key + (number << 36))).float())

    images, taps = made(0, 8, 32, 16, 16), made(1, 64, 32, 3, 3).requires_grad_()
    a, b = made(2, 256, 512), made(3, 512, 256)
    flat, weight, bias = made(4, 64, 4096), made(5, 128, 4096), made(6, 128)

    def gradient() -> Any:
        return torch.autograd.grad(F.conv2d(images, taps, padding=1).square().sum(), taps)[0]

    calls: dict[str, Callable[[], Any]] = {
        "conv2d": lambda: F.conv2d(images, taps, padding=1).detach(),
        "conv2d.backward": gradient,
        "matmul": lambda: a @ b,
        "linear": lambda: F.linear(flat, weight, bias),
        "relu_pool": lambda: F.max_pool2d(F.relu(images), 2),
    }
    differing = {}
    for name, call in calls.items():
        context.journal.doing(f"calling {name} {CALLS} times on {context.device.torch_name}")
        first = _bits(call())
        differing[name] = sum(not torch.equal(_bits(call()), first) for _ in range(CALLS - 1))
    return {
        "metrics": {"calls_differing": sum(differing.values())},
        "evidence": {"calls": CALLS, "operations": len(calls), "by_op": differing},
    }


def _bits(tensor: Any) -> Any:
    return tensor.contiguous().view(torch.int32)
