"""A lock: exact versions with the hashes of the files that may be installed. Its text is what pip and uv both read."""

from __future__ import annotations

import hashlib
import re
from typing import Optional

import msgspec

from envsetup.model.errors import InputError

# A lock holds one form of requirement only, so it needs no parser of all of them (7 ms of start-up).
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*) ?(?:\[[^]]*\])? ?===? ?([A-Za-z0-9][A-Za-z0-9.!+_-]*) ?(?:; ?(.+))?")
_INDENT = " \\\n    --hash="


class LockedFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file of a package, by name. `url` is None for what lies in a folder; no credential and no query stands in it.

    `size` is in bytes.
    """

    name: str
    sha256: str
    url: Optional[str] = None
    size: Optional[int] = None


class LockedPackage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One pin. `version` is the whole version (2.13.0+cpu), `hashes` are "sha256:...", `size` is bytes of its wheel.

    `files` are empty where only the hashes are known.
    """

    name: str  # normalised
    version: str
    hashes: list[str]
    marker: Optional[str] = None
    size: Optional[int] = None
    files: list[LockedFile] = []


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """Pins in the order of their names."""

    packages: list[LockedPackage]

    def text(self) -> str:
        """Requirement lines with hashes: no index, no path, no secret, no date, so equal locks are equal bytes."""
        return "".join(
            f"{p.name}=={p.version}{f' ; {p.marker}' if p.marker else ''}{_INDENT}{_INDENT.join(sorted(p.hashes))}\n"
            for p in self.packages
        )

    def digest(self) -> str:
        """SHA-256 of the text."""
        return "sha256:" + hashlib.sha256(self.text().encode()).hexdigest()

    def version_of(self, name: str) -> str | None:
        """The locked version of a package (normalised name)."""
        return next((p.version for p in self.packages if p.name == name), None)


def read_lock(text: str, *, name: str) -> Lock:
    """Hashed requirement lines to a lock; options such as index addresses are left out.

    Raises InputError naming `name` and the line when a line is no exact pin with a sha256.
    """
    packages = []
    for number, line in _logical_lines(text):
        if line.startswith("-"):
            continue
        body, *hashes = line.split(" --hash=")
        pin = _PIN.fullmatch(body.strip())
        if pin is None:
            raise InputError(f"{name}, line {number}: a lock holds exact pins, like name==1.2.3, not {body.strip()!r}")
        hashes = [value.strip() for value in hashes]
        if not hashes or not all(value.startswith("sha256:") for value in hashes):
            raise InputError(f"{name}, line {number}: {pin[1]} has no --hash=sha256:...")
        packages.append(LockedPackage(name=normalise(pin[1]), version=pin[2], hashes=hashes, marker=pin[3]))
    if not packages:
        raise InputError(f"{name}: no pins in it; a lock is made by: envsetup create (requirements.lock in it)")
    return Lock(packages=sorted(packages, key=lambda p: (p.name, p.marker or "")))


def normalise(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Lines with continuations joined and comments gone, each with the number of its first physical line."""
    lines: list[tuple[int, str]] = []
    pending = ""
    start = 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line.startswith("#"):
            continue
        line = line.partition(" #")[0].rstrip()
        start = start or number
        if line.endswith("\\"):
            pending += line[:-1].rstrip() + " "
            continue
        if joined := (pending + line).strip():
            lines.append((start, " ".join(joined.split())))
        pending, start = "", 0
    if pending.strip():
        lines.append((start, " ".join(pending.split())))
    return lines
