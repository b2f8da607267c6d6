"""The health and the settings of each NVIDIA GPU, as NVML tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.doctor.builds import label
from envsetup.doctor.check import Check, NotApplicable, Outcome, Unknown, finding, fix, seen
from envsetup.doctor.when import NVIDIA, gpus, in_container, pci_gpus, subject
from envsetup.model.maybe import known

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.doctor.case import Case
    from envsetup.model.finding import Evidence, Finding, Severity
    from envsetup.model.hardware import Gpu

THERMAL = ("hw-thermal", "sw-thermal")
BUSY_PCT = 30  # below this a GPU says nothing about how it runs under load
SMALL_MIB = 4096
ZOMBIE_MIB = 500
HELD_SHARE = 0.8


def each(judge: Callable[[Case, Gpu], Finding | None]) -> Callable[[Case], Outcome]:
    """A check of every NVIDIA GPU by itself."""

    def look(case: Case) -> Outcome:
        return [found for gpu in gpus(case, "nvidia") if (found := judge(case, gpu))]

    return look


def _found(case: Case, code: str, gpu: Gpu, *evidence: Evidence, severity: Severity | None = None) -> Finding:
    return finding(
        code, seen("GPU", label(gpu), case.source("nvml")), *evidence, subject=subject(gpu), severity=severity
    )


def lost(case: Case, gpu: Gpu) -> Finding | None:
    said = known(gpu.error) or ""
    if not any(word in said.lower() for word in ("lost", "fallen off", "gone")):
        return None
    return _found(case, "gpu-fallen-off-bus", gpu, seen("NVML", said, case.source("nvml")))


def ecc(case: Case, gpu: Gpu) -> Finding | None:
    """Lifetime counters are history: only errors since the driver was loaded are a fault."""
    count = known(gpu.ecc_uncorrected_volatile)
    if not count:
        return None
    return _found(
        case, "ecc-uncorrectable", gpu, seen("uncorrected errors since driver load", count, case.source("nvml"))
    )


def remap_pending(case: Case, gpu: Gpu) -> Finding | None:
    if gpu.remapped_rows_pending is not True:
        return None
    return _found(case, "row-remap-pending", gpu, seen("row remapping", "pending", case.source("nvml")))


def remap_failure(case: Case, gpu: Gpu) -> Finding | None:
    if gpu.remapped_rows_failure is not True:
        return None
    return _found(case, "row-remap-failure", gpu, seen("row remapping", "failed", case.source("nvml")))


def thermal(case: Case, gpu: Gpu) -> Finding | None:
    """Under load only; an idle card is never slowed by heat."""
    reasons = [reason for reason in known(gpu.throttle_reasons) or [] if reason in THERMAL]
    busy = known(gpu.utilization_pct)
    if not reasons or (busy is not None and busy < BUSY_PCT and "hw-thermal" not in reasons):
        return None
    temperature = known(gpu.temperature_c)
    text = ", ".join(reasons) + (f" at {temperature} C" if temperature is not None else "")
    return _found(case, "thermal-throttle", gpu, seen("clocks lowered by", text, case.source("nvml")))


def power(case: Case, gpu: Gpu) -> Finding | None:
    """The software power cap is normal under load; the brake is a signal of the power supply."""
    reasons = [reason for reason in known(gpu.throttle_reasons) or [] if "brake" in reason]
    if not reasons:
        return None
    return _found(case, "power-brake-or-cap", gpu, seen("clocks lowered by", ", ".join(reasons), case.source("nvml")))


def pcie(case: Case, gpu: Gpu) -> Finding | None:
    """Width alone: the generation drops on an idle link. Half of a wide link is often the slot's own width."""
    width, most = known(gpu.pcie_width), known(gpu.pcie_width_max)
    if width is None or most is None or width * 2 >= most:
        return None
    severity: Severity | None = "info" if (known(gpu.virtualization) or "none") != "none" else None
    return _found(
        case,
        "pcie-link-degraded",
        gpu,
        seen("PCIe lanes", f"{width} of {most}", case.source("nvml")),
        severity=severity,
    )


def mode(case: Case, gpu: Gpu) -> Finding | None:
    """Exclusive mode is normal on clusters and in the way only of a second program."""
    if gpu.compute_mode == "prohibited":
        return _found(case, "compute-mode-prohibited", gpu, seen("compute mode", "prohibited", case.source("nvml")))
    if gpu.compute_mode not in ("exclusive", "exclusive-thread"):
        return None
    severity: Severity = "warning" if known(gpu.processes) else "info"
    evidence = seen("compute mode", "exclusive", case.source("nvml"))
    return _found(case, "compute-mode-exclusive", gpu, evidence, severity=severity)


def mig(case: Case, gpu: Gpu) -> Finding | None:
    if gpu.mig_mode != "enabled" or gpu.mig_instances != 0:
        return None
    return _found(case, "mig-enabled-no-instance", gpu, seen("MIG", "enabled, no instance", case.source("nvml")))


def ecc_pending(case: Case, gpu: Gpu) -> Finding | None:
    now, then = known(gpu.ecc_mode), known(gpu.ecc_mode_pending)
    if now is None or then is None or now == then:
        return None
    return _found(case, "ecc-mode-pending", gpu, seen("ECC", f"{now}, {then} after a reboot", case.source("nvml")))


def mig_pending(case: Case, gpu: Gpu) -> Finding | None:
    now, then = known(gpu.mig_mode), known(gpu.mig_mode_pending)
    if now is None or then is None or now == then:
        return None
    return _found(case, "mig-mode-pending", gpu, seen("MIG", f"{now}, {then} after a reset", case.source("nvml")))


def retired(case: Case, gpu: Gpu) -> Finding | None:
    """Cards before Ampere: the pages are taken out at the next start of the driver."""
    if gpu.retired_pages_pending is not True:
        return None
    evidence = seen("page retirement", "pending", case.source("nvml"))
    return _found(case, "page-retirement-pending", gpu, evidence)


def inforom(case: Case, gpu: Gpu) -> Finding | None:
    said = known(gpu.error) or ""
    if "inforom" not in said.lower():
        return None
    return _found(case, "inforom-corrupt", gpu, seen("NVML", said, case.source("nvml")))


def memory(case: Case, gpu: Gpu) -> Finding | None:
    total = known(gpu.memory_mib)
    if total is None or total >= SMALL_MIB or (known(gpu.mig_instances) or 0) > 0:
        return None
    severity: Severity | None = "info" if case.kind == "text" else None  # a small card is no fault of its own
    return _found(case, "low-vram", gpu, seen("memory", f"{total} MiB", case.source("nvml")), severity=severity)


def zombie(case: Case, gpu: Gpu) -> Finding | None:
    """Containers and WSL never show processes, and a display or MIG holds memory without one."""
    used, processes = known(gpu.memory_used_mib), known(gpu.processes)
    if used is None or processes is None or in_container(case) is not False or case.os.wsl is not False:
        return None
    if processes or used < ZOMBIE_MIB or gpu.mig_mode == "enabled":
        return None
    return _found(
        case,
        "zombie-gpu-process",
        gpu,
        seen("memory in use", f"{used} MiB, no process", case.source("nvml")),
        severity="info" if used < SMALL_MIB else None,
    )


def held(case: Case, gpu: Gpu) -> Finding | None:
    used, total = known(gpu.memory_used_mib), known(gpu.memory_mib)
    if not used or not total or used / total < HELD_SHARE or not known(gpu.processes):
        return None
    names = {known(process.name) or "?" for process in known(gpu.processes) or []}
    text = f"{used} of {total} MiB by {', '.join(sorted(names))}"
    # In a text they may well be the reporter's own programs.
    severity: Severity | None = "info" if case.kind == "text" else None
    evidence = seen("memory in use", text, case.source("nvml"))
    return _found(case, "vram-held-by-other-processes", gpu, evidence, severity=severity)


def persistence(case: Case) -> Outcome:
    """A hint for servers: one line for all GPUs, never more than information."""
    off = [gpu for gpu in gpus(case, "nvidia") if gpu.persistence_mode is False]
    if not off or case.os.wsl is True or case.os.system == "windows" or in_container(case) is True:
        return None
    return finding("persistence-mode-off", seen("persistence mode", f"off on {len(off)} GPU(s)", case.source("nvml")))


def one_instance(case: Case) -> Outcome:
    """By design, and said because it surprises: several instances, and a process that sees one."""
    several = {subject(gpu): number for gpu in gpus(case, "nvidia") if (number := known(gpu.mig_instances) or 0) > 1}
    if not several:
        return None
    text = ", ".join(f"{name} has {number}" for name, number in several.items())
    return finding("mig-one-device-per-process", seen("MIG instances", text, case.source("nvml")))


def count(case: Case) -> Outcome:
    """Passed-in containers and other drivers have their own findings."""
    if case.nvml is None or case.nvml.status != "ok" or in_container(case) is True:
        return NotApplicable("NVML does not answer, or this is a container")
    on_bus = [device for device in pci_gpus(case, "nvidia") if device.driver == "nvidia"]
    driven = gpus(case, "nvidia")
    if not driven or len(driven) >= len(on_bus):
        return None
    return finding(
        "gpu-count-lower-than-pci",
        seen("GPUs on the PCI bus", len(on_bus), "/sys/bus/pci/devices"),
        seen("GPUs of the driver", len(driven), "nvml"),
        remedies=[fix("Read why the driver could not start it", "sudo dmesg | grep -i nvrm", "root")],
    )


def fabric(case: Case) -> Outcome:
    """Only where there are NVSwitch chips: elsewhere the service has nothing to do and fails on purpose."""
    manager = case.nvidia.fabric_manager
    if not known(case.nvidia.nvswitches):
        return NotApplicable("no NVSwitch")
    if manager == "running":
        return None
    if in_container(case) is True:
        return Unknown("whether the fabric manager runs can only be seen on the host")
    return finding(
        "fabric-manager-not-running",
        seen("NVSwitch chips", known(case.nvidia.nvswitches), "/sys/bus/pci/devices"),
        seen("fabric manager", manager or "not installed", "/run/nvidia-fabricmanager"),
    )


PER_GPU = {
    "gpu-fallen-off-bus": ("gpu-hardware", lost),
    "ecc-uncorrectable": ("gpu-hardware", ecc),
    "row-remap-pending": ("gpu-hardware", remap_pending),
    "row-remap-failure": ("gpu-hardware", remap_failure),
    "thermal-throttle": ("gpu-hardware", thermal),
    "power-brake-or-cap": ("gpu-hardware", power),
    "pcie-link-degraded": ("gpu-hardware", pcie),
    "compute-mode": ("gpu-config", mode),
    "mig-enabled-no-instance": ("gpu-config", mig),
    "ecc-mode-pending": ("gpu-config", ecc_pending),
    "mig-mode-pending": ("gpu-config", mig_pending),
    "page-retirement-pending": ("gpu-hardware", retired),
    "inforom-corrupt": ("gpu-hardware", inforom),
    "low-vram": ("gpu-config", memory),
    "zombie-gpu-process": ("gpu-config", zombie),
    "vram-held-by-other-processes": ("gpu-config", held),
}
CHECKS = (
    *(Check(name, area, each(judge), NVIDIA, ("gpus",)) for name, (area, judge) in PER_GPU.items()),
    Check("mig-one-device-per-process", "gpu-config", one_instance, NVIDIA, ("gpus",)),
    Check("persistence-mode-off", "gpu-config", persistence, NVIDIA, ("gpus",)),
    Check("fabric-manager-not-running", "gpu-config", fabric, NVIDIA, ("nvidia.nvswitches", "nvidia.fabric_manager")),
    Check("gpu-count-lower-than-pci", "gpu-hardware", count, NVIDIA, ("pci", "gpus", "nvidia.nvml.status")),
)
