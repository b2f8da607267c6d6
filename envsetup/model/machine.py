"""A machine as facts. Schema `envsetup.machine/1`; any subset of it is valid, and what is absent is unknown."""

from __future__ import annotations

from typing import Optional

from envsetup.model.deep import Deep
from envsetup.model.drivers import AmdStack, Cuda, Driver, IntelStack, KernelEvent, NvidiaStack
from envsetup.model.hardware import Cpu, Disk, Fact, Gpu, Limits, Memory, PciDevice, RdmaPort
from envsetup.model.maybe import UNKNOWN, Maybe
from envsetup.model.software import Environment, Python

SCHEMA = "envsetup.machine/1"
# How the reasons begin for what a look did not bring, in `Machine.unknown`: too slow, or its own fault.
LATE = "no answer in time"
LOOK_FAILED = "the look at it failed"


class OperatingSystem(Fact, frozen=True, kw_only=True):
    """system: linux, windows, macos."""

    system: Maybe[str] = UNKNOWN
    distro: Maybe[Optional[str]] = UNKNOWN  # e.g. "ubuntu 22.04", "debian 12"
    kernel: Maybe[str] = UNKNOWN
    version: Maybe[str] = UNKNOWN  # macOS or Windows version
    wsl: Maybe[bool] = UNKNOWN
    wsl_version: Maybe[int] = UNKNOWN
    uptime_s: Maybe[int] = UNKNOWN
    reboot_required: Maybe[list[str]] = UNKNOWN  # packages that wait for it (Debian's way); empty when none does


class Libc(Fact, frozen=True, kw_only=True):
    """name: glibc, musl."""

    name: Maybe[str] = UNKNOWN
    version: Maybe[str] = UNKNOWN


class Container(Fact, frozen=True, kw_only=True):
    """runtime: docker, podman, kubernetes, lxc, apptainer, ...; None when this is no container."""

    runtime: Maybe[Optional[str]] = UNKNOWN
    evidence: Maybe[str] = UNKNOWN


class Machine(Fact, frozen=True, kw_only=True, rename={"schema_": "schema"}):
    """Everything known about one machine and the environment looked at."""

    schema_: str = SCHEMA
    tool: Maybe[str] = UNKNOWN
    recorded: Maybe[str] = UNKNOWN  # ISO 8601, UTC
    os: Maybe[OperatingSystem] = UNKNOWN
    arch: Maybe[str] = UNKNOWN  # x86_64, aarch64, arm64
    tegra: Maybe[Optional[str]] = UNKNOWN  # Jetson: L4T release
    libc: Maybe[Libc] = UNKNOWN
    cpu: Maybe[Cpu] = UNKNOWN
    memory: Maybe[Memory] = UNKNOWN
    disks: Maybe[list[Disk]] = UNKNOWN
    limits: Maybe[Limits] = UNKNOWN
    container: Maybe[Container] = UNKNOWN
    pci: Maybe[list[PciDevice]] = UNKNOWN
    rdma: Maybe[list[RdmaPort]] = UNKNOWN  # InfiniBand and RoCE; empty without such a card
    driver: Maybe[Driver] = UNKNOWN
    nvidia: Maybe[NvidiaStack] = UNKNOWN
    amd: Maybe[AmdStack] = UNKNOWN
    intel: Maybe[IntelStack] = UNKNOWN
    gpus: Maybe[list[Gpu]] = UNKNOWN
    cuda: Maybe[Cuda] = UNKNOWN
    env: Maybe[dict[str, str]] = UNKNOWN  # only the variables of the enumerated list
    python: Maybe[Python] = UNKNOWN  # the interpreter that a plan is made for
    pythons: Maybe[list[Python]] = UNKNOWN
    environment: Maybe[Environment] = UNKNOWN
    kernel_events: Maybe[list[KernelEvent]] = UNKNOWN
    deep: Maybe[Deep] = UNKNOWN  # only where frameworks were imported to see
    unknown: dict[str, str] = {}  # fact path to the reason why it could not be read
    redacted: Maybe[list[str]] = UNKNOWN  # kinds of things taken out of this snapshot
