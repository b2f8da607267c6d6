"""What the probes watch for, from `data/watch.json`: variables, libraries and packages, each enumerated."""

from __future__ import annotations

import functools
import pkgutil

import msgspec

from envsetup.model.codec import decode


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """An environment variable that matters, and the shape of value that may be shown (see `redact`)."""

    name: str
    shape: str  # flag, devices, path, paths, url, text; presence: only that it is set
    why: str


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file."""

    source: str
    date: str
    variables: list[Variable]
    libraries: list[str]  # sonames without the version, e.g. libcudart
    packages: list[str]  # whose Requires-Dist and INSTALLER are read
    bundled: list[str]  # prefixes of CUDA libraries that wheels bring


@functools.cache
def watch() -> Watch:
    """The file, read once."""
    return decode(pkgutil.get_data("envsetup.data", "watch.json") or b"", Watch)
