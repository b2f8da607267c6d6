"""What the child says while it works: one JSON object a line, flushed at once, so that a hang or crash has a last word.

Events: `doing` {what}, `ready` {framework, device, host}, `start` {check}, `progress` {check, step, of, ...},
`result` {check, metrics, evidence}, `skip` {check, reason}, `error` {check, reason, traceback, refused},
`unusable` {reason}, `done`.
"""

from __future__ import annotations

import json
import math
import os
from typing import Any


class Journal:
    """Appends events to the file at `path`; ends the process when the runner that reads it has died."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115, PTH123 - open until the process ends
        self._parent = os.getppid()

    def emit(self, event: str, **fields: Any) -> None:
        """Write one event; numbers that are not finite become null."""
        if os.getppid() != self._parent:
            os._exit(3)  # an orphan must not go on occupying the device
        self._file.write(json.dumps({"event": event, **fields}, default=str, allow_nan=False) + "\n")
        self._file.flush()

    def doing(self, what: str) -> None:
        """Say what is about to be done, in words that complete 'while ...'."""
        self.emit("doing", what=what)


def finite(value: float) -> float | None:
    """The number, or None when it is NaN or infinite: JSON has neither."""
    return value if math.isfinite(value) else None
