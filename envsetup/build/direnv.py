"""direnv's hook of a project: one marked block in the user's own `.envrc`, and nothing else of it changes.

direnv runs the file with bash and in its folder; a changed one waits for `direnv allow`. See
https://direnv.net/man/direnv-stdlib.1.html for PATH_add.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from envsetup.model.errors import BuildError, InputError
from envsetup.render.quoting import sh
from envsetup.world.files import write_whole

NAME = ".envrc"
_BLOCK = re.compile(r"^# >>> envsetup >>>\n.*?^# <<< envsetup <<<\n", re.MULTILINE | re.DOTALL)


def block(name: str) -> str:
    """The lines that make the environment `name`, beside the file, the one of its folder."""
    return (
        "# >>> envsetup >>>\n"
        f'export VIRTUAL_ENV="$PWD"/{sh(name)}\n'
        'PATH_add "$VIRTUAL_ENV/bin"\n'
        "unset PYTHONHOME\n"
        "# <<< envsetup <<<\n"
    )


def settle(target: Path) -> str:
    """Put the block into the file beside `target`; what there is to do next, as one clause.

    Raises BuildError when the file cannot be written.
    """
    path = target.parent / NAME
    text = _read(path)
    wanted = block(target.name)
    if _BLOCK.search(text):
        new = _BLOCK.sub(lambda _: wanted, text, count=1)
    else:
        new = text + ("\n" if text and not text.endswith("\n") else "") + wanted
    if new != text:
        _write(path, new)
    return f"{path}: allow it with: direnv allow"


def clear(target: Path) -> None:
    """Take the block out again where it names `target`; a file that held nothing else goes."""
    path = target.parent / NAME
    try:
        text = _read(path)
    except BuildError:
        return  # not ours to mend
    if block(target.name) not in text:
        return
    rest = text.replace(block(target.name), "")
    if rest.strip():
        _write(path, rest)
    else:
        path.unlink(missing_ok=True)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text, left as it is"
        raise BuildError(f"{path}: {reason}") from error


def _write(path: Path, text: str) -> None:
    mode = path.stat().st_mode & 0o7777 if path.exists() else 0o644
    try:
        write_whole(os.path.realpath(path), text, mode=mode)  # a link of the user's stays one
    except InputError as error:
        raise BuildError(error.message) from error
