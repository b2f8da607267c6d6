"""Which interpreter to test: the one of an environment, read from its files and not yet run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from envsetup.model.errors import InputError

FIND_S = 20.0  # a cold disk is slow
FIND = """
from importlib.util import find_spec
names = {"torch": "pytorch", "tensorflow": "tensorflow", "jax": "jax"}
print(next((name for module, name in names.items() if find_spec(module)), ""))
"""
PLACES = ("bin/python", "bin/python3", "python.exe", "Scripts/python.exe")  # venv and conda, POSIX and Windows


def interpreter(env: str | None) -> str:
    """The Python of a venv, a conda prefix or a binary; without one: the active environment, ./.venv, PATH.

    Raises InputError naming the path and what is accepted. Links are kept: they are what makes a venv's python its own.
    """
    if env is None:
        return _default()
    path = Path(env).expanduser()
    if path.is_dir():
        found = _inside(path)
        if found is None:
            raise InputError(f"--env {env}: holds no Python; accepted: a venv, a conda prefix or a python binary")
        return found
    if not path.exists():
        raise InputError(f"--env {env}: does not exist; accepted: a venv, a conda prefix or a python binary")
    if not os.access(path, os.X_OK):
        raise InputError(f"--env {env}: is not executable; accepted: a venv, a conda prefix or a python binary")
    return str(path.absolute())


def first_framework(python: str) -> str:
    """The framework to test where none is named: PyTorch, or else the first that this interpreter can import.

    Nothing is imported; an interpreter that gives no answer gets the default, and its silence is met by the test.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter that the user named
            [python, "-c", FIND], check=False, capture_output=True, text=True, timeout=FIND_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return "pytorch"
    return done.stdout.strip().rpartition("\n")[2] or "pytorch"


def _inside(folder: Path) -> str | None:
    return next((str((folder / place).absolute()) for place in PLACES if os.access(folder / place, os.X_OK)), None)


def _default() -> str:
    active = (os.environ.get("VIRTUAL_ENV"), os.environ.get("CONDA_PREFIX"), ".venv")
    for folder in active:
        if folder and (found := _inside(Path(folder))):
            return found
    on_path = shutil.which("python") or shutil.which("python3")
    if on_path is None:
        raise InputError("no environment is active, there is no ./.venv and no python on PATH; name one with --env")
    return on_path
