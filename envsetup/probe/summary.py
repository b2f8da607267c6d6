"""A machine on one screen: values in, lines out. No judgement; that is the doctor's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.model.drivers import AmdStack, Cuda, Driver, IntelStack, NvidiaStack
from envsetup.model.hardware import Cpu, Limits, Memory
from envsetup.model.machine import Container, Libc, Machine, OperatingSystem
from envsetup.model.maybe import known

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from envsetup.model.hardware import Gpu
    from envsetup.model.software import Framework

WIDTH = 11  # columns of the area's name
TELLING_FLAGS = ("avx", "avx2", "avx512f", "amx_tile", "asimd", "sve")


def summary(machine: Machine, *, details: bool = False) -> list[str]:
    """Lines by area, then what is unknown and why. `details` adds packages, variables and libraries."""
    lines: list[str] = []
    for area, write in AREAS.items():
        lines += _block(area, list(write(machine)))
    if details:
        for area, write in DETAILS.items():
            lines += _block(area, list(write(machine)))
    lines += _block("Unknown", [f"{fact}: {reason}" for fact, reason in machine.unknown.items()])
    return lines


def _block(area: str, rows: list[str]) -> list[str]:
    return [f"{area if index == 0 else '':{WIDTH}}{row}" for index, row in enumerate(row for row in rows if row)]


def _joined(*parts: object) -> str:
    return ", ".join(str(part) for part in parts if part)


def _gib(mib: int | None) -> str:
    return f"{mib / 1024:.1f} GiB" if mib is not None else "?"


def _machine(machine: Machine) -> Iterable[str]:
    system, libc = known(machine.os) or OperatingSystem(), known(machine.libc) or Libc()
    container = known((known(machine.container) or Container()).runtime)
    yield _joined(
        known(system.distro) or known(system.system),
        known(system.version),
        f"kernel {known(system.kernel)}" if known(system.kernel) else "",
        known(machine.arch),
        f"{known(libc.name)} {known(libc.version) or ''}".strip() if known(libc.name) else "",
        f"WSL {known(system.wsl_version)}" if known(system.wsl) else "",
        f"in a {container} container" if container else "",
    )


def _cpu(machine: Machine) -> Iterable[str]:
    cpu = known(machine.cpu) or Cpu()
    usable, logical = known(cpu.usable), known(cpu.logical)
    flags = [flag for flag in TELLING_FLAGS if flag in (known(cpu.flags) or [])]
    yield _joined(known(cpu.model), f"{usable:g} of {logical} cores usable" if usable else "", " ".join(flags))


def _memory(machine: Machine) -> Iterable[str]:
    memory = known(machine.memory) or Memory()
    limit = known(memory.cgroup_limit_mib)
    yield _joined(
        _gib(known(memory.total_mib)),
        f"{_gib(known(memory.available_mib))} available",
        f"limited to {_gib(limit)}" if limit else "",
        f"{_gib(known(memory.swap_total_mib))} swap" if known(memory.swap_total_mib) else "no swap",
    )


def _disks(machine: Machine) -> Iterable[str]:
    for disk in known(machine.disks) or []:
        marks = [word for word, value in (("read-only", disk.read_only), ("noexec", disk.noexec)) if known(value)]
        yield _joined(
            f"{disk.role} {known(disk.path)}: {_gib(known(disk.free_mib))} free of {_gib(known(disk.total_mib))}",
            known(disk.filesystem),
            *marks,
        )
    limits = known(machine.limits) or Limits()
    if known(limits.shm_total_mib) is not None:
        yield f"shared memory: {_gib(known(limits.shm_total_mib))}"


def _gpus(machine: Machine) -> Iterable[str]:
    gpus = known(machine.gpus)
    for gpu in gpus or []:
        yield _gpu(gpu)
    for device in known(machine.pci) or []:
        if not any(known(gpu.pci_address) == device.address for gpu in gpus or []):
            name = known(device.name) or f"{known(device.vendor)} {device.vendor_id}:{device.device_id}"
            yield f"{name} on the PCI bus, kernel driver: {known(device.driver) or 'none'}"
    if gpus == [] and not known(machine.pci):
        yield "none"


def _gpu(gpu: Gpu) -> str:
    name = known(gpu.name) or f"{gpu.vendor} GPU"
    if known(gpu.error):
        return f"{known(gpu.index)}: {name}: {known(gpu.error)}"
    capability, memory = known(gpu.compute_capability), known(gpu.memory_mib)
    return _joined(
        f"{known(gpu.index)}: {name}" if known(gpu.index) is not None else name,
        f"compute capability {capability}" if capability else known(gpu.gfx),
        _gib(memory) if memory else "",
        f"{known(gpu.temperature_c)} C" if known(gpu.temperature_c) is not None else "",
    )


def _driver(machine: Machine) -> Iterable[str]:
    driver, nvidia = known(machine.driver) or Driver(), known(machine.nvidia) or NvidiaStack()
    ceiling, nvml = known(nvidia.cuda_ceiling), known(nvidia.nvml)
    if known(driver.nvidia):
        yield _joined(f"NVIDIA {known(driver.nvidia)}", f"CUDA up to {ceiling}" if ceiling else "")
    if nvml and nvml.status not in {"ok", "missing"}:
        yield f"NVML: {nvml.status}: {known(nvml.error)}"
    if known(nvidia.smi):
        yield f"nvidia-smi: {known(nvidia.smi)} {known(nvidia.smi_text) or ''}".rstrip()
    if known(nvidia.nouveau_loaded):
        yield "nouveau is loaded"
    if known((known(machine.amd) or AmdStack()).module_loaded):
        yield f"amdgpu, ROCm {known(driver.rocm) or 'not found'}"
    intel = known(machine.intel) or IntelStack()
    if known(intel.driver):
        yield f"{known(intel.driver)}, level zero {known(intel.level_zero) or 'not found'}"


def _cuda(machine: Machine) -> Iterable[str]:
    cuda = known(machine.cuda) or Cuda()
    for toolkit in known(cuda.toolkits) or []:
        yield f"toolkit {known(toolkit.version) or '?'} in {toolkit.path}"
    for library in known(cuda.ld_library_path_libraries) or []:
        yield f"LD_LIBRARY_PATH puts {library.path} first"


def _environment(machine: Machine) -> Iterable[str]:
    environment, python = known(machine.environment), known(machine.python)
    if environment is None:
        return
    version = (known(python.version) if python else None) or "?"
    count = len(known(environment.packages) or {})
    yield f"Python {version} in {known(environment.path)} ({environment.kind}, {count} packages)"
    for framework in known(environment.frameworks) or []:
        yield _framework(framework)
    for problem in known(environment.problems) or []:
        yield f"broken: {problem}"


def _framework(framework: Framework) -> str:
    variant = known(framework.variant)
    cuda = known(framework.cuda)
    return _joined(f"{framework.name} {known(framework.version)}", variant, f"built with CUDA {cuda}" if cuda else "")


def _kernel(machine: Machine) -> Iterable[str]:
    for event in (known(machine.kernel_events) or [])[-5:]:
        yield event.text


def _packages(machine: Machine) -> Iterable[str]:
    environment = known(machine.environment)
    packages = (known(environment.packages) if environment else None) or {}
    for name, version in sorted(packages.items()):
        yield f"{name} {version}"


def _variables(machine: Machine) -> Iterable[str]:
    for name, value in (known(machine.env) or {}).items():
        yield f"{name}={value}"


def _libraries(machine: Machine) -> Iterable[str]:
    for library in known((known(machine.cuda) or Cuda()).libraries) or []:
        yield f"{library.path} ({known(library.via)})"


AREAS: dict[str, Callable[[Machine], Iterable[str]]] = {
    "Machine": _machine,
    "CPU": _cpu,
    "Memory": _memory,
    "Disks": _disks,
    "GPU": _gpus,
    "Driver": _driver,
    "CUDA": _cuda,
    "Env": _environment,
    "Kernel log": _kernel,
}
DETAILS: dict[str, Callable[[Machine], Iterable[str]]] = {
    "Packages": _packages,
    "Variables": _variables,
    "Libraries": _libraries,
}
