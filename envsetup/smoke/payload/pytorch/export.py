"""Check `export`: the trained network, written to a file and read again, answers as before."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import torch

from .. import data, reference
from .net import Net, with_weights

if TYPE_CHECKING:
    from ..context import Context


def run(context: Context) -> dict[str, Any]:
    if not hasattr(torch, "export") or not hasattr(torch.export, "save"):
        return {"skip": f"PyTorch {torch.__version__} has no torch.export"}
    device = context.device
    model = with_weights(Net(), reference.weights()).to(device.torch_name).eval()
    images = device.put(torch.from_numpy(data.normalise(data.generate(32, context.seed)[0])))
    with torch.no_grad():
        want = model(images)
    context.journal.doing("exporting with torch.export")
    program = torch.export.export(model, (images,))
    path = os.path.join(context.scratch, "net.pt2")  # noqa: PTH118
    torch.export.save(program, path)
    try:
        context.journal.doing("loading what was exported")
        got = torch.export.load(path).module()(images).detach()
        size = os.path.getsize(path)  # noqa: PTH202
    finally:
        os.unlink(path)  # noqa: PTH108
    return {
        "metrics": {
            "largest_difference": float((got - want).abs().max()),
            "answers_differing": int((got.argmax(1) != want.argmax(1)).sum()),
            "elsewhere": int(got.device.type != torch.device(device.torch_name).type),
        },
        "evidence": {"bytes": size, "images": len(images)},
    }
