"""Bytecode for the bundle: on hosts with this machine's Python the doctor starts in half the time.

Hosts are asked once, so nothing that they compile themselves would ever be used again. Another Python passes the
bytecode over and compiles the source, which is there as well.
"""

from __future__ import annotations

import compileall
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from envsetup.model.errors import BuildError
from envsetup.world.process import run_with_deadline

if TYPE_CHECKING:
    from envsetup.fleet.carried import Files

# What the doctor loads; what smoke runs is copied into other interpreters, and needs its source.
ROOMS = ("model", "world", "probe", "importers", "compat", "doctor", "data", "report", "fleet")
LOADED = ("site/envsetup/__init__.py", *(f"site/envsetup/{room}/" for room in ROOMS))
TIMEOUT = 120.0  # seconds for compiling 250 files, which takes 2


def precompiled(files: Files) -> Files:
    """The bytecode of those of the bundle's files that its doctor loads, by their path in the bundle.

    It is never checked against the source: both lie in one file. Where a zip serves a module, its bytecode stands
    beside the source; where a package is laid out as files, in the folder that Python looks into.
    """
    laid_out = {path.split("/")[2] for path in files if path.startswith("native/")}
    wanted = [path for path in files if path.endswith(".py") and _loaded(path)]
    found: Files = {}
    with tempfile.TemporaryDirectory(prefix="envsetup-bundle-") as name:
        folder = Path(name)
        for path in wanted:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(files[path])
        # In a process of its own with a fixed hash seed: what is written depends on what else the compiling process
        # has interned, and before Python 3.11 on the order of sets. Started by its path, it imports nothing from here.
        flags = ["-q", "--invalidation-mode", "unchecked-hash", "-s", name, "-p", "envsetup.pyz"]
        ended = run_with_deadline(
            [sys.executable, "-s", str(compileall.__file__), *flags, name],
            timeout=TIMEOUT,
            env={"PYTHONHASHSEED": "0"},
            without=["PYTHONPATH", "PYTHONHOME"],
        )
        if ended.returncode != 0:
            raise BuildError(f"the bundle's modules cannot be compiled: {ended.stdout or ended.stderr}"[:200])
        for path in wanted:
            source = folder / path
            made = source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"
            beside = path.split("/")[1] not in laid_out
            place = source.with_suffix(".pyc") if beside else made
            found[place.relative_to(folder).as_posix()] = made.read_bytes()
    return found


def _loaded(path: str) -> bool:
    ours = path.startswith("site/envsetup/")
    return path.startswith(LOADED if ours else "site/")
