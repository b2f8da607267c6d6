"""Check `matmul`: how fast matrices are multiplied in every format, and that what comes out so fast is right.

Freivalds' test holds the whole product against float64: it must map a random vector of signs as its factors do.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .. import data
from .timing import last_over_first, rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..context import Context

LARGE, SMALL = 8192, 1024  # n of n x n: an accelerator needs a large one to show its rate, a CPU has no time for it
ROOM = 6 * 4 * LARGE**2  # bytes that the large ones and their float64 checks take
TILE = 512  # numbers are made for a tile, which is repeated with other signs


def run(context: Context) -> dict[str, Any]:
    device = context.device
    fast = device.kind != "cpu"
    n = LARGE if fast and _free(device) > ROOM else 4096 if fast else SMALL
    seconds = 2.0 if fast else 0.5
    a, b = _matrix(context, n, 1), _matrix(context, n, 2)
    metrics: dict[str, float] = {}
    refused, drift, series_of = {}, [], {}
    for name, multiply in _formats(device, a, b):
        context.journal.doing(f"multiplying {n} x {n} matrices in {name} on {device.torch_name}")
        try:
            metrics[f"{name}_deviation"] = _deviation(context, *multiply())
            calls, series = rate(multiply, device, seconds)
        except (RuntimeError, AttributeError, TypeError, ValueError) as error:
            metrics.pop(f"{name}_deviation", None)
            refused[name] = str(error).strip().splitlines()[0]
            continue
        metrics[f"{name}_tflops"] = calls * 2 * n**3 / 1e12
        series_of[name] = [round(value * 2 * n**3 / 1e12, 4) for value in series]
        drift.append(last_over_first(series))
    ones = torch.ones(1, device=device.torch_name)
    context.journal.doing(f"launching small operations on {device.torch_name}")
    metrics["launches_per_second"] = rate(lambda: ones + ones, device, seconds / 4)[0]
    metrics["formats_refused"] = sum(name in ("float32", "bfloat16") for name in refused)
    if fast and _tensor_cores(device) and "bfloat16_tflops" in metrics:
        metrics["bfloat16_over_float32"] = metrics["bfloat16_tflops"] / metrics["float32_tflops"]
    steady = [value for value in drift if value is not None]
    if steady and fast:
        metrics["last_over_first"] = min(steady)
    return {"metrics": metrics, "evidence": {"n": n, "refused": refused, "series": series_of}}


def _free(device: Any) -> int:
    """Bytes that are free on the device, as far as it says so."""
    module = getattr(torch, device.torch_name.split(":")[0], None)
    known = getattr(module, "mem_get_info", None)
    return int(known()[0]) if known is not None else 0


def _matrix(context: Context, n: int, number: int) -> Any:
    tile = torch.from_numpy(data.uniform((TILE, TILE), (context.seed + 1) << 44 | number << 36)).float()
    signs = torch.from_numpy(_signs(n, number)).float()
    return context.device.put(tile.repeat(n // TILE, n // TILE) * signs[:, None])


def _signs(n: int, key: int) -> np.ndarray:
    return np.where(data.uniform((n,), (key + 40) << 40) < 0, -1.0, 1.0)


def _formats(device: Any, a: Any, b: Any) -> Iterator[tuple[str, Callable[[], tuple[Any, Any, Any]]]]:
    """Name, and a call that gives factors and product."""
    yield "float32", partial(_product, a, b)
    if device.kind == "cuda" and _tensor_cores(device):
        torch.backends.cuda.matmul.allow_tf32 = True
        yield "tf32", partial(_product, a, b)
        torch.backends.cuda.matmul.allow_tf32 = False
    names = ("bfloat16",) if device.kind == "cpu" else ("bfloat16", "float16")
    for name in names:
        x, y = a.to(getattr(torch, name)), b.to(getattr(torch, name))
        yield name, partial(_product, x, y)
    if device.kind == "cuda" and hasattr(torch, "_scaled_mm") and torch.cuda.get_device_capability(0) >= (8, 9):
        x, y = a.to(torch.float8_e4m3fn), b.t().contiguous().to(torch.float8_e4m3fn).t()
        one = torch.ones((), device=a.device)
        yield (
            "float8",
            lambda: (x, y, torch._scaled_mm(x, y, scale_a=one, scale_b=one, out_dtype=torch.bfloat16)),  # noqa: SLF001
        )


def _product(a: Any, b: Any) -> tuple[Any, Any, Any]:
    return a, b, a @ b


def _tensor_cores(device: Any) -> bool:
    return device.kind == "cuda" and bool(torch.cuda.get_device_capability(0) >= (8, 0))


def _deviation(context: Context, a: Any, b: Any, product: Any) -> float:
    """Relative L2 deviation of product x v from a (b v) in float64, v a vector of signs."""

    def exact(tensor: Any) -> Any:
        # Metal has no double precision.
        return (tensor.to("cpu") if context.device.kind == "mps" else tensor).to(torch.float64)

    v = torch.from_numpy(_signs(product.shape[1], context.seed + 3)).to(exact(product[:1]).device)
    got, want = exact(product) @ v, exact(a) @ (exact(b) @ v)
    return float((got - want).norm() / want.norm())
