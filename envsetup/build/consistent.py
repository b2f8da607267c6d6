"""What `pip check` asks, for an environment that may have no pip and may be in an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator


class Distribution(msgspec.Struct, frozen=True):
    """An installed package."""

    version: str
    requires: list[str]


class Requires(msgspec.Struct, frozen=True):
    """Installed packages by normalised name, and the values of the interpreter's environment markers."""

    packages: dict[str, Distribution]
    markers: dict[str, str]


def faults(answer: Requires) -> Iterator[str]:
    """Requirements that are not met, one sentence each."""
    for name, distribution in sorted(answer.packages.items()):
        for line in distribution.requires:
            try:
                need = Requirement(line)
            except InvalidRequirement:
                continue  # of an old package; pip passes over it as well
            if need.marker is not None and not need.marker.evaluate({**answer.markers, "extra": ""}):
                continue
            there = answer.packages.get(canonicalize_name(need.name))
            if there is None:
                yield f"{name} requires {need.name}, which is not installed"
            elif not need.specifier.contains(there.version, prereleases=True):
                yield f"{name} requires {need.name}{need.specifier}, installed is {there.version}"
