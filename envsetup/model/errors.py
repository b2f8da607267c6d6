"""Errors that end a command with one clear line, and the exit codes of every command."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes, the same for every command."""

    OK = 0
    FINDINGS = 1  # findings at or above --fail-on, smoke FAIL, plan impossible
    USAGE = 2  # bad usage or unreadable input
    UNDECIDED = 3  # a required check unknown, timed out or skipped; CPU only when a GPU was asked for
    FLEET_PARTIAL = 4
    BUG = 70
    INTERRUPTED = 130


class EnvsetupError(Exception):
    """Something the user can act on: one line that names the place and what would be accepted."""

    exit_code: Exit = Exit.USAGE

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(EnvsetupError):
    """Usage, or an input file that cannot be read."""


class BuildError(EnvsetupError):
    """An environment could not be built; nothing was left behind."""

    exit_code = Exit.FINDINGS


class UndecidedError(EnvsetupError):
    """A look that was required could not be taken."""

    exit_code = Exit.UNDECIDED
