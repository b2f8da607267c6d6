"""The NVIDIA device files: there, permitted, and with unified memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.doctor.check import Check, NotApplicable, Outcome, When, finding, fix, seen
from envsetup.doctor.when import LINUX, NOT_WSL, NVIDIA, in_container
from envsetup.model.maybe import UNKNOWN, Maybe, known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case
    from envsetup.model.drivers import DeviceNode

GPU_NODE = re.compile(r"/dev/nvidia\d+$")
LOADED_BY = "/sys/module"


def _loaded(case: Case) -> Maybe[bool]:
    if case.machine.tegra is not UNKNOWN and case.machine.tegra is not None:
        return False  # Jetson has other device files
    return case.nvidia.module_loaded


def _nodes(case: Case) -> list[DeviceNode]:
    return known(case.nvidia.device_nodes) or []


def _there(case: Case, path: str) -> bool:
    return any(node.path == path and node.exists for node in _nodes(case))


def _gpu_nodes(case: Case) -> list[DeviceNode]:
    return [node for node in _nodes(case) if GPU_NODE.match(node.path) and node.exists]


def missing(case: Case) -> Outcome:
    if in_container(case) is True and not any(node.exists for node in _nodes(case)):
        return NotApplicable("a container without any device file is another finding")
    if case.nvml is not None and case.nvml.status == "ok":
        return None
    gone = [] if _there(case, "/dev/nvidiactl") else ["/dev/nvidiactl"]
    gone += [] if _gpu_nodes(case) else ["/dev/nvidia0"]
    if not gone:
        return None
    return finding(
        "device-nodes-missing",
        seen("device files missing", ", ".join(gone), "/dev"),
        seen("NVIDIA module", "loaded", f"{LOADED_BY}/nvidia"),
    )


def permission(case: Case) -> Outcome:
    """One usable GPU is enough: clusters close the others to a job on purpose."""

    def shut(node: DeviceNode) -> bool:
        return node.exists and (node.readable is False or node.writable is False)

    shared = [node for node in _nodes(case) if node.path in ("/dev/nvidiactl", "/dev/nvidia-uvm")]
    gpu = _gpu_nodes(case)
    closed = [node for node in shared if shut(node)]
    if gpu and all(shut(node) for node in gpu):
        closed += gpu
    if not closed:
        return None
    group = known(closed[0].group)
    remedies = None
    if group and group != "root":
        remedies = [fix(f"Join the group {group}, then log in again", f'sudo usermod -aG {group} "$USER"', "root")]
    return finding(
        "device-node-permission",
        *[
            seen(node.path, f"mode {known(node.mode) or '?'}, group {known(node.group) or '?'}", f"stat {node.path}")
            for node in closed
        ],
        remedies=remedies,
    )


def uvm(case: Case) -> Outcome:
    """nvidia-modprobe loads it at the first CUDA call where it may, so its absence alone is not a fault there."""
    if in_container(case) is True and not _gpu_nodes(case):
        return NotApplicable("a container without any device file is another finding")
    modules = known(case.nvidia.modules)
    loaded = modules is None or "nvidia_uvm" in modules
    node = case.nvidia.device_nodes is UNKNOWN or _there(case, "/dev/nvidia-uvm")
    if loaded and node:
        return None
    if in_container(case) is not True and case.nvidia.modprobe_setuid is True:
        return None
    return finding(
        "uvm-not-loaded",
        seen("module nvidia_uvm", "loaded" if loaded else "not loaded", f"{LOADED_BY}/nvidia_uvm"),
        seen("/dev/nvidia-uvm", "there" if node else "missing", "/dev"),
        confidence="certain" if case.nvidia.modprobe_setuid is False or in_container(case) is True else "likely",
    )


MODULE = NVIDIA & LINUX & NOT_WSL & When(_loaded, "the NVIDIA module is not loaded")
CHECKS = (
    Check("device-nodes-missing", "driver", missing, MODULE, ("nvidia.device_nodes",)),
    Check("device-node-permission", "driver", permission, MODULE, ("nvidia.device_nodes",)),
    Check("uvm-not-loaded", "driver", uvm, MODULE, ("nvidia.modules|nvidia.device_nodes",)),
)
