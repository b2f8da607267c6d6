"""Check `channels-last`: convolutions agree with float64 in the other memory layout and with every algorithm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from .. import data, reference

if TYPE_CHECKING:
    from ..context import Context


def deviation(got: Any, want: np.ndarray) -> float:
    """Relative L2 deviation of a tensor, on any device, from numpy float64; a missing tensor is NaN."""
    if got is None:
        return float("nan")
    difference = got.detach().to("cpu").double().numpy() - want
    return float(np.linalg.norm(difference) / np.linalg.norm(want))


def run(context: Context) -> dict[str, Any]:
    device, key = context.device, (context.seed + 1) << 44
    shapes = {"x": (8, 32, 17, 17), "w": (64, 32, 3, 3), "b": (64,), "g": (8, 64, 17, 17)}
    numbers = {name: data.uniform(shape, key | number << 36) for number, (name, shape) in enumerate(shapes.items())}
    context.journal.doing("computing the float64 reference in numpy")
    want = reference.conv(numbers["x"], numbers["w"], numbers["b"])
    want_dx, want_dw, want_db = reference.conv_backward(numbers["x"], numbers["w"], numbers["g"])
    made = {name: device.put(torch.from_numpy(value).float()) for name, value in numbers.items()}
    metrics: dict[str, float] = {}
    searched = torch.backends.cudnn.benchmark
    for way, search in (("nhwc", False), ("nhwc_searched", True)):
        context.journal.doing(f"running a convolution in channels_last on {device.torch_name} ({way})")
        torch.backends.cudnn.benchmark = search
        x, w = (made[name].clone().to(memory_format=torch.channels_last).requires_grad_() for name in "xw")
        b = made["b"].clone().requires_grad_()
        out = F.conv2d(x, w, b, padding=1)
        out.backward(made["g"].to(memory_format=torch.channels_last))
        metrics[way] = deviation(out, want)
        for name, got, right in (("dX", x, want_dx), ("dW", w, want_dw), ("db", b, want_db)):
            metrics[f"{way}.{name}"] = deviation(got.grad, right)
    torch.backends.cudnn.benchmark = searched
    evidence: dict[str, Any] = {}
    if device.kind == "cuda":
        metrics["cudnn_missing"] = int(not torch.backends.cudnn.is_available())
        compiled = getattr(torch._C, "_cudnn", None)  # noqa: SLF001 - no public name tells what it was built with
        if compiled is not None and hasattr(compiled, "getCompileVersion"):
            built, running = compiled.getCompileVersion(), compiled.getRuntimeVersion()
            evidence.update(cudnn_built=list(built), cudnn_running=list(running))
            metrics["cudnn_other_major"] = int(built[0] != running[0])
    return {"metrics": metrics, "evidence": evidence}
