"""The scratch folder of one run: the payload's copy, the journal, and the temporary folder that must end empty."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envsetup.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.abc import Traversable  # its place on Python 3.10

PACKAGE = "envsetup_payload"
START = f"import sys; sys.path.insert(0, sys.argv[2]); from {PACKAGE}.main import main; main()"
SETTINGS = {
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # cuBLAS gives the same bits twice only with a workspace of fixed size
    "PYTHONUNBUFFERED": "1",
    "PYTHONFAULTHANDLER": "1",
}
# Unless the user chose otherwise: on a busy machine threads that spin while they wait make a step four times slower.
DEFAULTS = {"OMP_WAIT_POLICY": "PASSIVE"}
CACHE = "torchinductor_"  # PyTorch's compile cache lies among temporary files by design: not a leak


class Workspace:
    """Paths of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = folder / "journal"
        self.temp = folder / "tmp"
        self.temp.mkdir()
        self.journal.touch()
        _copy(resources.files("envsetup.smoke.payload"), folder / PACKAGE)

    def command(self, python: str, request: dict[str, Any]) -> list[str]:
        """How to start the payload on this request."""
        path = self.folder / "request.json"
        request = {**request, "journal": str(self.journal), "scratch": str(self.temp)}
        path.write_text(json.dumps(request), encoding="utf-8")
        return [python, "-c", START, str(path), str(self.folder)]

    def environment(self, *, fault: str | None = None, threads: int | None = None) -> dict[str, str]:
        """The user's environment, with our settings and the temporary folder; and, where asked, a planted fault."""
        variables = {**DEFAULTS, **os.environ, **SETTINGS, "TMPDIR": str(self.temp)}
        variables.pop("TORCHINDUCTOR_CACHE_DIR", None)  # a compiler is tested by compiling, not by a cache
        if threads is not None:
            variables["OMP_NUM_THREADS"] = str(threads)
        if fault is not None:
            variables["PYTHONPATH"] = os.pathsep.join(filter(None, (self._faults(), os.environ.get("PYTHONPATH"))))
            variables["ENVSETUP_SMOKE_FAULT"] = fault
        return variables

    def driver(self, wrong: str) -> dict[str, str]:
        """The environment of a sampler that asks an imagined driver with this fault."""
        path = os.pathsep.join(filter(None, (f"{self._faults()}/driver", os.environ.get("PYTHONPATH"))))
        return {**os.environ, "PYTHONPATH": path, "ENVSETUP_SMOKE_DRIVER": wrong}

    def _faults(self) -> str:
        """The folder from which the child plants a fault in its framework; the payload stays as it is."""
        folder = self.folder / "faults"
        if not folder.exists():
            _copy(resources.files("envsetup.smoke.faults"), folder)
        return str(folder)

    def leftover_files(self) -> list[str]:
        """What the checks left in the temporary folder."""
        return sorted(entry.name for entry in self.temp.iterdir() if not entry.name.startswith(CACHE))


@contextmanager
def workspace() -> Iterator[Workspace]:
    """A workspace that is gone afterwards, whatever happens.

    Raises InputError when no temporary folder can be written.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="envsetup-smoke-"))
        made = Workspace(folder)
    except OSError as error:
        raise InputError(f"temporary folder {tempfile.gettempdir()}: {error.strerror}; set TMPDIR") from error
    try:
        yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(source: Traversable, target: Path) -> None:
    """Copy the payload's modules; works from a zip, and leaves compiled files behind."""
    target.mkdir()
    for entry in source.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__":
                _copy(entry, target / entry.name)
        elif entry.name.endswith(".py"):
            (target / entry.name).write_bytes(entry.read_bytes())
