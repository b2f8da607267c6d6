"""Ctrl-C and SIGTERM while an engine runs: noted at once, acted on when the engine has been stopped."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def interruptible() -> Iterator[Event]:
    """Within it the two signals only set the event; at its end KeyboardInterrupt is raised if one came."""
    came = Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: came.set()) for number in numbers]
    try:
        yield came
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
    if came.is_set():
        raise KeyboardInterrupt
