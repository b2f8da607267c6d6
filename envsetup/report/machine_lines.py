"""A machine in a few lines: what a person wants to see before the findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.model.maybe import known

if TYPE_CHECKING:
    from envsetup.model.hardware import Gpu
    from envsetup.model.machine import Machine

Lines = list[tuple[str, str]]


def machine_lines(machine: Machine) -> Lines:
    """Label and text of each line; what is not known is left out."""
    rows = [("GPU", _gpus(machine)), ("Python", _python(machine)), ("Machine", _host(machine))]
    return [(label, text) for label, text in rows if text]


def _gpus(machine: Machine) -> str:
    gpus = known(machine.gpus) or []
    if not gpus:
        return ""
    first, version = gpus[0], driver_version(machine)
    ceiling = known(stack.cuda_ceiling) if (stack := known(machine.nvidia)) and first.vendor == "nvidia" else None
    parts = [gpu_names(gpus), _memory(first)]
    if version:
        parts.append(f"driver {version}" + (f" (CUDA <= {ceiling})" if ceiling else ""))
    temperature, busy = known(first.temperature_c), known(first.utilization_pct)
    if len(gpus) == 1 and temperature is not None:
        parts.append(f"{'idle' if not busy else f'{busy} % busy'}, {temperature} C")
    return ", ".join(part for part in parts if part)


def driver_version(machine: Machine) -> str:
    """The version of the driver of the first GPU's vendor; NVIDIA's where no GPU answers."""
    driver, gpus = known(machine.driver), known(machine.gpus) or []
    if driver is None:
        return ""
    return (known(driver.nvidia) if not gpus or gpus[0].vendor == "nvidia" else known(driver.rocm)) or ""


def gpu_names(gpus: list[Gpu]) -> str:
    """Each model once, with how many there are of it."""
    counts: dict[str, int] = {}
    for gpu in gpus:
        name = known(gpu.name) or gpu.vendor
        counts[name] = counts.get(name, 0) + 1
    return " + ".join(f"{count} x {name}" if count > 1 else name for name, count in counts.items())


def _memory(gpu: Gpu) -> str:
    total = known(gpu.memory_mib)
    return f"{round(total / 1024)} GB" if total else ""


def _python(machine: Machine) -> str:
    environment, own = known(machine.environment), known(machine.python)
    python = (known(environment.python) if environment else None) or own
    version = known(python.version) if python else None
    path = known(environment.path) if environment else None
    if version is None:
        return ""
    free = " free-threaded" if python and python.free_threaded is True else ""
    return f"{version}{free}" + (f"  {path}" if path else "")


def _host(machine: Machine) -> str:
    before = {"RAM": "RAM ", "Disk": "disk "}
    shown = [(label, text) for label, text in host_parts(machine) if label != "CPU"]
    return ", ".join(before.get(label, "") + text for label, text in shown)


def host_parts(machine: Machine) -> Lines:
    """Label and text of each part of the host; what is not known is left out."""
    os, memory, cpu, container = known(machine.os), known(machine.memory), known(machine.cpu), known(machine.container)
    parts = []
    if os:
        name = known(os.distro) or f"{known(os.system) or ''} {known(os.version) or ''}".strip()
        parts.append(("System", f"{name[:1].upper()}{name[1:]}{' on WSL' if os.wsl is True else ''}"))
    if container and known(container.runtime):
        parts.append(("Container", f"{container.runtime} container"))
    model, usable = (known(cpu.model), known(cpu.usable)) if cpu else (None, None)
    parts.append(("CPU", ", ".join(part for part in (model, f"{usable:g} cores usable" if usable else "") if part)))
    total = known(memory.total_mib) if memory else None
    limit = known(memory.cgroup_limit_mib) if memory else None
    if total:
        parts.append(("RAM", f"{min(total, limit or total) / 1024:.0f} GB"))
    free = next((d.free_mib for d in known(machine.disks) or [] if d.role == "target"), None)
    if isinstance(free, int):
        parts.append(("Disk", f"{free / 1024:.0f} GB free"))
    return [(label, text) for label, text in parts if text]
