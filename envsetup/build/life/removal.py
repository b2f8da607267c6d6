"""Removing an environment: only one that envsetup made, and never a file of the user's that was not named before."""

from __future__ import annotations

import errno
import sys
from typing import TYPE_CHECKING

import msgspec

from envsetup import __version__
from envsetup.build import direnv, edits, records, registry
from envsetup.build.life.update import previous
from envsetup.build.manifest import MANIFEST, read_manifest
from envsetup.build.stage import Stage
from envsetup.model.errors import BuildError, InputError

if TYPE_CHECKING:
    from pathlib import Path


class Removal(msgspec.Struct, frozen=True, kw_only=True, rename={"schema_": "schema"}):
    """What would go, or went. `own` are the user's files in it, `edited` rendered files that the user changed.

    `image` stays with the engine. Schema `envsetup.remove/1`, additive only.
    """

    schema_: str = "envsetup.remove/1"
    version: str = __version__
    path: str
    status: str = "planned"  # planned, removed, forgotten
    own: list[str] = []
    edited: list[str] = []
    added: list[str] = []  # packages that the lock does not know
    previous: bool = False
    image: str | None = None


def examine(env: Path) -> Removal:
    """What there is to remove. Raises InputError where envsetup did not make it, or runs from it."""
    if not env.exists() and registry.forget(env):
        return Removal(path=str(env), status="forgotten")
    manifest = read_manifest(env)
    if sys.prefix == str(env):
        raise InputError(f"{env}: envsetup itself runs from it; remove it with: rm -r {env}")
    old = previous(env)
    own = records.own_files(env)
    if (old / MANIFEST).exists():
        own += [f"../{old.name}/{name}" for name in records.own_files(old)]
    added: list[str] = []
    image = None
    if manifest.target == "venv" and (env / "pyvenv.cfg").exists():
        from envsetup.build.life.drift import differences, locked  # noqa: PLC0415 - only where there is a lock

        added = sorted(differences(locked(env), records.installed(env)).added)
    elif (env / "Dockerfile").is_file():
        from envsetup.build.life.reimage import image_name  # noqa: PLC0415 - as above

        image = image_name(env, manifest)
    return Removal(
        path=str(env),
        own=own,
        edited=sorted(name for name, edit in edits.edits(env).items() if edit.now is not None),
        added=added,
        previous=(old / MANIFEST).exists(),
        image=image,
    )


def remove(env: Path) -> None:
    """Remove it and what update set aside: in one move each, so that a killed run leaves no half of it.

    Raises BuildError when it cannot be removed, or another envsetup is at work on it.
    """
    with Stage(env) as stage:
        for number, folder in enumerate((env, previous(env))):
            if not (folder / MANIFEST).exists():
                continue
            try:
                folder.rename(stage.folder / f"removed-{number}")
            except OSError as error:
                if error.errno in {errno.EBUSY, errno.EXDEV}:
                    raise BuildError(f"{folder} is a mount point; unmount it first") from error
                raise BuildError(f"{folder}: cannot be removed: {error.strerror}") from error
    direnv.clear(env)
    registry.forget(env)
