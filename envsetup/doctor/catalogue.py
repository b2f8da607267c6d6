"""What is known about each failure mode: the rows of data/failure_modes.json."""

from __future__ import annotations

import pkgutil
from functools import cache
from typing import Literal

import msgspec

from envsetup.model.codec import decode
from envsetup.model.errors import InputError
from envsetup.model.finding import Remedy, Severity  # noqa: TC001 - msgspec reads it at run time

Layer = Literal[
    "hardware",
    "driver",
    "device nodes",
    "libcuda",
    "runtime libraries",
    "wheel",
    "framework",
    "compile",
    "multi-GPU",
    "application",
]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A failure mode. `consequence` is what the user loses; `trap` what it must not be confused with."""

    code: str
    area: str
    layer: Layer
    severity: Severity
    title: str
    explanation: str
    consequence: str
    trap: str
    remedies: list[Remedy]
    sources: list[str]
    checked: str  # date of the last look at the sources


class _Catalogue(msgspec.Struct, frozen=True):
    about: str
    codes: list[Entry]


@cache
def entries() -> dict[str, Entry]:
    """All failure modes by code, in the order of the file."""
    # pkgutil and not a path: the package may run from a zip.
    data = pkgutil.get_data("envsetup.data", "failure_modes.json") or b""
    return {row.code: row for row in decode(data, _Catalogue).codes}


def entry(code: str) -> Entry:
    """The failure mode with this code; InputError with the nearest names when there is none."""
    try:
        return entries()[code]
    except KeyError:
        import difflib  # noqa: PLC0415 - only for a typing error

        near = difflib.get_close_matches(code, entries(), n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(near)}?" if near else "`envsetup explain` lists all codes"
        raise InputError(f"unknown code {code!r}", hint=hint) from None
