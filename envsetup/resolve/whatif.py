"""A machine with parts of it changed: for buying one, or moving to one."""

from __future__ import annotations

import re

import msgspec

from envsetup.compat import gpus
from envsetup.model.drivers import Driver
from envsetup.model.errors import InputError
from envsetup.model.hardware import Gpu
from envsetup.model.machine import Libc, Machine, OperatingSystem
from envsetup.model.maybe import UNKNOWN, known

_VENDORS = (
    ("nvidia", r"nvidia|geforce|\b[rg]tx\b|tesla|quadro|titan"),
    ("amd", r"\bamd\b|radeon|instinct|\brx\b|\bmi\d{2,3}"),
    ("intel", r"intel|\barc\b|\buhd\b|\biris\b"),
    ("apple", r"apple|\bm[1-9]\b"),
)


def changed(
    machine: Machine,
    *,
    gpu_name: str | None = None,
    driver: str | None = None,
    system: str | None = None,
    arch: str | None = None,
    glibc: str | None = None,
) -> Machine:
    """The machine with the named parts replaced; what a replaced part makes doubtful becomes unknown.

    Raises InputError for a version that is none, or a GPU whose maker the name does not tell.
    """
    for flag, version, example in (("--driver", driver, "550.54.14"), ("--glibc", glibc, "2.35")):
        if version is not None and not re.fullmatch(r"\d+(\.\d+)*", version):
            raise InputError(f"{flag} {version}: expected a version such as {example}")
    if system or arch:
        before = known(machine.os)
        name = system or (known(before.system) if before else None) or "linux"
        same = before is not None and known(before.system) == name
        machine = msgspec.structs.replace(
            machine,
            os=before if same and before else OperatingSystem(system=name, wsl=False),
            arch=arch or machine.arch,
            libc=machine.libc if same and not arch else UNKNOWN,
            container=UNKNOWN,
        )
    if glibc:
        machine = msgspec.structs.replace(machine, libc=Libc(name="glibc", version=glibc))
    if gpu_name:
        vendor = vendor_of(gpu_name)
        machine = msgspec.structs.replace(
            machine, gpus=[Gpu(vendor=vendor, name=gpu_name)], pci=UNKNOWN, amd=UNKNOWN, env=UNKNOWN, container=UNKNOWN
        )
    if gpu_name or driver:
        # The kernel module and the libraries on disk belong to the driver that is there now.
        machine = msgspec.structs.replace(
            machine, nvidia=UNKNOWN, driver=Driver(nvidia=driver) if driver else _kept(machine, gpu_name)
        )
    return machine


def _kept(machine: Machine, gpu_name: str | None) -> Driver:
    """A new GPU keeps a driver that is there; where there is none, a current one is to be assumed."""
    before = known(machine.driver)
    version = known(before.nvidia) if before else None
    return Driver(nvidia=version) if version and gpu_name else Driver()


def vendor_of(name: str) -> str:
    """Who makes a GPU of this name. Raises InputError when neither the table nor the name tells."""
    if gpus.compute_capability(name):
        return "nvidia"
    if gpus.amd_gfx(name):
        return "amd"
    found = next((vendor for vendor, words in _VENDORS if re.search(words, name.lower())), None)
    if found is None:
        raise InputError(f"--gpu-name {name}: not a known GPU; write it as its driver does, e.g. 'NVIDIA L40S'")
    return found
