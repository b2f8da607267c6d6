"""What an environment takes over from the one that it replaces: the user's edits and the user's own files."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.build import edits, records
from envsetup.build.edits import Edit
from envsetup.model.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Inherited(msgspec.Struct, frozen=True, kw_only=True):
    """`edits` of the rendered files are merged, `files` of the user's are copied, the old folder goes to `keep`."""

    edits: dict[str, Edit] = {}
    files: list[str] = []
    keep: Optional[Path] = None


def leave(env: Path, old: Path, rendered: dict[str, bytes], inherited: Inherited, bare: Sequence[str] = ()) -> None:
    """Write what was rendered into `env`, with what it takes over from `old`, and note what is in it.

    `bare` are the files that the environment had before any package came; () where there is none.
    """
    edits.write(env, rendered)
    for name, content in edits.merged(rendered, inherited.edits, old).items() if inherited.edits else ():
        (env / name).write_bytes(content)
    _copy(old, env, inherited.files)
    # The installer leaves its own files at the top, everything else is a package's, and listed by it.
    top = [path.name for path in env.iterdir() if not path.is_dir()]
    kept = [f"{edits.KEPT}/{name}" for name in records.walk(env / edits.KEPT)]
    records.note(env, inherited.files, [*bare, *rendered, *top, *kept] if bare else None)


def _copy(old: Path, new: Path, names: Sequence[str]) -> None:
    try:
        for name in names:
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(old / name, new / name, follow_symlinks=False)
    except OSError as error:
        raise BuildError(f"{error.filename or old}: cannot be taken along: {error.strerror}") from error
