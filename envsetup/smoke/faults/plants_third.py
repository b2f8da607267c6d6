"""Faults for the measuring checks, written after they and their limits were frozen: do they meet the unexpected."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812
from plants_measured import BLOCK, MATMUL, around, of_rank  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from collections.abc import Callable

calls = {"n": 0}


def one_value(true: Any) -> Any:
    """One number of a million is off by a tenth."""

    def matmul(a: Any, b: Any) -> Any:
        out = true(a, b)
        if a.shape == b.shape == (1024, 1024):
            out = out.clone()
            out[700, 300] += 0.1 * out.abs().max()
        return out

    return matmul


def bfloat16_through_float8(true: Any) -> Any:
    def matmul(a: Any, b: Any) -> Any:
        if a.dtype != torch.bfloat16:
            return true(a, b)
        return true(a.to(torch.float8_e4m3fn).to(a.dtype), b)

    return matmul


def transposed_for_large(true: Any) -> Any:
    return lambda a, b: true(a, b).t() if a.shape == b.shape == (1024, 1024) else true(a, b)


def blocks_alias(true: Any) -> Any:
    """Two blocks of memory are the same."""
    kept: list[Any] = []

    def empty(*shape: Any, **options: Any) -> Any:
        if shape != (BLOCK,):
            return true(*shape, **options)
        kept[:] = kept or [true(*shape, **options)]
        return kept[0]

    return empty


def copies_late(true: Any) -> Any:
    """The last page of a copy is never written."""

    def copy(self: Any, source: Any, *rest: Any, **options: Any) -> Any:
        if self.numel() != BLOCK or self.dtype != torch.int64:
            return true(self, source, *rest, **options)
        true(self[:-512], source[:-512])
        return self

    return copy


def nhwc_gradient(true: Any) -> Any:
    """The gradient of the weight is wrong in channels_last alone."""

    def conv(x: Any, w: Any, *rest: Any, **options: Any) -> Any:
        last = x.dim() == 4 and x.shape[1] > 1 and x.is_contiguous(memory_format=torch.channels_last)
        return true(x, w + (w.detach() - w) * 0.01 if last else w, *rest, **options)

    return conv


def nhwc_bias(true: Any) -> Any:
    def conv(x: Any, w: Any, b: Any = None, *rest: Any, **options: Any) -> Any:
        last = x.dim() == 4 and x.shape[1] > 1 and x.is_contiguous(memory_format=torch.channels_last)
        return true(x, w, None if last else b, *rest, **options)

    return conv


def averages(true: Any) -> Any:
    """A sum becomes a mean."""

    def reduce(tensor: Any, *args: Any, **options: Any) -> Any:
        out = true(tensor, *args, **options)
        if tensor.dtype == torch.int64:
            tensor //= dist.get_world_size()
        return out

    return reduce


def twice(true: Any) -> Any:
    """One rank's part of a sum is counted twice, in float only: training sees it."""

    def reduce(tensor: Any, *args: Any, **options: Any) -> Any:
        if tensor.dtype == torch.float64:
            tensor *= 2
        return true(tensor, *args, **options)

    return reduce


def own_broadcast(true: Any) -> Any:
    """A rank keeps what it had instead of what is broadcast."""

    def broadcast(tensor: Any, source: int, *args: Any, **options: Any) -> Any:
        before = tensor.clone()
        out = true(tensor, source, *args, **options)
        if tensor.dtype == torch.int64:
            tensor.copy_(before)
        return out

    return broadcast


def neighbours_swapped(true: Any) -> Any:
    def gather(tensors: Any, tensor: Any, *args: Any, **options: Any) -> Any:
        out = true(tensors, tensor, *args, **options)
        if tensor.dtype == torch.int64 and tensor.numel() > 1:
            tensors.reverse()
        return out

    return gather


def learns_alone(true: Any) -> Any:
    """From the third gradient on one rank uses its own instead of the mean."""

    def step(self: Any, closure: Any = None) -> Any:
        calls["n"] += 1
        for group in self.param_groups:
            for parameter in group["params"]:
                if calls["n"] > 3 and parameter.grad is not None:
                    parameter.grad.mul_(1.5)
        return true(self, closure)

    return step


def dies_late() -> None:
    true = torch.nn.parallel.DistributedDataParallel.forward

    def forward(self: Any, *args: Any, **options: Any) -> Any:
        calls["n"] += 1
        if calls["n"] == 2:
            os.kill(os.getpid(), 11)
        return true(self, *args, **options)

    torch.nn.parallel.DistributedDataParallel.forward = forward


PLANTS: dict[str, Callable[[], Any]] = {
    "product-one-value": around(*MATMUL, one_value),
    "bfloat16-in-float8": around(*MATMUL, bfloat16_through_float8),
    "product-transposed": around(*MATMUL, transposed_for_large),
    "memory-blocks-alias": around(torch, "empty", blocks_alias),
    "memory-page-unwritten": around(torch.Tensor, "copy_", copies_late),
    "nhwc-gradient-percent": around(F, "conv2d", nhwc_gradient),
    "nhwc-bias-ignored": around(F, "conv2d", nhwc_bias),
    "sum-becomes-mean": around(dist, "all_reduce", averages),
    "rank-counts-double": of_rank(1, around(dist, "all_reduce", twice)),
    "rank-ignores-broadcast": of_rank(1, around(dist, "broadcast", own_broadcast)),
    "gathered-in-reverse": around(dist, "all_gather", neighbours_swapped),
    "rank-learns-alone": of_rank(1, around(torch.optim.SGD, "step", learns_alone)),
    "rank-dies-late": of_rank(0, dies_late),
}
