"""pip's constraint files: which versions they admit, so that a plan never picks what the lock would then refuse."""

from __future__ import annotations

from pathlib import Path

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version


class Limits(msgspec.Struct, frozen=True):
    """Specifiers by normalised name."""

    by_name: dict[str, SpecifierSet]

    def admits(self, name: str, version: str) -> bool:
        """Whether this version may be installed as far as the constraints go."""
        if name not in self.by_name:
            return True
        try:
            return self.by_name[name].contains(Version(version), prereleases=True)
        except InvalidVersion:
            return False


def limits(paths: list[str]) -> Limits:
    """Read constraint files. What cannot be read here (a URL, a nested file) is left to uv, which gets them all."""
    found: dict[str, SpecifierSet] = {}
    for path in paths:
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except OSError:
            continue
        for line in lines:
            text = line.partition(" #")[0].strip()
            if not text or text.startswith(("#", "-")):
                continue
            try:
                requirement = Requirement(text)
            except InvalidRequirement:
                continue
            if requirement.marker is None or requirement.marker.evaluate():
                name = canonicalize_name(requirement.name)
                found[name] = found.get(name, SpecifierSet()) & requirement.specifier
    return Limits(found)
