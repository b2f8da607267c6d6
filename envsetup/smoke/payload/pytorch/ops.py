"""How far a tensor is from its float64 reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..checks import ops

if TYPE_CHECKING:
    import numpy as np


def deviation(got: Any, want: np.ndarray) -> float:
    """Relative L2 deviation of a tensor, on any device, from numpy float64; NaN for a missing tensor."""
    return float("nan") if got is None else ops.deviation(got.detach().to("cpu").double().numpy(), want)
