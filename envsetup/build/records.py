"""What envsetup put into an environment, noted when it was complete, to tell later what changed and what is the user's.

`.envsetup/made.json` holds it; schema `envsetup.made/1`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.build.edits import KEPT
from envsetup.build.payload import records
from envsetup.model.codec import convert, decode, to_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

NOTE = f"{KEPT}/made.json"


class Noted(msgspec.Struct, frozen=True, kw_only=True, rename={"schema_": "schema"}):
    """SHA-256 of each package's RECORD, and the files that no package brought."""

    schema_: str = "envsetup.made/1"
    records: dict[str, str] = {}
    files: list[str] = []


class _CondaPath(msgspec.Struct, frozen=True, rename={"path": "_path"}):
    path: str
    path_type: str = ""
    sha256: Optional[str] = None
    prefix_placeholder: Optional[str] = None


class _CondaPaths(msgspec.Struct, frozen=True):
    paths: list[_CondaPath] = []


class _CondaRecord(msgspec.Struct, frozen=True):
    name: str
    version: str
    noarch: Optional[str] = None
    files: list[str] = []
    paths_data: _CondaPaths = _CondaPaths()


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """Installed packages (name to version) and files that are not as their RECORD says, relative to the environment.

    `records` are the RECORDs' own SHA-256, `files` counts what was hashed.
    """

    packages: dict[str, str]
    records: dict[str, str]
    files: int
    missing: list[str]
    modified: list[str]
    unreadable: list[str]


def look(env: Path) -> Files:
    """Hash every installed file; no program of the environment runs. Raises OSError where it cannot be read."""
    return convert(records.look(env), Files)


def look_at_conda(env: Path) -> Files:
    """The same of a conda environment, by what conda notes of each package.

    A file that holds the environment's path was changed when it was installed: only that it is there is looked at.
    """
    found = Files(packages={}, records={}, files=0, missing=[], modified=[], unreadable=[])
    packages, entries = {}, []
    for path in sorted(env.glob("conda-meta/*.json")):
        package = decode(path.read_bytes(), _CondaRecord)
        packages[package.name] = package.version
        listed = [entry for entry in package.paths_data.paths if entry.path_type != "directory"]
        entries += [(_linked(env, package.noarch, entry.path), entry) for entry in listed]
    for place, entry in entries:
        fault = _wrong(place, entry)
        if fault:
            getattr(found, fault).append(place.relative_to(env).as_posix())
    return msgspec.structs.replace(found, packages=packages, files=len(entries))


def _linked(env: Path, noarch: str | None, path: str) -> Path:
    """Where a file lies: of a package for any Python conda notes the place in the package, others the one here."""
    head, _, rest = path.partition("/")
    if noarch == "python" and head == "site-packages" and (sites := records.site_packages(env)):
        return sites[0] / rest
    return env / "bin" / rest if noarch == "python" and head == "python-scripts" else env / path


def _wrong(path: Path, entry: _CondaPath) -> str | None:
    if not path.exists():
        return None if path.is_symlink() else "missing"
    if entry.sha256 is None or entry.path_type != "hardlink" or entry.prefix_placeholder is not None:
        return None
    try:
        with path.open("rb") as file:
            hashed = hashlib.sha256()
            for block in iter(lambda: file.read(records.BLOCK), b""):
                hashed.update(block)
    except OSError:
        return "unreadable"
    return None if hashed.hexdigest() == entry.sha256 else "modified"


def installed(env: Path) -> dict[str, str]:
    """Packages by name, from their metadata alone."""
    return {found.name: found.version for found in records.distributions(env)}


def beside_conda(env: Path) -> dict[str, str]:
    """Packages that pip put into a conda environment, name to version."""
    theirs = set(_of_conda(env))
    return {
        found.name: found.version
        for found in records.distributions(env)
        if found.record and records.relative(found.record, env) not in theirs
    }


def note(env: Path, without: list[str], others: Collection[str] | None = None) -> None:
    """Note what is in a finished environment, but for files that are the user's own.

    `others` are the files that no package brought, where that is known; to find them takes a second for PyTorch.
    """
    if others is None:
        owned = _owned(env)
        others = [name for name in walk(env) if name not in owned]
    digests = {
        found.name: hashlib.sha256(found.record.read_bytes()).hexdigest()
        for found in records.distributions(env)
        if found.record
    }
    files = sorted(set(others) - set(without))
    (env / KEPT).mkdir(exist_ok=True)
    (env / NOTE).write_text(to_json(Noted(records=digests, files=files)), encoding="utf-8")


def noted(env: Path) -> Noted | None:
    """What was noted, or None where there is nothing that can be read."""
    try:
        return decode((env / NOTE).read_bytes(), Noted)
    except (OSError, msgspec.DecodeError):
        return None


def own_files(env: Path) -> list[str]:
    """Files of an environment that neither envsetup nor a package brought, sorted; all such where nothing was noted."""
    there = noted(env)
    known = _owned(env) | set(there.files if there else ()) | {NOTE}
    return [name for name in walk(env) if name not in known and not name.startswith("wheels/")]


def walk(env: Path) -> list[str]:
    """Every file below `env` but compiled Python, relative to it, sorted. Links are not followed."""
    found = (path for path in env.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(env).as_posix() for path in found if path.suffix != ".pyc")


def _owned(env: Path) -> set[str]:
    return {records.relative(path, env) for path in _listed(env)} | set(_of_conda(env))


def _listed(env: Path) -> Iterator[Path]:
    for found in records.distributions(env):
        yield from (path for path, _ in records.listed(found.record)) if found.record else ()


def _of_conda(env: Path) -> Iterator[str]:
    for path in env.glob("conda-meta/*.json"):
        yield path.relative_to(env).as_posix()
        try:
            yield from decode(path.read_bytes(), _CondaRecord).files
        except (OSError, msgspec.DecodeError):
            continue
