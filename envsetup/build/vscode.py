"""VS Code's settings of a project: one key is added to the user's own file, and nothing else of it changes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from envsetup.model.errors import BuildError

KEY = "python.defaultInterpreterPath"
# Strings first, so that what looks like a comment within one stays; see "JSON with comments" of VS Code.
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/|,(?=\s*(?://[^\n]*\n\s*|/\*.*?\*/\s*)*[}\]])', re.DOTALL)

_OPENING = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/|\{', re.DOTALL)


def read(text: str) -> dict[str, Any]:
    """Settings with comments and trailing commas to a value. Raises ValueError when they are none."""
    plain = _TOKEN.sub(lambda found: found[0] if found[0].startswith('"') else " ", text)
    value = json.loads(plain) if plain.strip() else {}
    if not isinstance(value, dict):
        raise ValueError("no object")  # noqa: TRY004 - JSON's own errors are ValueErrors
    return value


def merged(text: str, interpreter: str) -> str | None:
    """The settings with the interpreter, or None where they name one already. Raises ValueError as `read`."""
    before = read(text)
    if KEY in before:
        return None
    entry = f"{json.dumps(KEY)}: {json.dumps(interpreter, ensure_ascii=False)}"
    start = next((found.start() for found in _OPENING.finditer(text) if found[0] == "{"), None)
    if start is None:
        return f"{text.rstrip()}\n{{\n    {entry}\n}}\n".lstrip()
    after = f"{text[: start + 1]}\n    {entry}{',' if before else ''}{text[start + 1 :]}"
    if read(after) != {KEY: interpreter} | before:
        raise ValueError("not understood")
    return after


def settle(project: Path, target: Path) -> str:
    """Name `target`'s interpreter in the settings of `project`; what was done, or why not, as one clause.

    Raises BuildError when the file cannot be written.
    """
    path = project / ".vscode" / "settings.json"
    # An interpreter within the project moves with it.
    interpreter = "${workspaceFolder}/" + (target.relative_to(project) / "bin" / "python").as_posix()
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        wanted = merged(text, interpreter)
        if wanted is None:
            return f"{path}: {KEY} stands there already and was left"
        path.parent.mkdir(exist_ok=True)
        _replace(Path(os.path.realpath(path)), wanted)
    except (ValueError, RecursionError):
        return f"{path}: not understood and left as it is; {KEY} is {interpreter}"
    except OSError as error:
        raise BuildError(f"{path}: {error.strerror}") from error
    return str(path)


def _replace(path: Path, text: str) -> None:
    mode = path.stat().st_mode & 0o7777 if path.exists() else 0o644
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".settings-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(draft).chmod(mode)
        Path(draft).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(draft).unlink()
        raise
