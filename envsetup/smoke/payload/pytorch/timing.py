"""Rates: how often a call is done per second, measured over a stretch of time and waited for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

BURST = 0.05  # seconds of calls between two waits: waiting costs nothing then, and a series of rates remains


def rate(call: Callable[[], Any], device: Any, seconds: float) -> tuple[float, list[float]]:
    """Calls per second as the mean over about `seconds`, and the same per burst, in the order of time."""
    call()  # the first call loads kernels and fills caches
    device.synchronize()
    began = time.perf_counter()
    call()
    device.synchronize()
    burst = max(1, min(100_000, round(BURST / max(time.perf_counter() - began, 1e-9))))
    series, calls, began = [], 0, time.perf_counter()
    before = began
    while before - began < seconds:
        for _ in range(burst):
            call()
        device.synchronize()
        now = time.perf_counter()
        series.append(burst / max(now - before, 1e-9))
        calls, before = calls + burst, now
    return calls / (before - began), series


def last_over_first(series: list[float]) -> float | None:
    """The mean of the last quarter over that of the first, None when there are too few to say."""
    quarter = len(series) // 4
    return sum(series[-quarter:]) / sum(series[:quarter]) if quarter else None
