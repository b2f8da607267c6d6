"""Check `no-fallback`: in a training step every tensor lives, and every heavy operation runs, on the asked device."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch.utils._python_dispatch import TorchDispatchMode

from .. import data
from .net import Net

if TYPE_CHECKING:
    from ..context import Context

HEAVY = ("convolution", "mm", "addmm", "bmm", "baddbmm", "scaled_dot_product")


class Audit(TorchDispatchMode):  # type: ignore[misc]
    """Counts, by device type, where the operations that carry the work put their results."""

    def __init__(self) -> None:
        super().__init__()
        self.heavy: collections.Counter[str] = collections.Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        out = func(*args, **(kwargs or {}))
        first = out[0] if isinstance(out, (tuple, list)) else out
        name = func.name().split("::")[-1].split(".")[0]
        if isinstance(first, torch.Tensor) and any(name.startswith(heavy) for heavy in HEAVY):
            self.heavy[first.device.type] += 1
        return out


def tensors_of(model: Any, optimizer: Any) -> dict[str, Any]:
    """Parameters, gradients, buffers and optimizer state by name (a step counter without dimensions may stay home)."""
    named = dict(model.named_parameters())
    found = {**named, **{f"{name}.grad": p.grad for name, p in named.items()}, **dict(model.named_buffers())}
    for name, parameter in named.items():
        for key, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, torch.Tensor) and value.dim():
                found[f"{name}.{key}"] = value
    return found


def run(context: Context) -> dict[str, Any]:
    device = context.device
    kind = torch.device(device.torch_name).type
    images, labels = data.generate(16, context.seed)
    model = Net().to(device.torch_name)
    optimizer = torch.optim.Adam(model.parameters())
    context.journal.doing(f"running one audited training step on {device.torch_name}")
    with Audit() as audit:
        out = model(device.put(torch.from_numpy(data.normalise(images))))
        F.cross_entropy(out, device.put(torch.from_numpy(labels))).backward()
        optimizer.step()
    tensors = {**tensors_of(model, optimizer), "logits": out}
    elsewhere = {name: "missing" if t is None else t.device.type for name, t in tensors.items()}
    elsewhere = {name: where for name, where in elsewhere.items() if where != kind}
    return {
        "metrics": {
            "tensors": len(tensors),
            "tensors_elsewhere": len(elsewhere),
            "heavy_ops": audit.heavy[kind],
            "heavy_ops_elsewhere": sum(audit.heavy.values()) - audit.heavy[kind],
        },
        "evidence": {"elsewhere": elsewhere, "heavy_ops": dict(audit.heavy), "asked": kind},
    }
