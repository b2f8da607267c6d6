"""What can be compared between machines: configuration, which should be equal, and measures, which scatter.

Identity (host name, addresses, serial numbers) and what changes by the minute (temperature, load, free space) is left
out. What a machine does not know is left out too: unknown is never a difference.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from envsetup.model.maybe import UNKNOWN, Maybe, Unknown, known

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from envsetup.model.hardware import Fact, Gpu
    from envsetup.model.machine import Machine
    from envsetup.model.software import Environment

# Group of facts, and its members that a site sets once for all machines of a kind.
CONFIG = {
    "os": ("system", "distro", "kernel", "version", "wsl"),
    "libc": ("name", "version"),
    "cpu": ("model", "logical", "physical", "cgroup_quota"),
    "memory": ("cgroup_limit_mib",),
    "limits": ("nofile_soft", "nofile_hard", "memlock_kib"),
    "container": ("runtime",),
    "driver": ("nvidia", "rocm"),
    "nvidia": ("module_open", "nouveau_loaded", "nvswitches", "fabric_manager", "secure_boot"),
    "amd": ("rocm_version",),
    "intel": ("driver", "level_zero"),
    "cuda": ("nvcc_version",),
    "python": ("version", "free_threaded"),
    "environment": ("kind",),
}
GPU_CONFIG = (
    *("name", "memory_mib", "compute_capability", "gfx", "ecc_mode", "mig_mode", "mig_instances", "compute_mode"),
    *("persistence_mode", "power_limit_w", "clock_sm_max_mhz", "pcie_gen_max", "pcie_width", "pcie_width_max"),
    "virtualization",
)
DISK_CONFIG = ("filesystem", "read_only", "noexec")
# Sizes that follow from the memory: equal machines differ in them by a few MiB, so they are compared as measures.
SIZES = ("memory.total_mib", "memory.swap_total_mib", "limits.nproc", "limits.shm_total_mib")
NONE = "none"
LISTED = "listed"
# Facts that are members of a set, and what it means that a machine which lists the set does not have the member.
ABSENT = {"environment.packages": "not installed", "env": "not set"}


class Facts(NamedTuple):
    """One machine for comparison. `kind` says which machines are its peers."""

    kind: tuple[str, ...]  # architecture, processor, GPU models
    config: tuple[tuple[str, str], ...]  # fact and value, sorted
    sizes: dict[str, float]


def facts_of(machine: Machine) -> Facts:
    """A machine's comparable facts."""
    config = dict(_config(machine))
    gpus = known(machine.gpus)
    models = sorted({str(known(gpu.name) or gpu.vendor) for gpu in gpus}) if gpus else []
    kind = (config.get("arch", ""), config.get("cpu.model", ""), *models)
    sizes = {path: value for path in SIZES if isinstance(value := _at(machine, path), int) and value > 0}
    return Facts(kind, tuple(sorted(config.items())), dict(sizes))


def _config(machine: Machine) -> Iterator[tuple[str, str]]:
    yield from _named("", machine, ("arch", "tegra"))
    for group, names in CONFIG.items():
        yield from _named(f"{group}.", known(getattr(machine, group)), names)
    yield from _gpus(known(machine.gpus))
    for disk in known(machine.disks) or []:
        yield from _named(f"disks.{disk.role}.", disk, DISK_CONFIG)
    cuda = known(machine.cuda)
    toolkits = known(cuda.toolkits) if cuda else None
    if toolkits is not None:
        yield "cuda.toolkits", ", ".join(sorted(known(kit.version) or kit.path for kit in toolkits)) or NONE
    yield from _members("env", known(machine.env))
    yield from _environment(known(machine.environment))


def _named(prefix: str, group: Fact | None, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        value = getattr(group, name, UNKNOWN)
        if not isinstance(value, Unknown):
            yield f"{prefix}{name}", text(value)


def _gpus(gpus: list[Gpu] | None) -> Iterator[tuple[str, str]]:
    if gpus is None:
        return
    yield "gpus.count", str(len(gpus))
    for name in GPU_CONFIG:
        values = [text(value) for gpu in gpus if not isinstance(value := getattr(gpu, name), Unknown)]
        if values and len(values) == len(gpus):
            yield f"gpus.{name}", _counted(values)


def _environment(environment: Environment | None) -> Iterator[tuple[str, str]]:
    if environment is None:
        return
    yield from _named("environment.python.", known(environment.python), ("version",))
    yield from _members("environment.packages", known(environment.packages))
    for framework in known(environment.frameworks) or []:
        yield from _named(f"environment.frameworks.{framework.name}.", framework, ("variant",))


def _members(name: str, members: dict[str, str] | None) -> Iterator[tuple[str, str]]:
    """The members of a set as facts, and the set's own name: who lists it says of the others that they are absent."""
    if members is not None:
        yield name, LISTED
        yield from ((f"{name}.{member}", value) for member, value in members.items())


def _at(machine: Machine, path: str) -> Maybe[object]:
    value: object = machine
    for name in path.split("."):
        value = getattr(value, name)
        if value is None or isinstance(value, Unknown):
            break
    return value


def _counted(values: Iterable[str]) -> str:
    """Values of a machine's GPUs as one: "enabled x7, disabled x1"; equal values as the value itself.

    How many GPUs there are is a fact of its own, so that a lost GPU is named once.
    """
    counts = Counter(values)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{value} x{count}" for value, count in sorted(counts.items(), key=lambda c: (-c[1], c[0])))


def absent(fact: str, config: Mapping[str, str]) -> str | None:
    """What it means that a machine with this configuration does not have the fact; None when it is unknown."""
    for name, meaning in ABSENT.items():
        if fact.startswith(f"{name}.") and name in config:
            return meaning
    return None


def text(value: object) -> str:
    """A fact's value for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return NONE if value is None else str(value)
