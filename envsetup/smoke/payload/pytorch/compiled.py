"""Check `compile`: torch.compile makes code, runs it, and it computes the same."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812

from .. import data

if TYPE_CHECKING:
    from ..context import Context


def run(context: Context) -> dict[str, Any]:
    lacking = missing(context)
    if lacking:
        return {"skip": lacking}
    import torch._dynamo  # noqa: PLC0415 - a second, only here
    from torch._inductor import metrics  # noqa: PLC0415

    torch._dynamo.config.suppress_errors = False  # a silent fallback to eager would pass for success  # noqa: SLF001
    put, key = context.device.put, (context.seed + 1) << 44
    x, w = (put(torch.from_numpy(data.uniform((65, 129), key + (n << 36))).float()).requires_grad_() for n in (0, 1))

    def function(x: Any, w: Any) -> Any:
        return (F.silu(x * w + 1) - torch.tanh(w)).square().mean(-1).sum()

    eager = _both(function, x, w)
    before = metrics.generated_kernel_count
    context.journal.doing(f"compiling a function and its gradient for {context.device.torch_name}")
    compiled = _both(torch.compile(function, fullgraph=True), x, w)
    errors = [float((a - b).norm() / b.norm()) for a, b in zip(compiled, eager)]
    return {
        "metrics": {"deviation": max(errors), "kernels_made": metrics.generated_kernel_count - before},
        "evidence": {"errors": errors},
    }


def _both(function: Any, x: Any, w: Any) -> list[Any]:
    out = function(x, w)
    return [out.detach(), *(g.detach() for g in torch.autograd.grad(out, (x, w)))]


def missing(context: Context) -> str | None:
    """What the compiler needs and is not there."""
    if not hasattr(torch, "compile"):
        return f"PyTorch {torch.__version__} has no torch.compile"
    if context.device.kind == "cpu":
        if not any(shutil.which(name) for name in ("g++", "c++", "clang++")):
            return "no C++ compiler on PATH"
        header = Path(sysconfig.get_paths()["include"]) / "Python.h"
        if not header.exists():
            return f"no {header}: Python's development headers are not installed"
        return None
    try:
        __import__("triton")
    except ImportError as error:
        return f"no triton for Python {sys.version_info[0]}.{sys.version_info[1]}: {error}"
    return None
