"""An environment against its lock. Schema `envsetup.drift/1`, additive only. Nothing of the environment is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from envsetup import __version__
from envsetup.build import edits, explicit, records
from envsetup.build.manifest import LOCK_NAME, read_manifest
from envsetup.model.errors import InputError, UndecidedError
from envsetup.model.lock import Lock, read_lock

if TYPE_CHECKING:
    from pathlib import Path


INSTALLED = frozenset({"venv", "conda"})  # targets whose packages lie in the folder itself


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """A package whose version is not the locked one."""

    locked: str
    installed: str


class Packages(msgspec.Struct, frozen=True, kw_only=True):
    """Packages against a lock: name to version."""

    added: dict[str, str] = {}
    removed: dict[str, str] = {}
    changed: dict[str, Changed] = {}

    @property
    def sentences(self) -> list[str]:
        """One for each difference."""
        return [
            *(f"{name} {version} is in the lock but not installed" for name, version in self.removed.items()),
            *(f"{name} is {c.installed}, the lock says {c.locked}" for name, c in self.changed.items()),
            *(f"{name} {version} is not in the lock" for name, version in self.added.items()),
        ]


class Drift(Packages, frozen=True, kw_only=True, rename={"schema_": "schema"}):
    """`modified` and `missing` are installed files that are not as their package brought them, `edited` rendered files.

    `own` are files that the user put there; they are told, and no difference.
    """

    schema_: str = "envsetup.drift/1"
    version: str = __version__
    path: str
    modified: list[str] = []
    missing: list[str] = []
    edited: list[str] = []
    own: list[str] = []

    @property
    def differs(self) -> bool:
        """Whether anything is not as it was made."""
        return any((self.added, self.removed, self.changed, self.modified, self.missing, self.edited))


def drift(env: Path) -> Drift:
    """Compare. Raises InputError where envsetup did not make it, UndecidedError where it cannot be read."""
    manifest = read_manifest(env)
    try:
        edited = sorted(edits.edits(env))
        own = records.own_files(env)
        if manifest.target == "conda":
            packages, files = conda_differences(env), records.look_at_conda(env)
        elif manifest.target == "venv" and (env / "pyvenv.cfg").exists():
            packages, files = differences(locked(env), records.installed(env)), records.look(env)
        else:  # what is in an image, its own lock says; here are only its files
            packages, files = Packages(), None
    except OSError as error:
        raise UndecidedError(f"{error.filename or env}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise UndecidedError(f"{env}: what conda notes of a package cannot be read: {error}") from error
    if files and files.unreadable:
        raise UndecidedError(f"{env / files.unreadable[0]}: cannot be read")
    return Drift(
        path=str(env),
        added=packages.added | (records.beside_conda(env) if manifest.target == "conda" else {}),
        removed=packages.removed,
        changed=packages.changed,
        modified=files.modified if files else [],
        missing=files.missing if files else [],
        edited=edited,
        own=own,
    )


def locked(env: Path) -> Lock:
    """The lock of an environment. Raises InputError naming it."""
    path = env / LOCK_NAME
    try:
        return read_lock(path.read_text(encoding="utf-8"), name=str(path))
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text") from None


def differences(lock: Lock, there: dict[str, str]) -> Packages:
    """Installed packages against a lock; what only other platforms need is not missing."""
    wanted: dict[str, list[str]] = {}
    for package in lock.packages:
        wanted.setdefault(package.name, []).append(package.version)
    needed = {package.name: package.version for package in lock.packages if package.marker is None}
    return Packages(
        added={name: version for name, version in there.items() if name not in wanted},
        removed={name: version for name, version in needed.items() if name not in there},
        changed={
            name: Changed(locked=versions[0], installed=there[name])
            for name, versions in wanted.items()
            if name in there and there[name] not in versions
        },
    )


def pins(env: Path, target: str) -> dict[str, str]:
    """What the lock of an environment holds: name to version, of conda with its build."""
    if target == "conda":
        return conda_pins(env) if (env / explicit.NAME).exists() else {}
    return {package.name: package.version for package in locked(env).packages}


def added(env: Path, target: str) -> dict[str, str]:
    """Packages that the lock does not know, name to version. In an image nobody looks."""
    if target == "conda":
        return conda_differences(env).added | records.beside_conda(env) if (env / explicit.NAME).exists() else {}
    return differences(locked(env), records.installed(env)).added if target == "venv" else {}


def conda_pins(env: Path) -> dict[str, str]:
    """The lock of a conda environment: name to version and build. Raises OSError where it cannot be read."""
    return explicit.pins((env / explicit.NAME).read_text(encoding="utf-8"))


def conda_differences(env: Path) -> Packages:
    """Installed conda packages against the explicit lock. Raises OSError where it cannot be read."""
    wanted = conda_pins(env)
    there = {}
    for path in (env / "conda-meta").glob("*.json"):
        name, version, build = path.stem.rsplit("-", 2)
        there[name] = f"{version} {build}"
    return Packages(
        added={name: pin for name, pin in there.items() if name not in wanted},
        removed={name: pin for name, pin in wanted.items() if name not in there},
        changed={
            name: Changed(locked=pin, installed=there[name])
            for name, pin in wanted.items()
            if name in there and there[name] != pin
        },
    )
