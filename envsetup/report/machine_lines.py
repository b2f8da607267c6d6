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
    first = gpus[0]
    driver = known(machine.driver)
    version = (known(driver.nvidia) if first.vendor == "nvidia" else known(driver.rocm)) if driver else None
    ceiling = known(stack.cuda_ceiling) if (stack := known(machine.nvidia)) and first.vendor == "nvidia" else None
    parts = [_names(gpus), _memory(first)]
    if version:
        parts.append(f"driver {version}" + (f" (CUDA <= {ceiling})" if ceiling else ""))
    temperature, busy = known(first.temperature_c), known(first.utilization_pct)
    if len(gpus) == 1 and temperature is not None:
        parts.append(f"{'idle' if not busy else f'{busy} % busy'}, {temperature} C")
    return ", ".join(part for part in parts if part)


def _names(gpus: list[Gpu]) -> str:
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
    os, memory = known(machine.os), known(machine.memory)
    parts = []
    if os:
        name = known(os.distro) or f"{known(os.system) or ''} {known(os.version) or ''}".strip()
        parts.append(f"{name[:1].upper()}{name[1:]}{' on WSL' if os.wsl is True else ''}")
    container = known(machine.container)
    if container and known(container.runtime):
        parts.append(f"{container.runtime} container")
    total = known(memory.total_mib) if memory else None
    limit = known(memory.cgroup_limit_mib) if memory else None
    if total:
        parts.append(f"RAM {min(total, limit or total) / 1024:.0f} GB")
    free = next((d.free_mib for d in known(machine.disks) or [] if d.role == "target"), None)
    if isinstance(free, int):
        parts.append(f"disk {free / 1024:.0f} GB free")
    return ", ".join(part for part in parts if part)
