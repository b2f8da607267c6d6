"""From a plan to the requirements that are locked: the frameworks' exact builds, their companions, and `--with`."""

from __future__ import annotations

import importlib.resources
from functools import cache
from typing import TYPE_CHECKING

import msgspec
from packaging.requirements import Requirement

from envsetup.build.sources import DEFAULT
from envsetup.compat import stacks
from envsetup.model.codec import decode
from envsetup.model.errors import InputError

if TYPE_CHECKING:
    from envsetup.model.offers import Offers
    from envsetup.model.plan import Plan, PlannedPackage


# Only PyTorch's indexes tell builds apart by the local version; JAX's plug-ins are packages of their own.
_LOCAL = frozenset({"torch", "torchvision", "torchaudio"})


class _Companion(msgspec.Struct, frozen=True, rename={"with_": "with"}):
    with_: str
    needs: str


class _Table(msgspec.Struct, frozen=True):
    companions: list[_Companion]


@cache
def _table() -> _Table:
    data = importlib.resources.files("envsetup.data").joinpath("companions.json").read_bytes()
    return decode(data, _Table)


def full_version(package: PlannedPackage, offers: Offers | None) -> str:
    """The version as the wheel is named: 2.13.0+cpu where the source tells builds apart by it, else 2.13.0."""
    local = f"{package.version}+{package.variant}"
    if offers is not None:
        same = [o for o in offers.of(package.name) if o.version == package.version and o.index == package.index]
        if same:
            return local if package.variant in {o.local for o in same if o.local} else package.version
    told_apart = package.name in _LOCAL and package.variant is not None and package.index != DEFAULT
    return local if told_apart else package.version


def requirements(plan: Plan, offers: Offers | None, extras: list[str]) -> list[str]:
    """Requirement lines, sorted. Raises InputError for an unknown `--with`."""
    wanted = []
    for package in plan.packages:
        version = full_version(package, offers)
        # == would also take 2.13.0+cpu for 2.13.0, and prefer it: another build than was planned.
        extra = f"[{','.join(package.extras)}]" if package.extras else ""
        wanted.append(f"{package.name}{extra}{'==' if '+' in version else '==='}{version}")
    planned = {package.name: package.version for package in plan.packages}
    for row in _table().companions:
        condition, companion = Requirement(row.with_), Requirement(row.needs)
        version = planned.get(condition.name, "")
        if version and condition.specifier.contains(version, prereleases=True) and companion.name not in planned:
            wanted.append(row.needs)
    for name in extras:
        stack = stacks.stack(name)
        if stack is None:
            raise InputError(f"--with {name}: unknown; accepted are {', '.join(stacks.NAMES)}")
        if stack.extension and stack.extension.apart:
            raise InputError(f"--with {name}: {stack.extension.apart}")
        wanted += [need for need in stack.needs if need not in planned]
    return sorted(set(wanted))
