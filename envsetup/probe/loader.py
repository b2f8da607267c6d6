"""Which shared libraries the dynamic loader would take: LD_LIBRARY_PATH, its cache, its default folders.

Read from files; `ldconfig` is never run (it needs no root to print, but it is not there on every system).
"""

from __future__ import annotations

import re
import threading
from functools import cached_property
from posixpath import isabs, join
from typing import TYPE_CHECKING

from envsetup.model.drivers import SharedLibrary
from envsetup.model.maybe import UNKNOWN, Maybe
from envsetup.probe.watch import watch
from envsetup.world import loader_cache

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.probe.look import Look

CACHE = "/etc/ld.so.cache"
CACHE_LIMIT = 16 << 20
DEFAULTS = ("/lib/{arch}-linux-gnu", "/usr/lib/{arch}-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib")
WSL = "/usr/lib/wsl/lib"  # where Windows mounts its driver's libraries
NIXOS = "/run/opengl-driver/lib"
SONAME = re.compile(r"(lib[\w+-]+)\.so(?:\.\d+)?")
VERSIONED = re.compile(r"\.so\.(\d+(?:\.\d+)+)$")


class Loader:
    """The libraries that we watch for, as one process with this environment would get them; read once."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._watched = frozenset(watch().libraries)
        self._lock = threading.Lock()

    def visible(self) -> list[SharedLibrary]:
        """The winner for each soname."""
        with self._lock:
            return self._visible

    def shadowing(self) -> list[SharedLibrary]:
        """All that stands in LD_LIBRARY_PATH, in its order."""
        with self._lock:
            return self._shadowing

    def find(self, soname: str) -> SharedLibrary | None:
        """The library that wins for a soname."""
        return next((library for library in self.visible() if library.soname == soname), None)

    @cached_property
    def _shadowing(self) -> list[SharedLibrary]:
        folders = [path for path in self._look.variable("LD_LIBRARY_PATH").replace(";", ":").split(":") if isabs(path)]
        return [self._library(name, path, "LD_LIBRARY_PATH") for name, path in self._in_folders(folders)]

    @cached_property
    def _visible(self) -> list[SharedLibrary]:
        winners = {library.soname: library for library in reversed(self._shadowing)}
        for name, path in self._cached():
            if self._is_watched(name) and name not in winners:
                winners[name] = self._library(name, path, "wsl" if path.startswith(WSL) else "cache")
        for name, path in self._in_folders(self._default_folders()):
            if name not in winners:
                winners[name] = self._library(name, path, "default")
        return sorted(winners.values(), key=lambda library: library.soname)

    def _cached(self) -> list[tuple[str, str]]:
        try:
            return loader_cache.decode(self._look.world.read_bytes(CACHE, limit=CACHE_LIMIT))
        except OSError:
            return []

    def _default_folders(self) -> list[str]:
        """Each folder once: on most distributions /lib is a link to /usr/lib."""
        arch = str(self._look.system("machine") or "")
        folders = [template.format(arch=arch) for template in DEFAULTS]
        return list(dict.fromkeys(self._look.real_path(folder) for folder in folders))

    def _in_folders(self, folders: list[str]) -> Iterator[tuple[str, str]]:
        for folder in folders:
            for name in self._look.names(folder):
                if name.startswith("lib") and self._is_watched(name):
                    yield name, join(folder, name)

    def _is_watched(self, name: str) -> bool:
        found = SONAME.fullmatch(name)
        return found is not None and found[1] in self._watched

    def _library(self, soname: str, path: str, via: str) -> SharedLibrary:
        return SharedLibrary(soname=soname, path=path, via=via, version=version_of(self._look.real_path(path)))


def version_of(path: str) -> Maybe[str]:
    """The version in a library's file name, e.g. 550.54.14 of libcuda.so.550.54.14."""
    found = VERSIONED.search(path)
    return found[1] if found else UNKNOWN
