"""Machines of one kind get one plan: it is made for the host that limits the others, and must hold on all of them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from envsetup.fleet.facts import facts_of
from envsetup.model.hardware import Gpu
from envsetup.model.hostrange import natural
from envsetup.model.machine import Machine
from envsetup.model.maybe import known
from envsetup.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from envsetup.model.plan import Plan, PlannedPackage, Request

FRAMEWORKS = {"torch": "pytorch", "tensorflow": "tensorflow", "jax": "jax"}  # in a plan, and as it is asked for
_UNKNOWN = "unknown"


class MachineClass(NamedTuple):
    """Hosts that get the same environment; the first is the one that limits the others."""

    kind: str
    hosts: list[str]
    plan: Plan


class Sorted(NamedTuple):
    """The classes, and the hosts on which nothing is possible with the reason."""

    classes: list[MachineClass]
    impossible: dict[str, Plan]


def sort(machines: Mapping[str, Machine], request: Request) -> Sorted:
    """Sort hosts into classes by what an environment depends on: GPU models, architecture, C library and Python.

    Within a kind of machine one plan must hold on all hosts, although their drivers or systems may differ: the plan of
    the host that limits the others is taken. Where no plan holds on all of them, the kind is split by plan.
    Raises InputError for a request that names something that does not exist.
    """
    planner = _Planner(request)
    kinds: dict[str, list[str]] = defaultdict(list)
    plans: dict[str, Plan] = {}
    impossible = {}
    for host in sorted(machines, key=natural):
        plan = planner.plan(machines[host])
        if plan.status == "ok":
            plans[host] = plan
            kinds[kind_of(machines[host], request)].append(host)
        else:
            impossible[host] = plan
    classes = [
        part
        for kind, hosts in kinds.items()
        for part in planner.classes(kind, {host: plans[host] for host in hosts}, machines)
    ]
    return Sorted(classes, impossible)


def kind_of(machine: Machine, request: Request) -> str:
    """What an environment for this machine depends on, in words for people."""
    _, _, *gpus = facts_of(machine).kind
    libc, python = known(machine.libc), known(machine.python)
    name = known(libc.name) if libc else None
    version = known(python.version) if python else None
    short = ".".join((version or _UNKNOWN).split(".")[:2])
    parts = [" and ".join(dict.fromkeys(gpus)) or "no GPU", known(machine.arch) or _UNKNOWN, name or _UNKNOWN]
    return ", ".join([*parts, f"Python {request.python or short}"])


def holds(request: Request, plan: Plan, machine: Machine) -> Plan:
    """The plan that this machine gets when it must be exactly `plan`; impossible with the reason where it cannot."""
    device = "cpu" if plan.device == "cpu" else "gpu"
    pinned = [_pin(package) for package in plan.packages if package.name in FRAMEWORKS]
    return resolve(msgspec.structs.replace(request, frameworks=pinned, device=device), machine)


class _Planner:
    """Plans, each worked out once for machines that are alike: a fleet of ten thousand is of few kinds."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._plans: dict[bytes, Plan] = {}
        self._held: dict[tuple[bytes, bytes], bool] = {}

    def plan(self, machine: Machine) -> Plan:
        key = _deciding(machine)
        if key not in self._plans:
            self._plans[key] = resolve(self._request, machine)
        return self._plans[key]

    def classes(self, kind: str, plans: Mapping[str, Plan], machines: Mapping[str, Machine]) -> Iterable[MachineClass]:
        groups: dict[bytes, list[str]] = defaultdict(list)
        for host, plan in plans.items():
            groups[_packages(plan)].append(host)
        for hosts in groups.values():
            plan = plans[hosts[0]]
            others = [host for host in plans if host not in set(hosts)]
            if all(self._holds(plan, machines[host]) for host in others):
                yield MachineClass(kind, [*hosts, *others], plan)
                return
        for hosts in groups.values():
            yield MachineClass(kind, hosts, plans[hosts[0]])

    def _holds(self, plan: Plan, machine: Machine) -> bool:
        key = (_packages(plan), _deciding(machine))
        if key not in self._held:
            self._held[key] = holds(self._request, plan, machine).status == "ok"
        return self._held[key]


# What a plan rests on; what changes by the minute and what a host is called is left out.
_DECIDING = (
    *("os", "arch", "tegra", "libc", "cpu", "container", "driver", "nvidia", "amd", "intel"),
    *("env", "python", "pythons"),
)
_DECIDING_GPU = ("vendor", "name", "memory_mib", "compute_capability", "gfx", "mig_mode", "virtualization")


def _deciding(machine: Machine) -> bytes:
    gpus = [Gpu(**{name: getattr(gpu, name) for name in _DECIDING_GPU}) for gpu in known(machine.gpus) or []]
    rests_on = Machine(**{name: getattr(machine, name) for name in _DECIDING}, gpus=gpus)
    return msgspec.json.encode(rests_on)


def _packages(plan: Plan) -> bytes:
    return msgspec.json.encode([(package.name, package.version, package.variant) for package in plan.packages])


def _pin(package: PlannedPackage) -> str:
    return f"{FRAMEWORKS[package.name]}=={package.version}" + (f"+{package.variant}" if package.variant else "")
