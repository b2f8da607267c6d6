"""Why a GPU that is in the machine cannot be used from here, and what to know about one that can."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.compat import drivers, torch
from envsetup.model.maybe import known
from envsetup.resolve.candidate import Blocked

if TYPE_CHECKING:
    from envsetup.model.machine import Machine
    from envsetup.model.plan import Constraint
    from envsetup.resolve.facts import Device, Facts


def _blocked(constraint: Constraint, text: str, nearest: str) -> Blocked:
    return Blocked(kind="cuda", constraint=constraint, text=text, nearest=nearest)


def hidden(machine: Machine, facts: Facts) -> list[Blocked]:
    """What an empty list of NVIDIA GPUs means here: nothing at all, or a card that this process cannot reach."""
    pci = known(machine.pci) or []
    cards = [device for device in pci if known(device.vendor) == "nvidia" or device.vendor_id == "10de"]
    if facts.container and (cards or facts.driver_version):
        return [
            _blocked(
                "device",
                f"the host has an NVIDIA GPU, but this {facts.container} container was not given it",
                "start the container with --gpus all (NVIDIA Container Toolkit on the host)",
            )
        ]
    if cards and facts.driver_version is None:
        name = known(cards[0].name) or "an NVIDIA GPU"
        return [_blocked("driver", f"{name} is on the bus, but no NVIDIA driver answers", _install(name))]
    if cards or facts.driver_version:
        return [
            _blocked(
                "driver",
                f"driver {facts.driver_version} is there, but it lists no GPU",
                "run envsetup doctor: it names what stands between the driver and the GPU",
            )
        ]
    return []


def broken_driver(machine: Machine, facts: Facts, devices: list[Device]) -> Blocked | None:
    """No driver though somebody looked, or a kernel module and a library of different versions."""
    if facts.driver is None:
        return _blocked("driver", f"no NVIDIA driver for {devices[0].label}", _install(devices[0].name, devices[0].cc))
    stack = known(machine.nvidia)
    module, library = (known(stack.module_version), known(stack.library_version)) if stack else (None, None)
    if module and library and module != library:
        return _blocked(
            "driver",
            f"the NVIDIA kernel module is {module}, its libraries are {library}: nothing can use the GPU",
            "reboot, or reload the kernel module, so that both are of one version",
        )
    return None


def unusable(machine: Machine, devices: list[Device]) -> Blocked | None:
    """GPUs that answer and still cannot compute: lost, prohibited, or MIG without an instance."""
    gpus = [gpu for gpu in known(machine.gpus) or [] if gpu.vendor == "nvidia"]
    for device, gpu in zip(devices, gpus, strict=False):
        if error := known(gpu.error):
            return _blocked(
                "device", f"{device.label} answers with an error: {error}", "reset or reseat the GPU, reboot"
            )
        if known(gpu.compute_mode) == "prohibited":
            return _blocked(
                "device",
                f"{device.label} is in compute mode prohibited",
                f"nvidia-smi -i {device.index} -c DEFAULT (needs root)",
            )
        if known(gpu.mig_mode) == "enabled" and known(gpu.mig_instances) == 0:
            return _blocked(
                "device",
                f"{device.label} is in MIG mode without an instance: CUDA sees no device",
                "nvidia-smi mig -cgi <profile> -C, or switch MIG off (needs root)",
            )
    return None


def jetson(devices: list[Device]) -> Blocked:
    """Boards whose GPU takes only code built for their JetPack."""
    row = torch.table().jetson
    return _blocked(
        "arch",
        f"{devices[0].label} is a Jetson: {row.text}",
        f"the wheels for your JetPack from https://{row.index}, or NVIDIA's containers for Jetson",
    )


def selected(facts: Facts, devices: list[Device]) -> tuple[list[Device], list[str]]:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves, and what to say about it."""
    value = facts.visible
    if value is None or not value.strip(", "):
        if value is None:
            return devices, []
        return devices, [
            "CUDA_VISIBLE_DEVICES is empty: the environment is planned for the GPU, but hides it until unset"
        ]
    numbers = [part.strip() for part in value.split(",")]
    if numbers[0] == "-1":
        return devices, ["CUDA_VISIBLE_DEVICES is -1: the environment is planned for the GPU, but hides it until unset"]
    if not all(part.isdigit() for part in numbers):
        return devices, [f"CUDA_VISIBLE_DEVICES={value} names GPUs by id; all GPUs were planned for"]
    chosen = [d for d in devices if str(d.index) in numbers]
    if not chosen:
        return devices, [f"CUDA_VISIBLE_DEVICES={value} names no GPU of this machine: nothing will be visible"]
    if len({d.cc for d in devices}) > 1 and len(chosen) < len(devices):
        names = ", ".join(d.label for d in chosen)
        note = f"CUDA_VISIBLE_DEVICES={value}: planned for {names} only; CUDA counts the fastest first unless "
        return chosen, [note + "CUDA_DEVICE_ORDER=PCI_BUS_ID"]
    return chosen, []


def doubtful(devices: list[Device]) -> list[str]:
    """A clause for each GPU whose capability is known only by its name, and not for certain."""
    return list(dict.fromkeys(f"what {d.label} is rests on its name{d.unsure}" for d in devices if d.unsure))


def notes(machine: Machine, facts: Facts, devices: list[Device]) -> list[str]:
    """What a user of these GPUs should know before installing."""
    said: list[str] = []
    gpus = [gpu for gpu in known(machine.gpus) or [] if gpu.vendor == "nvidia"]
    names = [known(gpu.name) or "" for gpu in gpus]
    if any(known(gpu.mig_mode) == "enabled" for gpu in gpus) or any(re.search(r"\bMIG\b", name) for name in names):
        said.append(
            "MIG: one process sees one instance, with its share of memory; NCCL and peer access do not cross instances"
        )
    vgpu = [name for name in names if re.search(r"-\d+[ABCQ]\b", name) or name.upper().startswith("GRID ")]
    if vgpu or any(known(gpu.virtualization) == "vgpu" for gpu in gpus):
        said.append("vGPU: a virtual GPU; its guest driver must match the host's, so driver updates come from the host")
    if len({d.cc for d in devices if d.cc}) > 1:
        said.append(
            "mixed GPUs (" + ", ".join(d.label for d in devices) + "): only builds with code for all were considered"
        )
    if blind := [d for d in devices if d.cc is None]:
        said.append(
            f"the compute capability of {blind[0].name} is unknown: it is assumed to be served by every current build; "
            "check with nvidia-smi --query-gpu=compute_cap --format=csv"
        )
    if facts.driver_version is None:
        said.append("the NVIDIA driver's version is unknown: a current one is assumed")
    if facts.wsl:
        said.append("WSL: the driver is Windows' own; install none inside the distribution")
    if any(d.cc == "11.0" for d in devices):
        said.append(
            "Thor: the server wheels hold sm_110 code, but nobody has reported a run; verify with envsetup smoke"
        )
    return said


def _install(name: str, cc: str | None = None) -> str:
    drive = drivers.drives("0", cc) if cc else None
    if drive and drive.last:
        return f"install the NVIDIA driver, branch {drive.last} (the last for {drive.architecture})"
    newest = torch.releases()[0].variants[0].name
    floor = drivers.minimum_driver(torch.cuda_of(newest) or "")
    return f"install the NVIDIA driver for {name}" + (
        f", {floor.minor_compat} or newer for current builds" if floor else ""
    )
