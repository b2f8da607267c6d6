"""What came back, on disk as it comes: after a kill -9 nothing that was received is lost, and a run can go on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envsetup.fleet.reading import documents, read
from envsetup.model.errors import InputError
from envsetup.model.fleet import REPORTED

if TYPE_CHECKING:
    from envsetup.fleet.reading import Answer
    from envsetup.model.fleet import HostRow, Outcome

ROWS = "hosts.jsonl"


class Journal:
    """A folder with one row a host in `hosts.jsonl`; a host that was asked again stands there twice, the later counts.

    Raises InputError when the folder already holds a run and `resume` is not wanted.
    """

    def __init__(self, folder: str, *, resume: bool) -> None:
        self._rows = Path(folder) / ROWS
        if self._rows.exists() and not resume:
            raise InputError(f"{folder}: already holds a run; --resume goes on with it, or give another folder")
        try:
            self._rows.parent.mkdir(parents=True, exist_ok=True)
            self._end_torn_line()
            self._file = self._rows.open("ab")
        except OSError as error:
            raise InputError(f"{folder}: {error.strerror or error}") from error

    def _end_torn_line(self) -> None:
        """A row that was being written when the run was killed must not swallow the next one."""
        with self._rows.open("a+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            if size and file.read() != b"\n":
                file.write(b"\n")

    def received(self, outcomes: frozenset[Outcome] = REPORTED) -> list[Answer]:
        """The hosts that gave a report with one of these outcomes; the others are worth asking again."""
        answers = (read(source.data, source.name) for source in documents(str(self._rows)) if source.data.strip())
        return [answer for answer in answers if answer.kind == "row" and answer.row.outcome in outcomes]

    def add(self, row: HostRow) -> None:
        """Keep a row; it is with the operating system when this returns."""
        self._file.write(msgspec.json.encode(row) + b"\n")
        self._file.flush()

    def close(self) -> None:
        """The run is over."""
        self._file.close()
