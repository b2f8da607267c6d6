"""InfiniBand and RoCE: ports that carry nothing, and what direct transfers from GPU memory need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.compat.tables import key
from envsetup.doctor.check import Check, NotApplicable, Outcome, Unknown, When, finding, seen
from envsetup.doctor.when import LINUX, NVIDIA, gpus, in_container, pci_gpus
from envsetup.model.maybe import UNKNOWN, known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case
    from envsetup.model.hardware import RdmaPort

# One queue of a transfer registers some MiB; the default of many systems is 64 KiB to 8 MiB for a whole process.
LOCKED_KIB = 64 * 1024
DMA_BUF_KERNEL = (5, 12)  # from it on open modules hand GPU memory to network cards without a module of their own


def _active(case: Case) -> list[RdmaPort]:
    return [port for port in known(case.machine.rdma) or [] if port.state == "active"]


def ports(case: Case) -> Outcome:
    """A second port without a cable is the usual thing; a machine without any that is up is not."""
    every = known(case.machine.rdma) or []
    if _active(case) or not any(known(port.state) for port in every):
        return None
    return finding(
        "ib-not-active",
        *[
            seen(f"{port.device} port {port.port}", known(port.state) or "?", "/sys/class/infiniband")
            for port in every[:4]
        ],
    )


def locked_memory(case: Case) -> Outcome:
    limit = case.limits.memlock_kib
    if not _active(case):
        return NotApplicable("no active port: nothing registers memory")
    if limit is None or (isinstance(limit, int) and limit >= LOCKED_KIB):
        return None
    return finding(
        "memlock-low",
        seen("memory that may be locked", f"{limit} KiB", "ulimit -l"),
        seen("network", f"{_active(case)[0].device} is active", "/sys/class/infiniband"),
    )


def peer_memory(case: Case) -> Outcome:
    """Open kernel modules on a kernel with DMA-BUF need no module for it."""
    modules = known(case.nvidia.modules)
    if not _active(case) or len(gpus(case, "nvidia")) < 2:  # noqa: PLR2004 - a machine for training over a network
        return NotApplicable("no active port, or one GPU")
    if modules is None or in_container(case) is True:
        return Unknown("the modules of the kernel are not known")
    if "nvidia_peermem" in modules:
        return None
    kernel = key(known(case.os.kernel) or "")[:2]
    if case.nvidia.module_open is not False and (case.nvidia.module_open is UNKNOWN or kernel >= DMA_BUF_KERNEL):
        return None
    return finding(
        "gdr-peermem-missing",
        seen("module nvidia_peermem", "not loaded", "/proc/modules"),
        seen("network", f"{_active(case)[0].device} is active", "/sys/class/infiniband"),
    )


def sockets(case: Case) -> Outcome:
    """Said once, as information: what goes between the two groups crosses the link between the processors."""
    nodes = {known(device.numa_node) for device in pci_gpus(case, "nvidia")} - {None}
    if len(nodes) < 2:  # noqa: PLR2004 - two sockets
        return None
    shown = ", ".join(
        f"{device.address} at node {device.numa_node}"
        for device in pci_gpus(case, "nvidia")
        if isinstance(device.numa_node, int)
    )
    return finding("numa-cross-socket", seen("GPUs", shown, "/sys/bus/pci/devices"))


CARDS = When(
    lambda case: UNKNOWN if case.machine.rdma is UNKNOWN else bool(case.machine.rdma), "no InfiniBand or RoCE card"
)
CHECKS = (
    Check("ib-not-active", "network", ports, CARDS),
    Check("memlock-low", "limits", locked_memory, CARDS, ("limits.memlock_kib",)),
    Check("gdr-peermem-missing", "network", peer_memory, CARDS & NVIDIA, ("nvidia.modules",)),
    Check("numa-cross-socket", "multi-gpu", sockets, NVIDIA & LINUX, ("pci",)),
)
