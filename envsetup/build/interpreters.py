"""Which installed interpreter an environment is made from. None is ever downloaded in silence."""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.build import process
from envsetup.model.codec import decode
from envsetup.model.errors import InputError
from envsetup.world.files import home

if TYPE_CHECKING:
    from collections.abc import Iterator

_ASK = (
    "import sys,sysconfig,json;print(json.dumps(dict(path=getattr(sys,'_base_executable',sys.executable),"
    "version='%d.%d.%d'%sys.version_info[:3],implementation=sys.implementation.name,"
    "free_threaded=bool(sysconfig.get_config_var('Py_GIL_DISABLED')),platform=sysconfig.get_platform())))"
)
_DEADLINE = 10.0
_REQUEST = re.compile(r"(\d+\.\d+)(\.\d+)?(t?)")
_BINARY = re.compile(r"python(\d+\.\d+)(t?)")
OLDEST = (3, 8)  # what uv can make environments for


class Interpreter(msgspec.Struct, frozen=True, kw_only=True):
    """A base interpreter, never one of a virtual environment. `version` is X.Y.Z.

    `stands_for` is uv's name of another platform (x86_64-manylinux_2_36): then packages are chosen for that one and for
    `version` (X.Y), and the interpreter at `path` only helps.
    """

    path: str
    version: str
    implementation: str = "cpython"
    free_threaded: bool = False
    platform: str = ""
    stands_for: Optional[str] = None

    def for_uv(self) -> list[str]:
        """What tells uv for which interpreter packages are chosen."""
        other = ["--python-version", self.version, "--python-platform", self.stands_for] if self.stands_for else []
        return ["--python", self.path, *other]

    @property
    def short(self) -> str:
        """X.Y, with a t for a free-threaded build."""
        return ".".join(self.version.split(".")[:2]) + ("t" if self.free_threaded else "")

    @property
    def key(self) -> str:
        """What a lock depends on."""
        threads = "t" if self.free_threaded else ""
        return f"{self.implementation}-{self.version}{threads}-{self.stands_for or self.platform}"


def own() -> Interpreter:
    """The interpreter that envsetup itself stands on: known to work, and known without asking."""
    return Interpreter(
        path=getattr(sys, "_base_executable", sys.executable),
        version=".".join(map(str, sys.version_info[:3])),
        implementation=sys.implementation.name,
        free_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        platform=sysconfig.get_platform(),
    )


def inspect(path: str) -> Interpreter | None:
    """What an executable is, by running it; None when it is no working Python."""
    try:
        ended = process.run([path, "-I", "-c", _ASK], env=os.environ, timeout=_DEADLINE)
        found = decode(ended.stdout, Interpreter) if ended.ok else None
    except (OSError, msgspec.DecodeError):
        return None
    return found if found and _numbers(found.version) >= OLDEST else None


def candidates(request: str | None = None) -> Iterator[Interpreter]:
    """Installed interpreters that answer `request` (X.Y, X.Y.Z, X.Yt or a path), the preferred first, each once.

    Raises InputError when `request` is none of these, or names a path that is no Python.
    """
    if request is not None and ("/" in request or not _REQUEST.fullmatch(request)):
        yield _given(request)
        return
    seen = set()
    mine = own()
    if request is None or _answers(mine, request):
        seen.add(os.path.realpath(mine.path))
        yield mine
    for path in _installed(request):
        real = os.path.realpath(path)
        if real in seen:
            continue
        seen.add(real)
        found = inspect(path)
        if found and os.path.realpath(found.path) not in seen - {real} and (not request or _answers(found, request)):
            seen.add(os.path.realpath(found.path))
            yield found


def _given(request: str) -> Interpreter:
    path = shutil.which(str(Path(request).expanduser()) if "/" in request else request)
    found = inspect(path) if path else None
    if found is None:
        oldest = ".".join(map(str, OLDEST))
        raise InputError(f"--python {request}: no Python from {oldest} on; accepted are 3.12, 3.12.4, 3.13t or a path")
    return found


def _answers(found: Interpreter, request: str) -> bool:
    wanted = _REQUEST.fullmatch(request)
    if wanted is None:
        return False
    short, patch, threaded = wanted.groups()
    return found.short == short + threaded and (not patch or found.version == short + patch)


def _installed(request: str | None) -> Iterator[str]:
    """Paths of interpreters: on PATH, of pyenv, of uv; the newest release first within each place."""
    wanted = _REQUEST.fullmatch(request or "")
    named = f"python{wanted[1]}{wanted[3]}" if wanted else "python3"
    if on_path := shutil.which(named):
        yield on_path
    user = home()
    pyenv = Path(os.environ.get("PYENV_ROOT") or user / ".pyenv") / "versions"
    managed = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or user / ".local" / "share" / "uv" / "python")
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    places = [
        *(path for folder in folders if folder.name != "shims" for path in _names(folder)),
        *(path for place in (pyenv, managed) for path in place.glob("*/bin/python3.*") if _BINARY.fullmatch(path.name)),
    ]
    if wanted:
        places = [path for path in places if path.name == named]
    yield from map(str, sorted(places, key=_release, reverse=True))


def _names(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if _BINARY.fullmatch(path.name)]
    except OSError:
        return []


def _release(path: Path) -> tuple[int, ...]:
    found = _BINARY.fullmatch(path.name)
    return _numbers(found[1]) if found else OLDEST


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
