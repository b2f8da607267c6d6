"""CUDA libraries that wheels brought, as the loader sees them: open, waiting for the driver, optional, or broken."""

from __future__ import annotations

import importlib.resources
import re
from functools import cache
from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.model.codec import decode

if TYPE_CHECKING:
    from collections.abc import Iterator

# What only the driver brings, and never a wheel.
_DRIVER = re.compile(r"^(libcuda\.so|libnvidia-\w+\.so)")
_MISSING = re.compile(r"^(\S+): cannot open shared object file: No such file")


class Library(msgspec.Struct, frozen=True):
    """A library's path in site-packages, and what the loader said when it could not open it."""

    library: str
    error: Optional[str] = None

    @property
    def lacks(self) -> str:
        """The other library that was not found, or nothing."""
        missing = _MISSING.match(self.error or "")
        return missing[1] if missing else ""

    @property
    def waits(self) -> bool:
        """Whether it opens as soon as there is a driver."""
        return bool(_DRIVER.match(self.lacks))

    @property
    def optional(self) -> bool:
        """Whether it is a plug-in for hardware or launchers that this machine does not have."""
        name = self.library.rpartition("/")[2]
        return bool(self.lacks) and any(name.startswith(row.name) for row in _table().libraries)


class _Row(msgspec.Struct, frozen=True):
    name: str
    what: str


class _Table(msgspec.Struct, frozen=True):
    libraries: list[_Row]


@cache
def _table() -> _Table:
    data = importlib.resources.files("envsetup.data").joinpath("optional_libraries.json").read_bytes()
    return decode(data, _Table)


def faults(libraries: list[Library]) -> Iterator[str]:
    """The libraries that cannot be opened and should be."""
    for found in libraries:
        if found.error and not found.waits and not found.optional:
            yield f"{found.library} cannot be opened: {found.error}"


def summary(libraries: list[Library]) -> Iterator[str]:
    """What was found, in one clause; nothing where there is no library."""
    counts = {
        "CUDA libraries open": sum(not found.error for found in libraries),
        "wait for the driver": sum(found.waits for found in libraries),
        "optional plug-ins lack a system library": sum(found.optional and not found.waits for found in libraries),
    }
    if libraries:
        yield ", ".join(f"{count} {what}" for what, count in counts.items() if count)
