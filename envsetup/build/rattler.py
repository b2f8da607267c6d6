"""py-rattler, which solves and installs conda packages without conda. It is an extra: envsetup[conda]."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, TypeVar
from urllib.parse import unquote, urlsplit

import msgspec

from envsetup.model.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")
_TICK = 0.2
SOLVE, INSTALL = 600.0, 3 * 3600.0  # seconds
_CUDA = "__cuda"


class CondaPackage(msgspec.Struct, frozen=True, kw_only=True):
    """One package of a solution; `url` is where its file lies, empty where the solver did not say."""

    name: str
    version: str
    build: str
    url: str
    sha256: Optional[str]


class Solution(msgspec.Struct, frozen=True, kw_only=True):
    """What was solved, in the order of names, for which CUDA of the driver; `records` are rattler's own."""

    packages: list[CondaPackage]
    channel: str = ""
    cuda: Optional[str] = None
    records: Any = None

    def explicit(self) -> str:
        """The explicit lock that conda, mamba and micromamba read; empty until every file's place is known."""
        if not all(p.url for p in self.packages):
            return ""
        return "@EXPLICIT\n" + "".join(f"{p.url}{f'#sha256:{p.sha256}' if p.sha256 else ''}\n" for p in self.packages)


def installed() -> bool:
    """Whether py-rattler is there."""
    return find_spec("rattler") is not None


def version() -> str:
    """The version of py-rattler."""
    from importlib.metadata import version  # noqa: PLC0415 - 15 ms, only where it is asked for

    return version("py-rattler")


def solve(channel: str, specs: list[str], cuda: str | None, tick: Callable[[], None]) -> Solution:
    """Choose packages for this platform; `cuda` is the virtual package __cuda, None hides what the machine has.

    Raises BuildError with the solver's own reason.
    """
    import rattler  # noqa: PLC0415 - an extra

    found = [virtual.into_generic() for virtual in rattler.VirtualPackage.detect(rattler.VirtualPackageOverrides())]
    virtual = [package for package in found if package.name.normalized != _CUDA]
    if cuda is not None:
        name, version = rattler.PackageName(_CUDA), rattler.Version(cuda)
        virtual.append(rattler.GenericVirtualPackage(name, version, rattler.BuildString("0")))
    platforms = [str(rattler.Subdir.current()), "noarch"]
    try:
        records = _wait(
            lambda: rattler.solve(
                [rattler.Channel(channel)], specs, platforms=platforms, virtual_packages=virtual,
                timeout=timedelta(seconds=SOLVE),
            ),
            SOLVE,
            tick,
        )  # fmt: skip
    except Exception as error:
        raise BuildError(f"no set of conda packages for {', '.join(specs)}: {_reason(error)}") from error
    packages = [
        CondaPackage(
            name=record.name.normalized,
            version=str(record.version),
            build=str(record.build),
            url=record.url,
            sha256=record.sha256.hex() if record.sha256 else None,
        )
        for record in records
    ]
    chosen = sorted(packages, key=lambda p: p.name)
    return Solution(packages=chosen, channel=channel, cuda=cuda, records=records)


def install(solution: Solution, prefix: Path, target: Path, tick: Callable[[], None]) -> Solution:
    """Install into `prefix` what will live at `target`; what is there then.

    Raises BuildError; a file that is not the one that was solved is refused.
    """
    import platformdirs  # noqa: PLC0415
    import rattler  # noqa: PLC0415

    _check_local(solution, tick)
    cache = Path(platformdirs.user_cache_dir("envsetup", appauthor=False)) / "conda"
    try:
        _wait(
            lambda: rattler.install(
                solution.records, prefix, cache_dir=cache, show_progress=False, alternative_target_prefix=target
            ),
            INSTALL,
            tick,
        )
    except Exception as error:
        raise BuildError(f"installation: {_reason(error)}") from error
    return solution


def _check_local(solution: Solution, tick: Callable[[], None]) -> None:
    """Compare what lies in folders with its hash: rattler does that only for what it downloads."""
    for package in solution.packages:
        parts = urlsplit(package.url)
        if parts.scheme != "file" or package.sha256 is None:
            continue
        found = hashlib.sha256()
        try:
            with Path(unquote(parts.path)).open("rb") as file:
                while block := file.read(1 << 20):
                    found.update(block)
                    tick()
        except OSError as error:
            raise BuildError(f"installation: {package.name}: {error.strerror}") from error
        if found.hexdigest() != package.sha256:
            wrong = f"its file has sha256 {found.hexdigest()}, the channel says {package.sha256}"
            raise BuildError(f"installation: {package.name} {package.version}: {wrong}")


def _wait(begin: Callable[[], Awaitable[T]], deadline: float, tick: Callable[[], None]) -> T:
    async def ticking() -> None:
        while True:
            tick()
            await asyncio.sleep(_TICK)

    async def both() -> T:
        beside = asyncio.ensure_future(ticking())
        work = asyncio.ensure_future(begin())
        try:
            ended, _ = await asyncio.wait({beside, work}, timeout=deadline, return_when=asyncio.FIRST_COMPLETED)
            if beside in ended:
                beside.result()  # an interrupt
            if work not in ended:
                raise BuildError(f"no end after {deadline:.0f} s")
            return work.result()
        finally:
            beside.cancel()
            work.cancel()

    return asyncio.run(both())


def _reason(error: BaseException) -> str:
    if isinstance(error, BuildError):
        return error.message
    return " ".join(str(error).split()) or type(error).__name__
