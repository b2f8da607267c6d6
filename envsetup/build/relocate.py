"""A conda environment that was installed in one place and shall live at another: its own paths are written anew.

conda writes an environment's path into its files at installation. py-rattler writes the later place at once; for the
user's own conda the files are gone through afterwards, in conda's own way: a text takes the new path, a binary as well,
filled up with zeros to the length that it had.
See https://docs.conda.io/projects/conda-build/en/stable/resources/make-relocatable.html.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from envsetup.model.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable

_COMPILED = ".pyc"  # its text is not in C's form; Python corrects the path when it imports it


def relocate(env: Path, old: Path, new: Path, tick: Callable[[], None]) -> None:
    """Replace the path `old` by `new` in every file of `env`. Raises BuildError where a binary has no room for it."""
    before, after = os.fsencode(old), os.fsencode(new)
    for folder, _, names in os.walk(env):
        tick()
        for name in names:
            path = Path(folder, name)
            if path.is_symlink():
                _link(path, old, new)
            elif path.suffix != _COMPILED and before in (content := path.read_bytes()):
                _write(path, replaced(content, before, after, path))


def replaced(content: bytes, before: bytes, after: bytes, path: Path) -> bytes:
    """The content with another path in it; of the same length where it is a binary."""
    if b"\0" not in content:
        return content.replace(before, after)

    def padded(found: re.Match[bytes]) -> bytes:
        text = found[0].replace(before, after)
        room = len(found[0])
        if len(text.rstrip(b"\0")) >= room:
            raise BuildError(f"{path.name}: its path has no room for {os.fsdecode(after)}; choose a shorter one")
        return text.rstrip(b"\0").ljust(room, b"\0")

    # A string of C, with the zeros after it: what conda filled up before is room again.
    return re.sub(re.escape(before) + rb"[^\0]*\0+", padded, content)


def _link(path: Path, old: Path, new: Path) -> None:
    target = os.readlink(path)  # noqa: PTH115 - as it is written, not as it is read
    if target == str(old) or target.startswith(f"{old}/"):
        path.unlink()
        path.symlink_to(f"{new}{target.removeprefix(str(old))}")


def _write(path: Path, content: bytes) -> None:
    # A file of its own: the other name of this one may be in conda's cache.
    beside = path.with_name(f"{path.name}.envsetup")
    beside.write_bytes(content)
    beside.chmod(path.stat().st_mode)
    beside.replace(path)
