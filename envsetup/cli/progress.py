"""How a build gets on, on stderr: a live line per step on a terminal, plain lines elsewhere and with NO_COLOR."""

from __future__ import annotations

import sys
import time

import click

from envsetup.cli.interrupt import check
from envsetup.report.terminal import colour_wanted

_CLEAR = "\r\x1b[2K"


class Lines:
    """Implements `build.steps.Progress`. `quiet` says nothing at all."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = colour_wanted(sys.stderr) and not quiet
        self._title = ""
        self._since = 0.0

    def start(self, title: str) -> None:
        """A step begins."""
        self._title, self._since = title, time.monotonic()
        self.tick()

    def tick(self) -> None:
        """It is still running."""
        check()
        if self._live:
            seconds = time.monotonic() - self._since
            click.echo(f"{_CLEAR}  .. {self._title}  {seconds:.1f} s", err=True, nl=False)

    def clear(self) -> None:
        """Leave no trace of the step that runs."""
        if self._live:
            click.echo(_CLEAR, err=True, nl=False)

    def done(self, title: str, detail: str, seconds: float) -> None:
        """It ended well."""
        self._end("ok", title, detail, seconds, "green")

    def failed(self, title: str, seconds: float) -> None:
        """It did not."""
        self._end("no", title, "", seconds, "red")

    def _end(self, mark: str, title: str, detail: str, seconds: float, colour: str) -> None:
        if self._quiet:
            return
        shown = click.style(mark, fg=colour) if self._live else mark
        text = f"  {shown} {title}  {seconds:.1f} s" + (f"  {detail}" if detail else "")
        click.echo((_CLEAR if self._live else "") + text, err=True)
