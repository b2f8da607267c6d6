"""NVIDIA drivers: what CUDA needs of them, and which GPU generations a branch drives."""

from __future__ import annotations

from functools import lru_cache
from typing import Optional

import msgspec

from envsetup.compat.tables import Row, Table, at_least, key, load


class Toolkit(Row, frozen=True, kw_only=True):
    """A CUDA toolkit and the driver it was released with, per OS; None where none is named."""

    cuda: str
    linux: Optional[str]
    windows: Optional[str]


class Major(Row, frozen=True, kw_only=True):
    """The oldest driver that runs any minor of a CUDA major."""

    major: int
    linux: str
    windows: str


class Forward(Row, frozen=True, kw_only=True):
    """The forward compatibility rule: which GPU classes may run a newer CUDA on an older driver."""

    packages: str
    classes: list[str]
    rule: str


class Generation(Row, frozen=True, kw_only=True):
    """A GPU generation and the driver branches that drive it; `advisory`: the first branch only warns."""

    architecture: str
    cc: list[str]
    first_branch: Optional[int] = None
    last_branch: Optional[int] = None
    advisory: bool = False


class Branches(Row, frozen=True, kw_only=True):
    """Known driver branches, ascending."""

    numbers: list[int]


class Hang(Row, frozen=True, kw_only=True):
    """A driver build that stops answering after so many days of uptime on GPUs of these capabilities."""

    driver: str
    cc: list[str]
    after_days: int


class CudaTable(Table, frozen=True, kw_only=True):
    """cuda.json."""

    toolkits: list[Toolkit]
    majors: list[Major]
    forward: list[Forward]


class DriverTable(Table, frozen=True, kw_only=True):
    """drivers.json."""

    branches: Branches
    hangs: list[Hang]
    generations: list[Generation]


class DriverFloor(msgspec.Struct, frozen=True, kw_only=True):
    """Oldest drivers for a CUDA version: `native` compiles PTX too, `minor_compat` runs compiled code only.

    `native` is None when no document names it for this OS.
    """

    cuda: str
    native: Optional[str]
    minor_compat: str
    certain: bool
    table: str


class Drive(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a driver drives a GPU. `first`/`last`: the branches that bound it; None is unbounded or not known.

    `unsure` is the clause for an unconfirmed row, with its leading space.
    """

    ok: bool
    architecture: str
    branch: int
    first: Optional[int]
    last: Optional[int]
    advisory: bool
    table: str
    unsure: str = ""


@lru_cache(maxsize=1)
def cuda_table() -> CudaTable:
    """The CUDA toolkits."""
    return load("cuda.json", CudaTable)


@lru_cache(maxsize=1)
def driver_table() -> DriverTable:
    """The driver branches."""
    return load("drivers.json", DriverTable)


def hang(driver: str, ccs: list[str]) -> Hang | None:
    """The known hang of exactly this build on one of these GPUs."""
    return next((row for row in driver_table().hangs if row.driver == driver and set(ccs) & set(row.cc)), None)


def cite_hang(row: Hang) -> str:
    """Where a known hang stands."""
    return driver_table().cite(row.source)


def architecture(cc: str) -> str | None:
    """The architecture's name of a compute capability ("8.9" is "Ada Lovelace"), or None when unknown."""
    row = _generation(cc)
    return row.architecture if row else None


def cuda_versions() -> list[str]:
    """Every CUDA that a driver is known for, X.Y, oldest first."""
    found = {".".join(row.cuda.split(".")[:2]) for row in cuda_table().toolkits}
    return sorted(found, key=key)


@lru_cache(maxsize=256)
def minimum_driver(cuda: str, os: str = "linux") -> DriverFloor | None:
    """The driver floors of a CUDA version ("12.6", "13.0.2") on "linux" or "windows"; None for an unknown CUDA."""
    table, want = cuda_table(), key(cuda)
    major = next((row for row in table.majors if row.major == want[0]), None)
    if major is None:
        return None
    rows = [row for row in table.toolkits if key(row.cuda)[: len(want)] == want]
    toolkit = min(rows, key=lambda row: key(row.cuda), default=None)
    native = getattr(toolkit, os, None) if toolkit else None
    if toolkit and native is None and toolkit.linux:
        # CUDA 13 ships no Windows driver; its branch number is the same on both systems.
        native = str(key(toolkit.linux)[0])
    cited = [table.cite(major.source), *([table.cite(toolkit.source)] if toolkit else [])]
    return DriverFloor(
        cuda=cuda,
        native=native,
        minor_compat=major.windows if os == "windows" else major.linux,
        certain=toolkit.certain if toolkit else True,
        table="; ".join(dict.fromkeys(cited)),
    )


def cuda_ceiling(driver: str, os: str = "linux") -> str | None:
    """The newest CUDA (major.minor) that a driver runs natively, or None when it is older than the table."""
    best: tuple[int, ...] | None = None
    for row in cuda_table().toolkits:
        floor = row.windows if os == "windows" and row.windows else row.linux
        if os == "windows" and row.windows is None and row.linux:
            floor = str(key(row.linux)[0])
        if floor and row.certain and at_least(driver, floor):
            best = max(best or (0,), key(row.cuda)[:2])
    return ".".join(map(str, best)) if best else None


def branch(driver: str) -> int:
    """The branch of a driver version: 550.54.14 is 550; Windows' 581.29 is 580."""
    number = (key(driver) or (0,))[0]
    return max((known for known in driver_table().branches.numbers if known <= number), default=number)


def drives(driver: str, cc: str) -> Drive | None:
    """Whether `driver` drives a GPU of compute capability `cc`; None when the capability is unknown to the table."""
    row = _generation(cc)
    if row is None:
        return None
    number = branch(driver)
    too_old = row.first_branch is not None and number < row.first_branch and not row.advisory
    too_new = row.last_branch is not None and number > row.last_branch
    return Drive(
        ok=not (too_old or too_new),
        architecture=row.architecture,
        branch=number,
        first=row.first_branch,
        last=row.last_branch,
        advisory=row.advisory and row.first_branch is not None and number < row.first_branch,
        table=driver_table().cite(row.source),
        unsure=driver_table().unsure(row.source, certain=row.certain),
    )


def forward_compatible(kind: str | None) -> Forward | None:
    """The forward compatibility row when a GPU class (datacenter, jetson, consumer, ...) may use it, else None."""
    return next((row for row in cuda_table().forward if kind in row.classes), None)


def _generation(cc: str) -> Generation | None:
    return next((row for row in driver_table().generations if cc in row.cc), None)
