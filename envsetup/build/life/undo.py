"""The log of what was changed on the user's behalf, each line with the command that takes it back."""

from __future__ import annotations

from pathlib import Path

import msgspec

from envsetup.model.errors import BuildError

NAME = "undo.jsonl"


class Undo(msgspec.Struct, frozen=True, kw_only=True):
    """One change. `undo` is a line for the shell; `at` is ISO 8601, UTC."""

    at: str
    what: str
    path: str
    kept: str
    undo: str


def log_path() -> Path:
    """Where the log stands."""
    import platformdirs  # noqa: PLC0415 - only when something is changed

    return Path(platformdirs.user_state_dir("envsetup", appauthor=False)) / NAME


def note(entry: Undo) -> Path:
    """Append an entry, before the change that it is about; the log's path. Raises BuildError: without it, no change."""
    try:
        path = log_path()
    except RuntimeError as error:  # of a user without any home
        raise BuildError(f"there is no place for the undo log, so nothing is changed: {error}") from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as log:
            log.write(msgspec.json.encode(entry) + b"\n")
            log.flush()
    except OSError as error:
        raise BuildError(f"{path}: the undo log cannot be written ({error.strerror}), so nothing is changed") from error
    return path
