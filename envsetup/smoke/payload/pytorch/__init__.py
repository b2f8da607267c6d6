"""The checks for PyTorch. A check is a module with `run(context)` that returns its numbers; it judges nothing."""

from __future__ import annotations

# check id: module of this package
CHECKS = {
    "devices": "visible",
    "data": "integrity",
    "op-parity": "ops",
    "gradient-parity": "gradients",
    "golden-curve": "golden",
    "repeatability": "repeat",
    "no-fallback": "placement",
    "learning": "learning",
    "transfer": "transfer",
    "checkpoint": "checkpoint",
    "dataloader": "loader",
    "export": "export",
    "amp": "amp",
    "compile": "compiled",
    "lstm": "lstm",
    "transformer": "transformer",
    "cleanup": "cleanup",
}
