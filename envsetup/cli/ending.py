"""How a command ends: one line for what the user can act on, 130 for Ctrl-C, 70 and a log for a bug."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envsetup.model.errors import EnvsetupError, Exit

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(group: click.Group, args: Sequence[str] | None = None) -> int:
    """Run the group and turn whatever happens into an exit code; nothing but results goes to stdout."""
    try:
        result = group.main(args=list(args) if args is not None else None, prog_name="envsetup", standalone_mode=False)
    except EnvsetupError as error:
        _say(f"error: {error.message}" + (f" ({error.hint})" if error.hint else ""))
        return int(error.exit_code)
    except click.ClickException as error:
        _say(f"error: {error.format_message()}")
        return int(Exit.USAGE)
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted; nothing was left half-made")
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        return int(Exit.OK)
    except Exception as error:  # noqa: BLE001 - the last line of defence
        _say(f"bug: {type(error).__name__}: {error}; please report it with the log {_log()}")
        return int(Exit.BUG)
    return int(result) if isinstance(result, int) else int(Exit.OK)


def _say(line: str) -> None:
    sys.stderr.write(line.replace("\n", " ") + "\n")


def _log() -> str:
    """Write the traceback where the user can find it; the place, or '-' for stderr when no folder can be written."""
    import os

    import platformdirs

    text = traceback.format_exc()
    try:
        folder = Path(platformdirs.user_log_dir("envsetup", appauthor=False))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"bug-{os.getpid()}.log"
        path.write_text(text, encoding="utf-8")
    except OSError:
        sys.stderr.write(text)
        return "above"
    return str(path)
