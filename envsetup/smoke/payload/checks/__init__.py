"""The checks that are written once and run on every framework through its backend.

A check is a module with `run(context)` that returns its numbers; it judges nothing.
"""

from __future__ import annotations

# check id: module, as seen from a framework's package
SHARED = {
    "data": ".checks.integrity",
    "op-parity": ".checks.ops",
    "gradient-parity": ".checks.gradients",
    "golden-curve": ".checks.golden",
    "repeatability": ".checks.repeat",
    "learning": ".checks.learning",
    "transfer": ".checks.transfer",
    "checkpoint": ".checks.checkpoint",
    "export": ".checks.export",
    "lstm": ".checks.lstm",
    "transformer": ".checks.transformer",
    "cleanup": ".checks.cleanup",
}
