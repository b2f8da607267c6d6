"""What is seen on stderr while the checks run: one living line on a terminal, one line per check elsewhere."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, TextIO

from envsetup.report.smoke_text import sparkline

if TYPE_CHECKING:
    from envsetup.model.proof import SmokeCheck

BAR = 24
EVERY = 50  # training steps between lines where no line can be rewritten


class SmokeProgress:
    """Watches a run. `live` rewrites one line, which is gone at the end."""

    def __init__(self, stream: TextIO, *, live: bool, total: int) -> None:
        self._stream, self._live, self._total = stream, live, total
        self._done = 0
        self._losses: list[float] = []

    def doing(self, check: str, what: str) -> None:
        self._line(f"{check}: {what}")

    def progress(self, event: dict[str, Any]) -> None:
        step, of, loss = event["step"], event["of"], event["loss"]
        self._losses = [*self._losses, loss if loss is not None else 0.0] if step > 1 else [loss or 0.0]
        known = "" if event["accuracy"] is None else f"  validation {event['accuracy']:.3f}"
        shown = "not a number" if loss is None else f"{loss:.3f}"
        if self._live:
            filled = round(BAR * step / of)
            bar = "━" * filled + "╌" * (BAR - filled)
            self._line(f"training {bar} {step}/{of}  loss {shown} {sparkline(self._losses, width=20)}{known}")
        elif step % EVERY == 0:
            self._stream.write(f"training {step}/{of}  loss {shown}{known}\n")

    def checked(self, check: SmokeCheck) -> None:
        self._done += 1
        if not self._live:
            self._stream.write(f"{check.status:<7} {check.id}  {check.reason}\n")
            self._stream.flush()

    def close(self) -> None:
        """Take the living line away."""
        if self._live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _line(self, text: str) -> None:
        if self._live:
            room = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\x1b[K{f'[{self._done}/{self._total}] {text}'[:room]}")
            self._stream.flush()


class Silent:
    """Watches without a word."""

    def doing(self, check: str, what: str) -> None:
        """Say nothing."""

    def progress(self, event: dict[str, Any]) -> None:
        """Say nothing."""

    def checked(self, check: SmokeCheck) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Nothing to take away."""
