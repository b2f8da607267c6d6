"""Ctrl-C and SIGTERM end a build, wherever they strike.

Python drops an exception that is raised within a destructor or a callback of fork, a KeyboardInterrupt too: so the
signal is remembered, and whoever asks next raises it again.
"""

from __future__ import annotations

import signal

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_seen: list[int] = []


def watch() -> None:
    """From now on both signals raise KeyboardInterrupt and are remembered."""

    def interrupt(number: int, _: object) -> None:
        _seen.append(number)
        raise KeyboardInterrupt

    for number in _SIGNALS:
        signal.signal(number, interrupt)


def check() -> None:
    """Raise the interrupt that got lost, if one did."""
    if _seen:
        raise KeyboardInterrupt
