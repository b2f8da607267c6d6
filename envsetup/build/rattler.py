"""py-rattler, which solves and installs conda packages without conda. It is an extra: envsetup[conda]."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, TypeVar
from urllib.parse import unquote, urlsplit

import msgspec

from envsetup.build.explicit import CondaPackage
from envsetup.model.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")
_AT_ONCE = 8  # files that are looked into at the same time
_TICK = 0.2
SOLVE, INSTALL = 600.0, 3 * 3600.0  # seconds
_CUDA = "__cuda"


class Solution(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be installed, in the order of names: solved for a CUDA of the driver, or `given` by a lock.

    `records` are rattler's own.
    """

    packages: list[CondaPackage]
    channel: str = ""
    cuda: Optional[str] = None
    given: bool = False
    records: Any = None


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
    from rattler.exceptions import SolverError  # noqa: PLC0415

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
    except SolverError as error:
        raise BuildError(f"no set of conda packages for {', '.join(specs)}: {_reason(error)}") from error
    except Exception as error:
        raise BuildError(f"conda channel {channel}: {_reason(error)}") from error
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

    Raises BuildError; a download that is not the expected file is refused.
    """
    import platformdirs  # noqa: PLC0415
    import rattler  # noqa: PLC0415

    cache = Path(platformdirs.user_cache_dir("envsetup", appauthor=False)) / "conda"
    try:
        records = solution.records or _wait(lambda: _described(solution.packages), SOLVE, tick)
        _wait(
            lambda: rattler.install(
                records, prefix, cache_dir=cache, show_progress=False, alternative_target_prefix=target
            ),
            INSTALL,
            tick,
        )
    except Exception as error:
        raise BuildError(f"installation: {_reason(error)}") from error
    return solution


async def _described(packages: list[CondaPackage]) -> list[Any]:
    """What rattler must know of packages that nobody solved, read from their own files: how each is linked."""
    import rattler  # noqa: PLC0415
    from rattler.package_streaming import PackageArchive  # noqa: PLC0415

    client, gate = rattler.Client.default_client(), asyncio.Semaphore(_AT_ONCE)

    async def one(package: CondaPackage) -> Any:  # noqa: ANN401 - rattler has no types here
        parts = urlsplit(package.url)
        local = Path(unquote(parts.path)) if parts.scheme == "file" else None
        async with gate:
            opened = PackageArchive.from_path(local) if local else PackageArchive.from_url(client, package.url)
            content = await (await opened).read_file("info/index.json")
        if content is None:
            raise BuildError(f"{package.name}: its file is no conda package")
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            file.write(content)
            file.flush()
            record = rattler.PackageRecord.from_index_json(Path(file.name), sha256=package.sha256)
        if (found := f"{record.name.normalized}-{record.version}-{record.build}") != package.stem:
            raise BuildError(f"{package.stem}: its file says that it is {found}")
        place, _, name = package.url.rpartition("/")
        return rattler.RepoDataRecord(record, unquote(name), package.url, place.rpartition("/")[0])

    return await asyncio.gather(*(one(package) for package in packages))


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
