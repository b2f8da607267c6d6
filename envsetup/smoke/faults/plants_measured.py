"""Faults in what is measured: products, memory, copies, layouts, processes that work together, an imagined GPU."""

from __future__ import annotations

import os
import shutil
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK = (128 << 20) // 8  # words of a block of check `memory`
calls = {"n": 0}


def around(owner: Any, name: str, make: Callable[[Any], Any]) -> Callable[[], None]:
    """Replace `owner.name` by what `make` makes of it."""
    return lambda: setattr(owner, name, make(getattr(owner, name)))


def imagined() -> None:
    """A GPU is announced; what runs there runs on the processor, and products of 4096 are not computed at all."""
    torch.version.cuda = "13.0"
    torch.cuda.is_available = lambda: True
    torch.cuda.device_count = lambda: 1
    torch.cuda.get_device_name = lambda _: "an imagined GPU"
    torch.cuda.get_device_capability = lambda _: (9, 0)
    torch.cuda.get_arch_list = lambda: ["sm_90"]
    torch.cuda.get_device_properties = lambda _: SimpleNamespace(
        total_memory=1 << 34, pci_domain_id=0, pci_bus_id=10, pci_device_id=0
    )
    torch.cuda.synchronize = lambda: None
    torch.cuda.memory_allocated = lambda _: 0
    torch.Tensor.pin_memory = lambda self: self
    for owner in (torch.Tensor, torch.nn.Module):
        owner.to = _stays(owner.to)
    for name in ("ones", "zeros", "empty", "full", "tensor", "arange"):
        setattr(torch, name, _here(getattr(torch, name)))
    true = torch.Tensor.__matmul__
    out: list[Any] = []

    def matmul(a: Any, b: Any) -> Any:
        if a.shape != (4096, 4096):
            return true(a, b)
        if not out:
            out.append(torch.zeros(4096, 4096))
        ends = time.perf_counter() + 0.004
        while time.perf_counter() < ends:  # busy, as a device would be
            pass
        return out[0]

    torch.Tensor.__matmul__ = matmul


def _stays(true: Any) -> Any:
    return lambda self, *args, **options: self if args == ("cuda:0",) else true(self, *args, **options)


def _here(true: Any) -> Any:
    def made(*args: Any, device: Any = None, **options: Any) -> Any:
        if device is not None and not str(device).startswith("cuda"):
            options["device"] = device
        return true(*args, **options)

    return made


def not_faster() -> None:
    """As `imagined`, and its products take as long as the processor's."""
    true = torch.Tensor.__matmul__
    imagined()
    torch.Tensor.__matmul__ = true


def nhwc_wrong(true: Any) -> Any:
    def conv(x: Any, w: Any, *rest: Any, **options: Any) -> Any:
        out = true(x, w, *rest, **options)
        last = x.dim() == 4 and x.shape[1] > 1 and x.is_contiguous(memory_format=torch.channels_last)
        return out * 1.001 if last and out.dtype == torch.float32 else out

    return conv


def row_lost(true: Any) -> Any:
    def matmul(a: Any, b: Any) -> Any:
        out = true(a, b)
        if a.dim() == 2 and a.shape[0] >= 1024:
            out = out.clone()
            out[-1] = 0
        return out

    return matmul


def no_bfloat16(true: Any) -> Any:
    def matmul(a: Any, b: Any) -> Any:
        if a.dtype == torch.bfloat16:
            raise RuntimeError("CUDA error: CUBLAS_STATUS_NOT_SUPPORTED")
        return true(a, b)

    return matmul


def slow_products(true: Any) -> Any:
    def matmul(a: Any, b: Any) -> Any:
        for _ in range(9):
            true(a, b)
        return true(a, b)

    return matmul


def memory_refused(true: Any) -> Any:
    def empty(*shape: Any, **options: Any) -> Any:
        if shape == (BLOCK,):
            calls["n"] += 1
            if calls["n"] > 1:
                raise RuntimeError("CUDA out of memory.")
        return true(*shape, **options)

    return empty


def bit_stuck(true: Any) -> Any:
    def copy(self: Any, source: Any, *rest: Any, **options: Any) -> Any:
        out = true(self, source, *rest, **options)
        if self.numel() == BLOCK and self.dtype == torch.int64:
            self[12345] |= 1 << 7
        return out

    return copy


def sum_wrong(true: Any) -> Any:
    def add(*args: Any, out: Any = None, **options: Any) -> Any:
        result = true(*args, out=out, **options)
        if out is not None:
            out[-1] = 0
        return result

    return add


def batch_by_batch(true: Any) -> Any:
    def loss(logits: Any, labels: Any, **options: Any) -> Any:
        time.sleep(0.01 * len(labels))
        return true(logits, labels, **options)

    return loss


def of_rank(number: int, plant: Callable[[], None]) -> Callable[[], None]:
    """Plant only in this rank of check `ranks`."""
    return lambda: plant() if os.environ.get("RANK") == str(number) else None


def lies(true: Any) -> Any:
    def reduce(tensor: Any, *args: Any, **options: Any) -> Any:
        if tensor.dtype == torch.int64:
            tensor.zero_()
        return true(tensor, *args, **options)

    return reduce


def garbles(true: Any) -> Any:
    return lambda tensor, other, *args, **options: true(tensor ^ 1, other, *args, **options)


def then(act: Callable[[], Any]) -> Callable[[Any], Any]:
    """Act first; for one that never returns."""

    def make(true: Any) -> Any:
        def acting(*args: Any, **options: Any) -> Any:
            act()
            return true(*args, **options)

        return acting

    return make


def alone() -> None:
    torch.nn.parallel.DistributedDataParallel = lambda model: model


def no_compiler() -> None:
    os.environ["PATH"] = "/nonexistent"
    for name in ("CC", "CXX"):
        os.environ.pop(name, None)


def shm_starved() -> None:
    little: Any = SimpleNamespace(total=1 << 20, used=0, free=1 << 20)
    shutil.disk_usage = lambda path: little


def shm_missing(true: Any) -> Any:
    return lambda path, *args, **options: path != "/dev/shm" and true(path, *args, **options)  # noqa: S108


MATMUL = (torch.Tensor, "__matmul__")
PLANTS: dict[str, Callable[[], Any]] = {
    **dict.fromkeys(
        (
            *("imagined-gpu", "gpu-idle", "gpu-unpowered", "gpu-empty", "gpu-elsewhere", "gpu-locked", "gpu-slowed"),
            *("gpu-hot", "gpu-braked", "gpu-warm", "gpu-capped", "gpu-silent", "gpu-hanging", "slot-slow"),
            *("slot-narrow", "ecc-error", "xid", "gpu-lost"),
        ),
        imagined,
    ),
    "gpu-no-faster": not_faster,
    "nhwc-wrong": around(F, "conv2d", nhwc_wrong),
    "product-row-lost": around(*MATMUL, row_lost),
    "bfloat16-refused": around(*MATMUL, no_bfloat16),
    "products-slow": around(*MATMUL, slow_products),
    "memory-refused": around(torch, "empty", memory_refused),
    "memory-bit-stuck": around(torch.Tensor, "copy_", bit_stuck),
    "memory-sum-wrong": around(torch, "add", sum_wrong),
    "batches-useless": around(F, "cross_entropy", batch_by_batch),
    "rank-lies": of_rank(1, around(dist, "all_reduce", lies)),
    "rank-garbles": of_rank(1, around(dist, "send", garbles)),
    "rank-sleeps": of_rank(1, around(dist, "all_gather", then(lambda: time.sleep(3600)))),
    "rank-dies": of_rank(1, around(dist, "all_gather", then(lambda: os._exit(9)))),
    "rank-alone": alone,
    "rank-slow": of_rank(1, around(*MATMUL, then(lambda: time.sleep(0.2)))),
    "compiler-hidden": no_compiler,
    "shm-starved": shm_starved,
    "shm-missing": around(os, "access", shm_missing),
}
