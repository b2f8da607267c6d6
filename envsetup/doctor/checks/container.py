"""What a container takes away: the GPU, the driver libraries, shared memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.doctor.check import Check, NotApplicable, Outcome, Unknown, finding, seen
from envsetup.doctor.when import CONTAINER, NVIDIA, has_gpu, in_container, pci_gpus, wants_vendor
from envsetup.model.maybe import UNKNOWN, known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case

SHM = "/dev/shm"  # noqa: S108 - looked at, never written
# Docker and Kubernetes give 64 MiB; one batch of images from a few workers needs hundreds.
SHM_ENOUGH_MIB = 1024


# Some runtimes have a way of their own to pass the GPU in.
KINDS = {
    "kubernetes": "k8s-device-plugin-missing",
    "apptainer": "singularity-no-nv",
    "singularity": "singularity-no-nv",
}
TITLES = {
    "container-no-gpu": "The container was started without GPU access",
    "k8s-device-plugin-missing": "The pod was started without a GPU",
    "singularity-no-nv": "Apptainer was started without --nv",
}


def no_gpu(case: Case) -> Outcome:
    """A container for the CPU is fine: it is a fault where a GPU is asked for and the host may have one."""
    nodes = known(case.nvidia.device_nodes)
    if nodes is None:
        return Unknown("whether device files were passed into the container is not known")
    answers = case.nvml is not None and case.nvml.status == "ok"
    if any(node.exists for node in nodes) or answers or case.os.wsl is True:
        return None
    wanted = wants_vendor(case, "nvidia")
    on_host = bool(pci_gpus(case, "nvidia")) or case.nvidia.module_loaded is True
    if not wanted and not on_host:
        return NotApplicable("no GPU was asked for")
    if not on_host and has_gpu(case, "nvidia") is False and case.require is None:
        return NotApplicable("the host shows no NVIDIA GPU")
    evidence = [
        seen("container", case.container.runtime, known(case.container.evidence) or "container markers"),
        seen("device files", "no /dev/nvidia*", "/dev"),
    ]
    if case.nvml is not None and case.nvml.status == "missing":
        evidence.append(seen("driver library", "not passed in", "loader"))
    if case.nvidia.module_loaded is True:
        version = known(case.nvidia.module_version) or "loaded"
        evidence.append(seen("NVIDIA module of the host", version, "/proc/driver/nvidia/version"))
    evidence += [
        seen("GPU of the host", known(d.name) or f"{d.vendor_id}:{d.device_id}", f"/sys/bus/pci/devices/{d.address}")
        for d in pci_gpus(case, "nvidia")[:2]
    ]
    runtime = known(case.container.runtime)
    code = KINDS.get(runtime or "", "container-no-gpu")
    title = f"{TITLES[code]}{', its host has one' if on_host else ''}"
    return finding(
        code,
        *evidence,
        title=title,
        severity=None if wanted else "info",
        confidence="certain" if on_host else "likely",
    )


def lost_gpu(case: Case) -> Outcome:
    nodes = known(case.nvidia.device_nodes) or []
    error = known(case.nvml.error) if case.nvml is not None else None
    said = error or ""
    if not (any(node.exists for node in nodes) and "unknown error" in said.lower()):
        return None
    return finding(
        "container-lost-gpu-cgroup",
        seen("NVML", said, "nvml"),
        seen("device files", "there", "/dev"),
        seen("container", case.container.runtime, known(case.container.evidence) or "container markers"),
        confidence="likely",
    )


def capabilities(case: Case) -> Outcome:
    value = case.variables.get("NVIDIA_DRIVER_CAPABILITIES")
    if not value or {"all", "compute"} & set(value.split(",")):
        return None
    return finding("container-driver-caps", seen("NVIDIA_DRIVER_CAPABILITIES", value, "environment"))


def shm(case: Case) -> Outcome:
    """Outside of containers /dev/shm is half of the memory, and small only on purpose."""
    total = case.limits.shm_total_mib
    if in_container(case) is False:
        return NotApplicable("not a container")
    if isinstance(total, int) and total >= SHM_ENOUGH_MIB:
        return None
    if total is UNKNOWN:
        return Unknown("the size of /dev/shm is not known")
    return finding(
        "shm-too-small",
        seen(SHM, "missing" if total is None else f"{total} MiB", case.source(f"statvfs {SHM}")),
        severity="warning",
        title=f"{SHM} is missing" if total is None else f"{SHM} is {total} MiB: too small for data loading",
    )


CHECKS = (
    Check("container-no-gpu", "container", no_gpu, CONTAINER),
    Check("container-lost-gpu-cgroup", "container", lost_gpu, CONTAINER & NVIDIA, ("nvidia.nvml.status",)),
    Check("container-driver-caps", "container", capabilities, CONTAINER, ("env",)),
    Check("shm-too-small", "container", shm, CONTAINER, ("limits.shm_total_mib",)),
)
