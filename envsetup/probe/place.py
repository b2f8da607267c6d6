"""Where the environment is that is looked at, and of which kind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from posixpath import basename, dirname, join, normpath
from typing import TYPE_CHECKING

from envsetup.model.errors import InputError
from envsetup.probe.interpreters import LIBRARY, on_path

if TYPE_CHECKING:
    from envsetup.probe.look import Look

CONFIGURATION = "pyvenv.cfg"
INTERPRETER = re.compile(r"(?:python|pypy|graalpy)", re.IGNORECASE)
BINARY = re.compile(r"python(?:\d+(?:\.\d+)?t?)?|pypy\d*(?:\.\d+)?")


@dataclass(frozen=True)
class Place:
    """An environment's folder; `interpreter` is the path of its Python, whether or not that works."""

    kind: str  # venv, conda, system, unknown
    prefix: str
    interpreter: str | None
    configuration: str = ""  # text of pyvenv.cfg

    def setting(self, name: str) -> str:
        """A value of pyvenv.cfg, empty when it is not set."""
        found = re.search(rf"^\s*{name}\s*=\s*(.*?)\s*$", self.configuration, re.MULTILINE | re.IGNORECASE)
        return found[1] if found else ""


def find_place(look: Look) -> Place | None:
    """The environment named by the user, the active one, ./.venv, else the interpreter on PATH; None without any.

    Raises InputError when the named one is not there.
    """
    cwd = str(look.system("cwd") or "/")
    home = str(look.system("home") or "")
    if look.env is not None:
        path = normpath(join(cwd, join(home, look.env[2:]) if look.env.startswith("~/") else look.env))
        if not look.env.strip() or not (look.exists(path) or basename(path) in look.names(dirname(path))):
            what = "permission denied" if look.hidden(path) else "nothing is there"
            raise InputError(f"--env {look.env}: {what}; a venv, a conda prefix or a python binary is accepted")
        if not _may_be_one(look, path):
            raise InputError(
                f"--env {look.env}: no Python environment; a venv, a conda prefix or a python binary is accepted"
            )
        return _at(look, path)
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if look.variable(variable):
            return _at(look, normpath(look.variable(variable)))
    if look.exists(join(cwd, ".venv")):
        return _at(look, join(cwd, ".venv"))
    interpreter = on_path(look, "python3") or on_path(look, "python")
    return _of_interpreter(look, interpreter) if interpreter else None


def _may_be_one(look: Look, path: str) -> bool:
    """Whether a path that a user named is an environment, be it a broken one, and no other file or folder."""
    stat = look.stat(path)
    if stat is None:
        return True  # a link to nothing: what became of an environment whose Python is gone
    if stat.kind == "file":
        return any(map(INTERPRETER.match, (basename(path), basename(look.real_path(path)))))
    libraries = map(LIBRARY.fullmatch, look.names(join(path, "lib")))
    return stat.kind == "dir" and (_of_folder(look, path).kind != "unknown" or any(libraries))


def _at(look: Look, path: str) -> Place:
    stat = look.stat(path)
    is_binary = stat is not None and stat.kind == "file"
    if is_binary or (stat is None and BINARY.fullmatch(basename(path)) and basename(dirname(path)) == "bin"):
        return _of_interpreter(look, path)
    return _of_folder(look, path)


def _of_interpreter(look: Look, path: str) -> Place:
    """By where the path stands before links are resolved: a venv's python is a link out of it."""
    prefix = dirname(dirname(path))
    if look.exists(join(prefix, CONFIGURATION)) or look.exists(join(prefix, "conda-meta")):
        return _of_folder(look, prefix, path)
    real = look.real_path(path)
    return Place(kind="system", prefix=dirname(dirname(real)), interpreter=path)


def _of_folder(look: Look, path: str, interpreter: str | None = None) -> Place:
    names = look.names(join(path, "bin"))
    python = next((name for name in ("python", "python3") if name in names), None)
    interpreter = interpreter or (join(path, "bin", python) if python else None)
    if look.exists(join(path, "conda-meta")):
        return Place(kind="conda", prefix=path, interpreter=interpreter)
    configuration = look.text(join(path, CONFIGURATION))
    if configuration or look.exists(join(path, CONFIGURATION)) or "activate" in names:
        return Place(kind="venv", prefix=path, interpreter=interpreter, configuration=configuration)
    kind = "system" if interpreter else "unknown"
    return Place(kind=kind, prefix=path, interpreter=interpreter)
