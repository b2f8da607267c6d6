"""Faults in PyTorch, by name. Each changes functions that the checks reach through torch's own public names."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812

if TYPE_CHECKING:
    from collections.abc import Callable

calls = {"n": 0}


class ChangeGradient(torch.autograd.Function):  # type: ignore[misc]
    """The identity, whose gradient is changed."""

    @staticmethod
    def forward(ctx: Any, tensor: Any, change: Any) -> Any:
        ctx.change = change
        return tensor.view_as(tensor)

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return ctx.change(grad), None


def around_conv(
    channels: int,
    *,
    weight: Callable[[Any], Any] = lambda w: w,
    out: Callable[[Any], Any] = lambda o: o,
) -> None:
    """Change weight and result of every float32 convolution with so many input channels."""
    true = F.conv2d

    def wrong(x: Any, w: Any, *rest: Any, **options: Any) -> Any:
        if w.dtype != torch.float32 or w.shape[1] != channels:
            return true(x, w, *rest, **options)
        return out(true(x, weight(w), *rest, **options))

    F.conv2d = wrong


def conv_gradient(channels: int, change: Callable[[Any], Any]) -> Callable[[], None]:
    return lambda: around_conv(channels, weight=lambda w: ChangeGradient.apply(w, change))


def tap_dead() -> None:
    mask = torch.ones(3, 3)
    mask[2, 2] = 0
    around_conv(32, weight=lambda w: w * mask)


def channel_dead() -> None:
    around_conv(3, out=lambda o: torch.cat([o[:, :1] * 0, o[:, 1:]], 1))


def bit_flip() -> None:
    def flip(o: Any) -> Any:
        calls["n"] += 1
        if calls["n"] % 7:
            return o
        o = o.clone()
        o[0, 0, 0, 0] = o[0, 0, 0, 0] * 1e4
        return o

    around_conv(32, out=flip)


def around_linear(change: Callable[[Any, Any, Any, Any], Any], features: int) -> None:
    """Replace float32 linear layers with so many inputs."""
    true = F.linear

    def wrong(x: Any, w: Any, b: Any = None) -> Any:
        if w.dtype != torch.float32 or w.shape[1] != features:
            return true(x, w, b)
        return change(true, x, w, b)

    F.linear = wrong


def linear_bfloat16() -> None:
    around_linear(lambda _, x, w, b: (x.bfloat16() @ w.bfloat16().t()).to(x) + b, 4096)


def linear_three_bits() -> None:
    def coarse(true: Any, x: Any, w: Any, b: Any) -> Any:
        out = true(x, w, b)
        kept = (out.detach().view(torch.int32) & ~0xFFFFF).view(torch.float32)
        return out + (kept - out.detach())

    around_linear(coarse, 4096)


def nan_after_30() -> None:
    def poisoned(true: Any, x: Any, w: Any, b: Any) -> Any:
        out = true(x, w, b)
        calls["n"] += 1
        if calls["n"] > 30:
            out = out.clone()
            out[0, 0] = float("nan")
        return out

    around_linear(poisoned, 128)


def average_pool() -> None:
    F.max_pool2d = F.avg_pool2d


def each_optimizer(make: Callable[[Any], Any]) -> None:
    for kind in (torch.optim.SGD, torch.optim.Adam):
        kind.step = make(kind.step)


def optimizer_idle() -> None:
    def idle(self: Any, closure: Any = None) -> None:
        del self, closure

    torch.optim.SGD.step = torch.optim.Adam.step = idle


def layer_frozen() -> None:
    def forgetful(true: Any) -> Any:
        def step(self: Any, closure: Any = None) -> Any:
            first = self.param_groups[0]["params"][0]
            before = first.detach().clone()
            out = true(self, closure)
            with torch.no_grad():
                first.copy_(before)
            return out

        return step

    each_optimizer(forgetful)


def nan_late() -> None:
    true = F.cross_entropy

    def poisoned(logits: Any, labels: Any, **options: Any) -> Any:
        loss = true(logits, labels, **options)
        if len(labels) == 64 and logits.requires_grad:
            calls["n"] += 1
        return loss * float("nan") if calls["n"] >= 130 else loss  # ten of them are golden steps

    F.cross_entropy = poisoned


def around_copy(change: Callable[[Any], Any]) -> None:
    """Change what `Tensor.to` brings to a device."""
    true = torch.Tensor.to

    def wrong(self: Any, *args: Any, **options: Any) -> Any:
        out = true(self, *args, **options)
        return change(out) if args and isinstance(args[0], str) else out

    torch.Tensor.to = wrong


def labels_shifted() -> None:
    around_copy(lambda t: torch.roll(t, 1) if t.dtype == torch.int64 and t.dim() == 1 else t)


def half_batch_zero() -> None:
    def half(t: Any) -> Any:
        if t.dim() != 4 or t.shape[:2] != (64, 3):
            return t
        t = t.clone()
        t[32:] = 0
        return t

    around_copy(half)


def silent_cpu() -> None:
    torch.version.cuda = "13.0"
    torch.cuda.is_available = lambda: True
    torch.cuda.device_count = lambda: 1
    torch.cuda.get_device_name = lambda _: "an imagined GPU"
    torch.cuda.get_device_capability = lambda _: (9, 0)
    torch.cuda.get_arch_list = lambda: ["sm_90"]
    torch.cuda.get_device_properties = lambda _: SimpleNamespace(total_memory=1 << 34)
    torch.cuda.synchronize = lambda: None
    torch.cuda.memory_allocated = lambda _: 0
    copy, move, ones = torch.Tensor.to, torch.nn.Module.to, torch.ones
    torch.Tensor.to = lambda self, *args, **options: self if args == ("cuda:0",) else copy(self, *args, **options)
    torch.nn.Module.to = lambda self, *args, **options: self if args == ("cuda:0",) else move(self, *args, **options)

    def ones_here(*args: Any, device: Any = None, **options: Any) -> Any:
        del device
        return ones(*args, **options)

    torch.ones = ones_here


def column_lost() -> None:
    """Only float32 is wrong, so that a float64 reference on the same machine would stay right."""
    library = torch.library.Library("aten", "IMPL")

    def mm(a: Any, b: Any) -> Any:
        zero = torch.zeros(a.shape[0], b.shape[1], dtype=torch.float64)
        out = torch.addmm(zero, a.double(), b.double()).to(a.dtype)
        if a.dtype == torch.float32:
            out[:, 0] = 0
        return out

    library.impl("mm", mm, "CPU")
    torch.planted_library = library  # it lives as long as somebody holds it


def in_golden(act: Callable[[], Any]) -> Callable[[], None]:
    """Act when the reference CNN's first batch of 64 meets the second convolution: during the golden curve."""

    def plant() -> None:
        true = F.conv2d

        def wrong(x: Any, w: Any, *rest: Any, **options: Any) -> Any:
            if x.shape[0] == 64 and w.shape[1] == 32:
                act()
            return true(x, w, *rest, **options)

        F.conv2d = wrong

    return plant


def refuse() -> None:
    raise RuntimeError("CUDA error: no kernel image is available for execution on the device")


def import_broken() -> None:
    raise ImportError("libcudart.so.13: cannot open shared object file: No such file or directory")


def leave(act: Callable[[], Any]) -> Callable[[], None]:
    """Act once, at the first softmax."""

    def plant() -> None:
        true = F.softmax

        def wrong(*args: Any, **options: Any) -> Any:
            if not calls["n"]:
                act()
            calls["n"] += 1
            return true(*args, **options)

        F.softmax = wrong

    return plant


def page_lost() -> None:
    silent_cpu()
    copy = torch.Tensor.to
    torch.Tensor.pin_memory = lambda self: self

    def lossy(self: Any, *args: Any, **options: Any) -> Any:
        if args == ("cuda:0",) and self.numel() > 1 << 20:
            self = self.clone()
            self.view(-1)[4096:4608] = 0
        return copy(self, *args, **options) if not options else self

    torch.Tensor.to = lossy


def no_kernel_image() -> None:
    silent_cpu()
    true = torch.ones

    def ones(*args: Any, device: Any = None, **options: Any) -> Any:
        if device == "cuda:0":
            refuse()
        return true(*args, **options)

    torch.ones = ones


def memory_kept() -> None:
    true, kept = F.cross_entropy, []

    def keeping(logits: Any, labels: Any, **options: Any) -> Any:
        kept.append(torch.zeros(1 << 22))
        return true(logits, labels, **options)

    F.cross_entropy = keeping


PLANTS: dict[str, Callable[[], Any]] = {
    "conv-tap-dead": tap_dead,
    "conv1-gradient-zero": conv_gradient(3, torch.zeros_like),
    "conv2-gradient-transposed": conv_gradient(32, lambda g: g.transpose(2, 3)),
    "conv2-gradient-sign": conv_gradient(32, torch.neg),
    "conv2-gradient-halved": conv_gradient(32, lambda g: g * 0.5),
    "channel-dead": channel_dead,
    "average-for-max-pool": average_pool,
    "linear-in-bfloat16": linear_bfloat16,
    "linear-three-bits": linear_three_bits,
    "bit-flip": bit_flip,
    "nan-after-30": nan_after_30,
    "optimizer-idle": optimizer_idle,
    "labels-shifted": labels_shifted,
    "half-batch-zero": half_batch_zero,
    "silent-cpu": silent_cpu,
    "onnx-on-cpu": silent_cpu,  # the onnxruntime of the environment is the real one, without CUDA
    "layer-frozen": layer_frozen,
    "nan-late": nan_late,
    "kernel-column-lost": column_lost,
    "hang": in_golden(lambda: time.sleep(3600)),
    "crash": in_golden(lambda: os.kill(os.getpid(), 11)),
    "refuses": in_golden(refuse),
    "import-broken": import_broken,
    "child-left": leave(lambda: subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])),
    "file-left": leave(tempfile.mkstemp),
    "memory-kept": memory_kept,
    "no-kernel-image": no_kernel_image,
    "page-lost": page_lost,
}
