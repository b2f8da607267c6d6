"""The user's own conda, mamba or micromamba: solves and installs as they have configured it."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.build import explicit, process
from envsetup.build.engines import cause
from envsetup.build.explicit import CondaPackage
from envsetup.build.rattler import INSTALL, SOLVE, Solution
from envsetup.build.relocate import relocate
from envsetup.model.codec import decode
from envsetup.model.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = ("mamba", "micromamba", "conda")  # first choice first
OVERRIDE = "CONDA_OVERRIDE_CUDA"
_VARIABLES = {"mamba": ("MAMBA_EXE",), "micromamba": ("MAMBA_EXE",), "conda": ("CONDA_EXE",)}
_VERSION = re.compile(r"\d+(\.\d+)+\S*")
_TOKEN = re.compile(r"/t/[^/]+(?=/)")
_ONLY = ("--override-channels",)  # what is configured besides would be solved too
_LOOK = 30.0  # seconds; conda takes its time to start


class _Linked(msgspec.Struct, frozen=True):
    name: str
    version: str
    build: str = ""
    build_string: str = ""
    url: str = ""
    sha256: Optional[str] = None


class _Actions(msgspec.Struct, frozen=True, rename="upper"):
    link: list[_Linked] = []


class _Said(msgspec.Struct, frozen=True):
    message: str = ""


class _Answer(_Said, frozen=True):
    actions: Optional[_Actions] = None
    errors: list[_Said] = []  # conda's, where there were several
    solver_problems: list[str] = []


class _Meta(msgspec.Struct, frozen=True):
    name: str
    version: str
    build: str
    url: str
    sha256: Optional[str] = None


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that answered."""

    name: str
    binary: str
    version: str

    def solve(self, channel: str, specs: list[str], cuda: str | None, tick: Callable[[], None]) -> Solution:
        """Choose packages; `cuda` is the virtual package __cuda, None hides what the machine has. Raises BuildError."""
        # A prefix that is never made, where one could be: the answer is only a list.
        nowhere = os.path.join(tempfile.gettempdir(), f"envsetup-{os.getpid()}")  # noqa: PTH118 - a word
        asked = [*_ONLY, "--dry-run", "--prefix", nowhere, "--channel", channel, *specs]
        ended = self._create(asked, cuda, SOLVE, tick)
        if not ended.ok:
            raise BuildError(f"no set of conda packages for {', '.join(specs)}: {_reason(ended)}")
        found = decode(ended.stdout, _Answer).actions or _Actions()
        packages = [
            CondaPackage(name=p.name, version=p.version, build=p.build or p.build_string, url=p.url, sha256=p.sha256)
            for p in found.link
        ]
        if not packages:
            raise BuildError(f"{self.name} solved {', '.join(specs)} but named no packages")
        chosen = sorted(packages, key=lambda p: p.name)
        return Solution(packages=chosen, channel=channel, cuda=cuda)

    def install(self, solution: Solution, prefix: Path, target: Path, tick: Callable[[], None]) -> Solution:
        """Install into `prefix` what will live at `target`; what is there then. Raises BuildError."""
        if solution.given:
            lock = prefix.with_name(explicit.NAME)  # in the stage, which ends with the build
            lock.write_text(explicit.text(solution.packages), encoding="utf-8")
            asked = ["--prefix", str(prefix), "--file", str(lock)]
        else:
            exact = [f"{p.name}={p.version}={p.build}" for p in solution.packages]
            asked = [*_ONLY, "--prefix", str(prefix), "--channel", solution.channel, *exact]
        ended = self._create(asked, solution.cuda, INSTALL, tick)
        if not ended.ok:
            raise BuildError(f"installation: {_reason(ended)}")
        there = [decode(path.read_bytes(), _Meta) for path in sorted((prefix / "conda-meta").glob("*.json"))]
        relocate(prefix, prefix, target, tick)
        packages = [
            CondaPackage(name=m.name, version=m.version, build=m.build, url=_TOKEN.sub("", m.url), sha256=m.sha256)
            for m in there
        ]
        return msgspec.structs.replace(solution, packages=sorted(packages, key=lambda p: p.name))

    def _create(self, asked: list[str], cuda: str | None, timeout: float, tick: Callable[[], None]) -> process.Ended:
        argv = [self.binary, "create", "--yes", "--json", *asked]
        # Empty hides the GPU of this machine from the solver, where it is not asked for.
        env = os.environ | {OVERRIDE: cuda or ""}
        ended = process.run(argv, env=env, timeout=timeout, tick=tick)
        if ended.returncode is None:
            raise BuildError(f"{self.name}: no end after {timeout:.0f} s")
        return ended


def find() -> Tool | None:
    """The user's tool that answers, on PATH or named by the variable that its own activation sets."""
    for name in NAMES:
        named = (os.environ.get(variable) for variable in _VARIABLES[name])
        binary = shutil.which(name) or next((path for path in named if path and path.endswith(f"/{name}")), None)
        if binary is None or not os.access(binary, os.X_OK):
            continue
        ended = process.run([binary, "--version"], env=os.environ, timeout=_LOOK)
        if ended.ok and (version := _VERSION.search(ended.stdout)):
            return Tool(name=name, binary=binary, version=version[0])
    return None


def _reason(ended: process.Ended) -> str:
    try:
        answer = decode(ended.stdout, _Answer)
    except msgspec.DecodeError:
        return cause(ended.stderr or ended.stdout)
    first = next((error.message for error in answer.errors), "")
    said = answer.message or first or "; ".join(answer.solver_problems)
    return " ".join(said.split()) or cause(ended.stderr)
