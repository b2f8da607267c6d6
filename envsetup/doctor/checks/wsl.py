"""WSL: the GPU and its driver come from Windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.compat.tables import key
from envsetup.doctor.check import Check, NotApplicable, Outcome, finding, seen
from envsetup.doctor.when import WSL, gpus, wants_gpu
from envsetup.model.maybe import known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case

KERNEL = "5.10.43"  # first WSL kernel for CUDA, NVIDIA CUDA on WSL user guide


def no_device(case: Case) -> Outcome:
    nodes = known(case.nvidia.device_nodes) or []
    dxg = any(node.path == "/dev/dxg" and node.exists for node in nodes)
    if gpus(case, "nvidia") or dxg:
        return None
    return finding(
        "wsl-no-gpu-device",
        seen("/dev/dxg", "missing", "/dev"),
        seen("kernel", known(case.os.kernel) or "WSL", "uname -r"),
        severity=None if wants_gpu(case) else "info",
    )


def kernel(case: Case) -> Outcome:
    version = known(case.os.kernel) or ""
    if not key(version) or key(version)[:3] >= key(KERNEL) or not wants_gpu(case):
        return None
    return finding("wsl-kernel-too-old", seen("kernel", version, case.source("uname -r")))


def limits(case: Case) -> Outcome:
    """Says once that what NVML withholds here is no fault."""
    if not gpus(case, "nvidia") or case.kind == "text":
        return NotApplicable("no NVIDIA GPU")
    return finding("wsl-nvml-limits", seen("system", "WSL", "uname -r"))


CHECKS = (
    Check("wsl-no-gpu-device", "wsl", no_device, WSL, ("nvidia.device_nodes",)),
    Check("wsl-kernel-too-old", "wsl", kernel, WSL, ("os.kernel",)),
    Check("wsl-nvml-limits", "wsl", limits, WSL),
)
