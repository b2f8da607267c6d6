"""How a command ends: one line for what the user can act on, 130 for Ctrl-C, 70 and a log for a bug."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envsetup.model.errors import EnvsetupError, Exit

if TYPE_CHECKING:
    from collections.abc import Sequence


# A group called without a command; before click 8.2 that was no error.
NO_ARGUMENTS: type[click.UsageError] | tuple[()] = getattr(click.exceptions, "NoArgsIsHelpError", ())
# What a write to stdout fails with when its disk is full or its device is gone.
OUTPUT_ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG)
# Longer than any sentence of envsetup: what is quoted from a file may be a file without a line break.
LONGEST = 2000


def run(group: click.Group, args: Sequence[str] | None = None) -> int:
    """Run the group and turn whatever happens into an exit code; nothing but results goes to stdout."""
    _open_streams()
    try:
        result = group.main(args=list(args) if args is not None else None, prog_name="envsetup", standalone_mode=False)
        sys.stdout.flush()  # here, where a full disk still has an exit code
    except EnvsetupError as error:
        _say(f"error: {error.message}" + (f" ({error.hint})" if error.hint else ""))
        return int(error.exit_code)
    except NO_ARGUMENTS as error:
        sys.stderr.write(error.format_message() + "\n")
        return int(Exit.USAGE)
    except click.ClickException as error:
        _say(f"error: {error.format_message()}")
        return int(Exit.USAGE)
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted; nothing was left half-made")
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        _drop_stdout()
        return int(Exit.OK)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and _folder_is_gone():
            _say("error: the current folder has been removed: change to another one")
            return int(Exit.USAGE)
        if error.filename is not None or error.errno not in OUTPUT_ERRORS:
            return _bug(error)
        _drop_stdout()
        _say(f"error: standard output: {error.strerror}; the result was not written whole")
        return int(Exit.USAGE)
    except Exception as error:  # noqa: BLE001 - the last line of defence
        return _bug(error)
    return int(result) if isinstance(result, int) else int(Exit.OK)


def _open_streams() -> None:
    """A stream that was closed before the start, as by `>&-`, leads nowhere; Python gives None for it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - open until the end


def _folder_is_gone() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 - the question itself
    except OSError:
        return True
    return False


def _bug(error: Exception) -> int:
    _say(f"bug: {type(error).__name__}: {error}; please report it with the log {_log()}")
    return int(Exit.BUG)


def _drop_stdout() -> None:
    """What could not be written must not be tried again, with a traceback, when the interpreter ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(line: str) -> None:
    from envsetup.report.clean import clean

    text = clean(line)
    sys.stderr.write((text if len(text) <= LONGEST else f"{text[:LONGEST]} …") + "\n")


def _log() -> str:
    """Write the traceback where the user can find it; the place, or stderr when no folder can be written."""
    import platformdirs

    text = traceback.format_exc()
    try:
        folder = Path(platformdirs.user_log_dir("envsetup", appauthor=False))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"bug-{os.getpid()}.log"
        path.write_text(text, encoding="utf-8")
    except (OSError, RuntimeError):  # platformdirs raises the latter for a user without any home
        sys.stderr.write(text)
        return "above"
    return str(path)
