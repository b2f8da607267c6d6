"""Who solves and installs conda packages: the user's own tool where there is one, else py-rattler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from envsetup.build import condatool, rattler
from envsetup.compat import drivers
from envsetup.compat.tables import key
from envsetup.model.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from envsetup.build.rattler import Solution


class Solver(Protocol):
    """One way to conda packages."""

    @property
    def name(self) -> str:
        """As its command is called."""
        ...

    @property
    def version(self) -> str:
        """Its version."""
        ...

    def solve(self, channel: str, specs: list[str], cuda: str | None, tick: Callable[[], None]) -> Solution:
        """Choose packages. Raises BuildError with the solver's own reason."""
        ...

    def install(self, solution: Solution, prefix: Path, target: Path, tick: Callable[[], None]) -> Solution:
        """Install into `prefix` what will live at `target`; what is there then. Raises BuildError."""
        ...


class _Rattler:
    name = "py-rattler"

    @property
    def version(self) -> str:
        return rattler.version()

    def solve(self, channel: str, specs: list[str], cuda: str | None, tick: Callable[[], None]) -> Solution:
        return rattler.solve(channel, specs, cuda, tick)

    def install(self, solution: Solution, prefix: Path, target: Path, tick: Callable[[], None]) -> Solution:
        return rattler.install(solution, prefix, target, tick)


def find() -> Solver | None:
    """Who is there."""
    return condatool.find() or (_Rattler() if rattler.installed() else None)


def solve(solver: Solver, channel: str, specs: list[str], cuda: str | None, tick: Callable[[], None]) -> Solution:
    """Choose packages; `cuda` is the newest that the driver runs, which the solution keeps to.

    Raises BuildError; where only the driver is in the way, with the driver that would do.
    """
    try:
        return solver.solve(channel, [*specs, *_held(cuda)], cuda, tick)
    except BuildError as error:
        if cuda is None or (needed := _needed(solver, channel, specs, cuda, tick)) is None:
            raise
        floor = drivers.minimum_driver(needed)
        driver = (floor.minor_compat or floor.native) if floor else None
        update = f"update the NVIDIA driver to at least {driver}" if driver else "update the NVIDIA driver"
        told = f"{', '.join(specs)} of {channel} need CUDA {needed} or newer, this driver runs CUDA {cuda} at most"
        raise BuildError(f"{told}: {update}, or ask for an older version; {error.message}") from error


def _held(cuda: str | None) -> list[str]:
    return [f"cuda-version <={cuda}"] if cuda else []


def _needed(solver: Solver, channel: str, specs: list[str], cuda: str, tick: Callable[[], None]) -> str | None:
    """The oldest CUDA above `cuda` for which there are packages, or None. By halving: a solution may take seconds."""
    newer = [version for version in drivers.cuda_versions() if key(version) > key(cuda)]
    low, high = 0, len(newer)
    if not newer or not _solvable(solver, channel, specs, newer[-1], tick):
        return None
    while low < high:
        middle = (low + high) // 2
        if _solvable(solver, channel, specs, newer[middle], tick):
            high = middle
        else:
            low = middle + 1
    return newer[low]


def _solvable(solver: Solver, channel: str, specs: list[str], cuda: str, tick: Callable[[], None]) -> bool:
    try:
        solver.solve(channel, [*specs, *_held(cuda)], cuda, tick)
    except BuildError:
        return False
    return True
