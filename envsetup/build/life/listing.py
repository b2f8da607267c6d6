"""The environments that envsetup made, as they are now. Schema `envsetup.list/1`, additive only."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Optional

import msgspec

from envsetup import __version__
from envsetup.build import registry
from envsetup.build.create import summary
from envsetup.build.life.update import PREVIOUS, previous
from envsetup.build.manifest import MANIFEST, Manifest, read_manifest
from envsetup.model.errors import EnvsetupError

if TYPE_CHECKING:
    from collections.abc import Sequence

_PREFIX = re.compile(r"^VIRTUAL_ENV=(.+)$", re.MULTILINE)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One environment. `note` says what is wrong with one that is not `ok`; `previous` that update can roll back."""

    path: str
    status: Literal["ok", "moved", "broken", "missing"]
    note: Optional[str] = None
    target: Optional[str] = None
    summary: Optional[str] = None
    python: Optional[str] = None
    created: Optional[str] = None
    previous: bool = False


class Listing(msgspec.Struct, frozen=True, kw_only=True, rename={"schema_": "schema"}):
    """All that are known or were found, by path."""

    schema_: str = "envsetup.list/1"
    version: str = __version__
    environments: list[Entry]


def listing(roots: Sequence[Path]) -> Listing:
    """What is known, and what lies at or below `roots`; that is known from now on. Nothing of it is run."""
    found = [path for path in registry.search(roots) if not _is_previous(path)]
    for path in found:
        registry.note(path)
    return Listing(environments=[_entry(path) for path in sorted({*registry.known(), *found})])


def _is_previous(path: Path) -> bool:
    """Whether a folder is what `update` set aside beside another."""
    owner = path.with_name(path.name.removesuffix(PREVIOUS))
    return owner != path and (owner / MANIFEST).exists()


def _entry(path: Path) -> Entry:
    if not path.exists():
        return Entry(
            path=str(path), status="missing", note="the folder above it is not there either: a disk that is away?"
        )
    try:
        manifest = read_manifest(path)
    except EnvsetupError as error:
        return Entry(path=str(path), status="broken", note=error.message)
    status, note = _state(path, manifest)
    return Entry(
        path=str(path),
        status=status,
        note=note,
        target=manifest.target,
        summary=summary(manifest.plan),
        python=manifest.python,
        created=manifest.created,
        previous=previous(path).exists(),
    )


def _state(path: Path, manifest: Manifest) -> tuple[Literal["ok", "moved", "broken"], str | None]:
    if manifest.target not in {"venv", "conda"}:
        return "ok", None
    if (path / "pyvenv.cfg").exists() and not (path / "bin" / "python").exists():
        return "broken", "the Python that it was made from is gone; make it again with envsetup create --lock"
    script = path / "bin" / "activate"
    told = _PREFIX.search(script.read_text("utf-8", "replace")) if script.is_file() else None
    there = shlex.split(told[1])[0] if told and manifest.target == "venv" else str(path)
    if there != str(path):
        return "moved", f"it was made at {there} and its activation still says so; make it again with create --lock"
    return "ok", None
