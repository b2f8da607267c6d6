"""Which accelerator an environment is for: what is usable here, and for what is not, why and what would change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.compat import drivers, torch
from envsetup.compat import gpus as gpu_names
from envsetup.compat.arch import TEGRA
from envsetup.model.maybe import known
from envsetup.resolve import visibility
from envsetup.resolve.candidate import Blocked, Check, Target

if TYPE_CHECKING:
    from envsetup.model.machine import Machine
    from envsetup.resolve.facts import Device, Facts


def options(machine: Machine, facts: Facts) -> list[Target | Blocked]:
    """Every accelerator of the machine, first choice first; empty only when there is none and none is hidden."""
    found: list[Target | Blocked] = []
    nvidia = [d for d in facts.devices if d.vendor == "nvidia"]
    if nvidia:
        found.append(_nvidia(machine, facts, nvidia))
    elif facts.devices_known or facts.driver_version is None:
        found += visibility.hidden(machine, facts)
    else:
        found.append(_assumed(facts))
    if amd := [d for d in facts.devices if d.vendor == "amd"]:
        found.append(_amd(machine, facts, amd))
    if facts.os == "macos":
        found.append(_apple(facts))
    if intel := [d for d in facts.devices if d.vendor == "intel"]:
        found.append(_intel(facts, intel))
    # What can be used comes before what cannot.
    return sorted(found, key=lambda option: isinstance(option, Blocked))


def cpu(facts: Facts, *, asked: bool) -> Target:
    """No accelerator, because it was `asked` for so or because there is none to use."""
    seen = ", ".join(d.label for d in facts.devices) or ("none" if facts.devices_known else "unknown")
    unknown = not asked and not facts.devices_known
    text = "no GPU can be used here: the CPU build"
    if asked:
        text = "a CPU environment was asked for"
    elif unknown:
        text = "it is not known which GPU this machine has: the CPU build"
    check = Check(
        constraint="device",
        ok=True,
        text=text,
        evidence=f"gpus: {seen}",
        table=torch.cite("index-cpu"),
    )
    warnings = ["GPU unknown: none assumed"] if unknown else []
    return Target(kind="cpu", devices=[], checks=[check], warnings=warnings)


def _nvidia(machine: Machine, facts: Facts, devices: list[Device]) -> Target | Blocked:
    if any(d.cc in TEGRA for d in devices) or (facts.jetson and not any(d.cc == "11.0" for d in devices)):
        return visibility.jetson(devices)
    blocked = visibility.broken_driver(machine, facts, devices) or visibility.unusable(machine, devices)
    if blocked:
        return blocked
    devices, warnings = visibility.selected(facts, devices)
    warnings += visibility.doubtful(devices)
    checks: list[Check] = []
    for device in devices:
        drive = drivers.drives(facts.driver_version, device.cc) if facts.driver_version and device.cc else None
        if drive is None:
            continue
        if not drive.ok:
            return _not_driven(device, drive, facts, [d for d in devices if d is not device and _driven(d, facts)])
        if drive.advisory:
            warnings.append(
                f"driver {facts.driver_version} is older than the first branch known to drive {drive.architecture} "
                f"({drive.first}){drive.unsure}; the driver that lists this GPU must be newer"
            )
        checks.append(
            Check(
                constraint="device",
                ok=True,
                text=f"{device.name} is {drive.architecture}, driven by driver branch {drive.branch}",
                evidence=f"gpu {device.index}: {device.label}; driver.nvidia: {facts.driver_version}",
                table=drive.table,
            )
        )
    warnings += visibility.notes(machine, facts, devices)
    return Target(kind="cuda", devices=devices, checks=checks, warnings=warnings)


def _driven(device: Device, facts: Facts) -> bool:
    drive = drivers.drives(facts.driver_version, device.cc) if facts.driver_version and device.cc else None
    return drive is not None and drive.ok


def _not_driven(device: Device, drive: drivers.Drive, facts: Facts, others: list[Device]) -> Blocked:
    if drive.last is not None and drive.branch > drive.last:
        text = f"driver {facts.driver_version} no longer drives {device.label}: {drive.last} is the last branch"
        nearest = f"install an NVIDIA driver of branch {drive.last}, the last for {drive.architecture}"
    else:
        text = f"driver {facts.driver_version} does not drive {device.label}: branch {drive.first} is the first"
        nearest = f"update the NVIDIA driver to at least {drive.first}"
    if others:
        left = ",".join(str(other.index) for other in others)
        nearest += f"; or leave {device.name} out: CUDA_VISIBLE_DEVICES={left}"
    return Blocked(
        kind="cuda",
        constraint="driver",
        text=text + drive.unsure + device.unsure,
        nearest=nearest,
        evidence=f"gpu {device.index}: {device.label}; driver.nvidia: {facts.driver_version}",
        table=drive.table,
    )


def _assumed(facts: Facts) -> Target:
    text = f"the GPU is unknown, but driver {facts.driver_version} is there: a GPU from Turing to Hopper is assumed"
    return Target(kind="cuda", devices=[], checks=[], warnings=[text])


def _amd(machine: Machine, facts: Facts, devices: list[Device]) -> Target | Blocked:
    if facts.platform != "linux-x86_64":
        return Blocked(
            kind="rocm",
            constraint="os" if facts.os != "linux" else "arch",
            text=f"the ROCm builds are for Linux on x86_64 only, this is {facts.os} on {facts.arch}",
            nearest="Linux on x86_64, or a CPU environment (--cpu)",
        )
    amd = known(machine.amd)
    if amd and known(amd.kfd) is None and amd.kfd is None:
        return Blocked(
            kind="rocm",
            constraint="driver",
            text="/dev/kfd is not there: the amdgpu driver is not loaded, or this container was not given it",
            nearest="load amdgpu, or start the container with --device /dev/kfd --device /dev/dri",
        )
    # An integrated GPU beside a card is not what anybody trains on.
    cards = [d for d in devices if d.kind != "apu"] or devices
    left = [d for d in devices if d not in cards]
    warnings = visibility.doubtful(cards)
    warnings += [f"{d.label} is integrated and left out; hide it with HIP_VISIBLE_DEVICES" for d in left]
    if unknown := [d for d in cards if d.gfx is None]:
        warnings.append(f"the gfx target of {unknown[0].name} is unknown; it is not held against any build")
    if facts.wsl:
        warnings.append("ROCm under WSL needs AMD's own driver package for WSL and serves few cards")
    return Target(kind="rocm", devices=cards, checks=[], warnings=warnings)


def _apple(facts: Facts) -> Target | Blocked:
    if facts.arch != "arm64":
        return Blocked(
            kind="mps",
            constraint="arch",
            text="Macs with Intel processors have no accelerator that current builds use",
            nearest="a Mac with Apple silicon, or a CPU environment (--cpu)",
        )
    devices = [d for d in facts.devices if d.vendor == "apple"]
    check = Check(
        constraint="device",
        ok=True,
        text="Apple silicon: the macOS build uses its GPU through MPS",
        evidence=f"os: macos, arch: {facts.arch}",
        table=gpu_names.table().cite("apple"),
    )
    return Target(kind="mps", devices=devices, checks=[check], warnings=[])


def _intel(facts: Facts, devices: list[Device]) -> Target | Blocked:
    rows = [(d, gpu_names.intel(d.name)) for d in devices]
    able = [d for d, row in rows if row and row.xpu]
    if not able:
        device, row = rows[0]
        why = "is too old for the XPU builds" if row and row.xpu is False else "is not known to be served by XPU builds"
        return Blocked(
            kind="xpu",
            constraint="gpu-arch",
            text=f"{device.name} {why}",
            nearest="an Intel Arc, a Core Ultra or a Data Center GPU Max, or a CPU environment (--cpu)",
        )
    if facts.os not in {"linux", "windows"} or facts.arch != "x86_64":
        return Blocked(
            kind="xpu",
            constraint="os" if facts.os not in {"linux", "windows"} else "arch",
            text=f"the XPU builds are for Linux and Windows on x86_64, this is {facts.os} on {facts.arch}",
            nearest="Linux or Windows on x86_64",
        )
    return Target(kind="xpu", devices=able, checks=[], warnings=[])
