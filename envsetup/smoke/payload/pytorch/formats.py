"""The files that PyTorch serves a network from, without the network's own program: torch.export."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    import numpy as np


def absent() -> str | None:
    """Why there is no such file."""
    if hasattr(torch, "export") and hasattr(torch.export, "save"):
        return None
    return f"PyTorch {torch.__version__} has no torch.export"


def write(trainer: Any, folder: str, images: np.ndarray) -> dict[str, str]:
    """Write the network of this trainer; path by format."""
    path = os.path.join(folder, "net.pt2")  # noqa: PTH118
    device = next(trainer.model.parameters()).device
    program = torch.export.export(trainer.model.eval(), (torch.from_numpy(images).to(device),))
    torch.export.save(program, path)
    return {"torch.export": path}


def serve(name: str, path: str, images: np.ndarray) -> tuple[np.ndarray, str]:
    """The file's answers, and the type of the device that made them."""
    del name
    module = torch.export.load(path).module()
    device = next(iter(module.state_dict().values())).device
    with torch.no_grad():
        out = module(torch.from_numpy(images).to(device))
    return out.to("cpu").numpy(), out.device.type
