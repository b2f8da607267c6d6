"""What a conda environment is made of: match specs and a channel for a solver, or the packages of a lock."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.build import condatool, explicit
from envsetup.build.decide import asked_but_missing
from envsetup.build.sources import address
from envsetup.compat import conda, drivers, stacks
from envsetup.model.errors import InputError
from envsetup.model.maybe import known
from envsetup.model.plan import Plan, PlannedPackage
from envsetup.resolve.asked import read

if TYPE_CHECKING:
    from envsetup.build.create import Order
    from envsetup.build.explicit import CondaPackage
    from envsetup.model.machine import Machine

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[\w.-]+)*", re.ASCII)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Match specs, where they come from, and the CUDA of the driver that they are solved for (None: no GPU)."""

    channels: list[str]
    specs: list[str]
    cuda: Optional[str] = None

    @property
    def written(self) -> list[str]:
        """The specs as environment.yml has them, where no solver is told the CUDA."""
        return self.specs + ([f"cuda-version <={self.cuda}"] if self.cuda else [])


def channel_of(source: str | None) -> str:
    """`--source` as a channel: a name, a folder or an address. Raises InputError; one with credentials is refused."""
    if source is None:
        return conda.table().channel
    if "://" in source:
        parts = address(source, "--source")
        if explicit.secret(parts):
            raise InputError("--source: the channel's address holds credentials, which would be written into the lock")
        if parts.scheme not in {"http", "https", "file"}:
            raise InputError(f"--source {source!r}: http, https and file addresses are accepted")
        return source
    if Path(source).is_dir():
        return Path(source).absolute().as_uri()
    if not _NAME.fullmatch(source):
        raise InputError(f"--source {source!r}: neither a folder, an address nor the name of a channel")
    return source


def wanted(order: Order, plan: Plan, machine: Machine, channel: str) -> Wanted:
    """The match specs of a plan. Raises InputError for a framework that is not offered as conda packages."""
    gpu = plan.device != "cpu"
    specs = [f"python {order.python or plan.python}.*"] if order.python or plan.python else ["python"]
    for asked in read(order.request).frameworks:
        row = conda.framework(asked.name)
        if row is None or plan.device not in {"cuda", "cpu"}:
            raise InputError(f"--target conda: {asked.title} for {plan.device} is not offered; take --target venv")
        specs += row.gpu if gpu else row.cpu
        version = ",".join(part.removeprefix("==") for part in asked.specifier.replace(" ", "").split(",") if part)
        specs += [f"{row.package} {version}"] if version else []
    for name in order.request.extras:
        stack = stacks.stack(name)
        if stack is None:
            raise InputError(f"--with {name}: unknown; accepted are {', '.join(stacks.NAMES)}")
        specs += stack.needs
    cuda = _ceiling(machine) if gpu else None
    if gpu and cuda is None:
        raise InputError(f"which CUDA this driver runs is unknown; say it with {condatool.OVERRIDE}=X.Y")
    return Wanted(channels=[channel], specs=specs, cuda=cuda)


def _ceiling(machine: Machine) -> str | None:
    """The newest CUDA of the driver; the variable that conda itself reads goes before."""
    given = os.environ.get(condatool.OVERRIDE)
    if given:
        if not re.fullmatch(r"\d{1,2}(\.\d{1,2}){0,2}", given, re.ASCII):
            raise InputError(f"{condatool.OVERRIDE}={given!r}: X.Y is accepted")
        return given
    stack, driver = known(machine.nvidia), known(machine.driver)
    version = known(driver.nvidia) if driver else None
    return (known(stack.cuda_ceiling) if stack else None) or (drivers.cuda_ceiling(version) if version else None)


def solved(plan: Plan, packages: list[CondaPackage]) -> Plan:
    """The plan with what the channel really has instead of wheels."""
    names = {row.package: row.name for row in conda.table().frameworks}
    cuda = next((p.version for p in packages if p.name == "cuda-version"), None)
    variant = f"cu{''.join(cuda.split('.')[:2])}" if cuda and plan.device == "cuda" else plan.device
    solved = [
        PlannedPackage(name=names[p.name], version=p.version, variant=variant, index="conda")
        for p in packages
        if p.name in names
    ]
    # What was weighed was wheels; of those reasons only the ones about the machine hold for another build.
    kept = [reason for reason in plan.reasons if reason.constraint == "device"]
    return msgspec.structs.replace(plan, packages=solved, reasons=kept, rejected=[], warnings=[], alternatives=[])


def of_lock(order: Order, packages: list[CondaPackage]) -> tuple[Plan, Wanted]:
    """What a given lock holds is the plan. Raises InputError where it contradicts what was asked for beside it."""
    names = {row.package for row in conda.table().frameworks}
    gpu = any(p.name in names and "cuda" in p.build for p in packages)
    python = next(p.version for p in packages if p.name == "python")
    if order.python is not None and not f"{python}.".startswith(f"{order.python}."):
        raise InputError(f"--python {order.python}: the lock holds Python {python}")
    if order.request.source is not None:
        raise InputError("--source: a lock names the file of every package; there is nothing else to ask")
    plan = Plan(status="ok", device="cuda" if gpu else "cpu", python=".".join(python.split(".")[:2]))
    plan = solved(plan, packages)
    asked_but_missing(order.request, plan.packages)
    specs = [f"{p.name} =={p.version} {p.build}" for p in packages]
    return plan, Wanted(channels=explicit.channels(packages), specs=specs)
