"""Faults in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np


def wrong_bytes() -> None:
    clip = np.clip

    def wrong(values: Any, *limits: Any, **options: Any) -> Any:
        out = clip(values, *limits, **options)
        out.flat[-1] ^= 1
        return out

    np.clip = wrong


PLANTS = {"wrong-bytes": wrong_bytes}
