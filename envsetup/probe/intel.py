"""Intel GPUs: kernel driver, render nodes, the level zero loader."""

from __future__ import annotations

from posixpath import join
from typing import TYPE_CHECKING

from envsetup.model.drivers import IntelStack
from envsetup.model.hardware import Gpu
from envsetup.model.machine import Machine
from envsetup.model.maybe import UNKNOWN, Maybe
from envsetup.probe.nodes import render_nodes

if TYPE_CHECKING:
    from envsetup.probe.look import Look

VENDOR = "8086"
BUS = "/sys/bus/pci/devices"
INTEGRATED = "0000:00:02.0"  # where every Intel processor keeps its own graphics
DRIVERS = ("xe", "i915")


def probe_intel(look: Look) -> Machine:
    """Fact `intel`, and the discrete GPUs bound to xe or i915."""
    bound = {name: look.link_name(join(BUS, name, "driver")) for name in _devices(look)}
    drivers = [driver for driver in bound.values() if driver in DRIVERS]
    discrete = [name for name, driver in bound.items() if driver in DRIVERS and name != INTEGRATED]
    return Machine(
        intel=IntelStack(
            driver=drivers[0] if drivers else None,
            render_nodes=render_nodes(look, VENDOR),
            level_zero=_level_zero(look),
        ),
        gpus=[Gpu(vendor="intel", index=index, pci_address=name) for index, name in enumerate(discrete)] or UNKNOWN,
    )


def _devices(look: Look) -> list[str]:
    return [
        name
        for name in look.names(BUS)
        if look.text(join(BUS, name, "class"), limit=64).startswith("0x03")
        and look.text(join(BUS, name, "vendor"), limit=64).strip() == f"0x{VENDOR}"
    ]


def _level_zero(look: Look) -> Maybe[str | None]:
    """The loader's version; a loader without Intel's driver library behind it counts as none."""
    loader, driver = look.loader.find("libze_loader.so.1"), look.loader.find("libze_intel_gpu.so.1")
    if loader is None or driver is None:
        return None
    return loader.version if isinstance(loader.version, str) else "1"
