"""The facts of a machine that decide a plan, named as the data names them; what was assumed is written down."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.compat import drivers
from envsetup.compat import gpus as gpu_names
from envsetup.compat.tables import key
from envsetup.model.maybe import UNKNOWN, known

if TYPE_CHECKING:
    from envsetup.model.hardware import Gpu
    from envsetup.model.machine import Machine
    from envsetup.model.maybe import Maybe

_ARCH = {"amd64": "x86_64", "x64": "x86_64", "x86-64": "x86_64"}


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """One GPU. `cc` None: nobody knows it. `reported`: the driver said so, not a table of names.

    `unsure`: the clause that goes with what an unconfirmed row of that table says.
    """

    index: int
    vendor: str
    name: str
    cc: Optional[str] = None
    gfx: Optional[str] = None
    kind: Optional[str] = None
    reported: bool = False
    unsure: str = ""

    @property
    def label(self) -> str:
        """What stands in an explanation: name and compute capability or gfx target."""
        what = self.cc or self.gfx
        return f"{self.name} ({what})" if what else self.name


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """`driver`: UNKNOWN nobody looked, None there is none. `driver_os`: whose numbers the driver's are (WSL: Windows').

    `python` is "3.12" or "3.13t"; None when no interpreter is known. `forward`: the CUDA version that cuda-compat
    libraries bring to an older driver, where the GPUs may use them.
    """

    os: str
    arch: str
    os_version: Optional[str]
    libc: Optional[str]
    libc_version: Optional[str]
    wsl: bool
    jetson: bool
    container: Optional[str]
    python: Optional[str]
    pythons: list[str]
    driver: object
    driver_os: str
    devices: list[Device]
    devices_known: bool
    visible: Optional[str]
    cpu_flags: Optional[list[str]]
    forward: Optional[str]
    assumed: list[str]

    @property
    def platform(self) -> str:
        """Key of the data files: "linux-x86_64"."""
        return f"{self.os}-{self.arch}"

    @property
    def driver_version(self) -> str | None:
        """The NVIDIA driver when one is known to be there."""
        return self.driver if isinstance(self.driver, str) else None


def python_tag(version: str, *, free_threaded: bool = False) -> str:
    """The short name of an interpreter: "3.12.4" is "3.12"; without the GIL "3.13t"."""
    return ".".join(map(str, key(version)[:2])) + ("t" if free_threaded or version.endswith("t") else "")


def read(machine: Machine) -> Facts:
    """The deciding facts of a machine."""
    os, libc, python = known(machine.os), known(machine.libc), known(machine.python)
    driver, container = known(machine.driver), known(machine.container)
    assumed: list[str] = []
    system = (known(os.system) if os else None) or _assume(assumed, "linux", "operating system")
    arch = known(machine.arch) or _assume(assumed, "arm64" if system == "macos" else "x86_64", "architecture")
    arch = _ARCH.get(arch.lower(), arch.lower())
    if arch in {"arm64", "aarch64"}:
        arch = "aarch64" if system == "linux" else "arm64"
    wsl = bool(os and known(os.wsl))
    env = known(machine.env) or {}
    listed = known(machine.gpus)
    devices = [_device(position, gpu) for position, gpu in enumerate(listed or [])]
    return Facts(
        os=system,
        arch=arch,
        os_version=_number(known(os.version) if os else None),
        libc=known(libc.name) if libc else None,
        libc_version=_number(known(libc.version) if libc else None),
        wsl=wsl,
        jetson=bool(known(machine.tegra)) or any(d.kind == "jetson" for d in devices),
        container=known(container.runtime) if container else None,
        python=_tag(python),
        pythons=list(dict.fromkeys(tag for p in known(machine.pythons) or [] if (tag := _tag(p)))),
        driver=_driver(driver.nvidia if driver else UNKNOWN),
        driver_os="windows" if wsl or system == "windows" else "linux",
        devices=devices,
        devices_known=listed is not None,
        visible=env.get("CUDA_VISIBLE_DEVICES"),
        cpu_flags=[flag.lower() for flag in flags]
        if (cpu := known(machine.cpu)) and (flags := known(cpu.flags))
        else None,
        forward=_forward(machine, devices),
        assumed=assumed,
    )


def _number(text: str | None) -> str | None:
    """A version that starts with a digit; "N/A" and the like are no knowledge."""
    return text if text and text[0].isdigit() else None


def _driver(version: Maybe[str | None]) -> Maybe[str | None]:
    return UNKNOWN if isinstance(version, str) and _number(version) is None else version


def _forward(machine: Machine, devices: list[Device]) -> str | None:
    """The CUDA of active cuda-compat libraries: libcuda then reports a newer major than the kernel driver has."""
    stack, driver = known(machine.nvidia), known(machine.driver)
    ceiling = _number(known(stack.cuda_ceiling) if stack else None)
    version = _number(known(driver.nvidia) if driver else None)
    own = drivers.cuda_ceiling(version) if version else None
    if not ceiling or not own or key(ceiling)[0] <= key(own)[0]:
        return None
    return ceiling if devices and all(drivers.forward_compatible(d.kind) for d in devices) else None


def _assume(assumed: list[str], value: str, what: str) -> str:
    assumed.append(f"{what} unknown: {value} assumed")
    return value


def _tag(python: object) -> str | None:
    version = known(getattr(python, "version", UNKNOWN))
    return (
        python_tag(version, free_threaded=bool(known(getattr(python, "free_threaded", UNKNOWN)))) if version else None
    )


def _device(position: int, gpu: Gpu) -> Device:
    name, gfx = known(gpu.name) or "", known(gpu.gfx)
    cc = known(gpu.compute_capability)
    cc = cc if cc and re.fullmatch(r"\d+\.\d", cc) else None
    index = known(gpu.index)
    row = gpu_names.compute_capability(name) if gpu.vendor == "nvidia" and name else None
    amd = gpu_names.amd_gfx(name) if gpu.vendor == "amd" and name else None
    amd = amd or (gpu_names.amd_by_gfx(gfx) if gfx else None)
    named = None if cc or gfx else row or amd
    return Device(
        index=position if index is None else index,
        vendor=gpu.vendor,
        name=name or f"{gpu.vendor} GPU {position}",
        cc=cc or (row.cc if row else None),
        gfx=gfx.partition(":")[0] if gfx else (amd.gfx if amd else None),
        kind=row.kind if row else (amd.kind if amd else None),
        reported=bool(cc or gfx),
        unsure=gpu_names.unsure(named) if named else "",
    )
