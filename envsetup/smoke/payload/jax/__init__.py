"""The checks for JAX."""

from __future__ import annotations

from ..checks import SHARED

# check id: module of this package
CHECKS = {
    **SHARED,
    "devices": "visible",
    "no-fallback": "placement",
}
