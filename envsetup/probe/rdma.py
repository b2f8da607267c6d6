"""Ports of InfiniBand and RoCE cards, from sysfs."""

from __future__ import annotations

from posixpath import join
from typing import TYPE_CHECKING

from envsetup.model.hardware import RdmaPort
from envsetup.model.machine import Machine
from envsetup.model.maybe import UNKNOWN

if TYPE_CHECKING:
    from envsetup.probe.look import Look

CLASS = "/sys/class/infiniband"


def probe_rdma(look: Look) -> Machine:
    """Fact `rdma`: an empty list without such a card."""
    if look.system("platform") != "linux":
        return Machine()
    return Machine(
        rdma=[
            _port(look, device, int(port))
            for device in look.names(CLASS)
            for port in look.names(join(CLASS, device, "ports"))
            if port.isdecimal()
        ]
    )


def _port(look: Look, device: str, port: int) -> RdmaPort:
    """The kernel writes a number before each word: "4: ACTIVE"."""
    folder = join(CLASS, device, "ports", str(port))
    state = look.text(join(folder, "state"), limit=64).rpartition(":")[2].strip().lower()
    return RdmaPort(device=device, port=port, state=state or UNKNOWN, rate=look.word(join(folder, "rate")))
