"""How a fleet's run gets on, on stderr: a live count on a terminal, and every host that is not well as it comes."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

from envsetup.report.terminal import colour_wanted

if TYPE_CHECKING:
    from envsetup.model.fleet import HostRow

SHOWN = 20  # hosts that are told one by one; a broken fleet must not flood the terminal
_CLEAR = "\r\x1b[2K"


class HostLines:
    """Rows to lines. `quiet` says nothing at all."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._live = colour_wanted(sys.stderr) and not quiet
        self._outcomes: Counter[str] = Counter()

    def end(self) -> None:
        """The run is over, or was ended."""
        if self._live:
            click.echo(_CLEAR, err=True, nl=False)

    def say(self, line: str) -> None:
        """A line that stays."""
        if not self._quiet:
            click.echo((_CLEAR if self._live else "") + line, err=True)

    def host(self, row: HostRow, done: int, total: int) -> None:
        """A host's row came."""
        self._outcomes[row.outcome] += 1
        unwell = sum(self._outcomes.values()) - self._outcomes["ok"]
        if row.outcome != "ok" and unwell <= SHOWN:
            self.say(f"  {row.host}: {row.outcome}: {row.reason}")
        if row.outcome != "ok" and unwell == SHOWN + 1:
            self.say("  and more: they stand in the report")
        if self._live:
            said = ", ".join(f"{count} {outcome}" for outcome, count in self._outcomes.most_common())
            click.echo(f"{_CLEAR}  {done} of {total} hosts: {said}", err=True, nl=False)
