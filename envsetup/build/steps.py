"""A build is a list of steps: the same list is printed by --dry-run and performed, with its progress told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Optional, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Progress(Protocol):
    """Who is told how a build gets on. Seconds are wall time."""

    def start(self, title: str) -> None:
        """A step begins."""
        ...

    def tick(self) -> None:
        """It is still running; called a few times a second."""
        ...

    def done(self, title: str, detail: str, seconds: float) -> None:
        """It ended well; `detail` is one short clause or empty."""
        ...

    def failed(self, title: str, seconds: float) -> None:
        """It did not; an error follows."""
        ...


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step. `command` is what it amounts to at a shell, without secrets; `run` returns a detail to show.

    Undoing needs no code per step: all of them work inside the stage, which is removed as a whole.
    """

    id: str
    title: str
    command: Optional[str] = None
    run: Callable[[Callable[[], None]], str]

    @property
    def line(self) -> str:
        """For people."""
        return f"{self.title}: {self.command}" if self.command else self.title


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """How long a step took."""

    step: str
    seconds: float


def perform(steps: Sequence[Step], progress: Progress) -> list[Timing]:
    """Run the steps in order; the first that raises ends it."""
    timings = []
    for step in steps:
        started = time.monotonic()
        progress.start(step.title)
        try:
            detail = step.run(progress.tick)
        except BaseException:
            progress.failed(step.title, time.monotonic() - started)
            raise
        seconds = time.monotonic() - started
        progress.done(step.title, detail, seconds)
        timings.append(Timing(step=step.id, seconds=round(seconds, 3)))
    return timings
