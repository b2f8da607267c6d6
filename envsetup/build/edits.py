"""Rendered files that the user may change: their originals are kept in the environment, to merge with later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from envsetup.build.manifest import LOCK_NAME, MANIFEST
from envsetup.build.merge3 import ConflictError, merge3
from envsetup.model.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path

KEPT = ".envsetup"  # in every environment: what envsetup needs to know of it later
ORIGINALS = f"{KEPT}/originals"
# Made as a whole from the lock: an edit in one of them has no place in the next.
MACHINE_MADE = frozenset({LOCK_NAME, MANIFEST, "pylock.toml", "explicit.txt", "self_check.py"})


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """A rendered file that is not what it was: its text then and now. `now` is None where it was deleted."""

    then: bytes
    now: bytes | None


def write(env: Path, files: dict[str, bytes]) -> None:
    """Write rendered files into `env`, each with its original."""
    for name, content in files.items():
        for path in (env / name, *([env / ORIGINALS / name] if name != MANIFEST else [])):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o755 if path.suffix == ".sh" else 0o644)


def originals(env: Path) -> dict[str, bytes]:
    """What was rendered into an environment: relative path to content."""
    folder = env / ORIGINALS
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def edits(env: Path) -> dict[str, Edit]:
    """The rendered files that were changed since."""
    found = {}
    for name, then in originals(env).items():
        path = env / name
        now = path.read_bytes() if path.is_file() else None
        if now != then:
            found[name] = Edit(then=then, now=now)
    return found


def merged(files: dict[str, bytes], changed: dict[str, Edit], env: Path) -> dict[str, bytes]:
    """New files with the user's changes of the old ones; a file that was deleted comes again.

    Raises BuildError naming the file and the line where both changed the same.
    """
    made = dict(files)
    for name, edit in changed.items():
        if edit.now is None or edit.now == files.get(name):
            continue
        if name in MACHINE_MADE or name not in files:
            what = "is made anew from the plan" if name in MACHINE_MADE else "is not made any more"
            raise BuildError(
                f"{env / name} was edited by hand but {what}; nothing was changed",
                hint="copy your edits elsewhere, or drop them with --discard-edits",
            )
        try:
            texts = (edit.then.decode(), edit.now.decode(), files[name].decode())
            made[name] = merge3(*texts).encode()
        except UnicodeDecodeError:
            raise BuildError(f"{env / name}: your edits are not UTF-8 text; nothing was changed") from None
        except ConflictError as conflict:
            raise BuildError(
                f"{env / name}, line {conflict.line}: you and the new version changed the same; nothing was changed",
                hint="undo your edit there, or drop all edits with --discard-edits",
            ) from None
    return made
