"""Display and accelerator devices on the PCI bus, from sysfs: seen even when no driver works."""

from __future__ import annotations

import re
from posixpath import join
from typing import TYPE_CHECKING

from envsetup.model.hardware import PciDevice
from envsetup.model.machine import Machine
from envsetup.model.maybe import UNKNOWN, Maybe
from envsetup.probe.look import mebibytes

if TYPE_CHECKING:
    from envsetup.probe.look import Look

BUS = "/sys/bus/pci/devices"
VENDORS = {"10de": "nvidia", "1002": "amd", "8086": "intel"}
ACCELERATORS = ("03", "12")  # class: display controller, processing accelerator
# The id table that distributions install for lspci; where there is none, a device without driver has no name.
ID_TABLES = ("/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids", "/var/lib/pciutils/pci.ids")
ID_TABLE_LIMIT = 4 << 20


def probe_pci(look: Look) -> Machine:
    """Fact `pci`: an empty list when the bus was read and holds no such device."""
    names = look.listing(BUS, "pci")
    if names is None:
        return Machine(pci=look.unknown("pci", f"{BUS} is not there: sysfs is not mounted or there is no PCI bus"))
    if not isinstance(names, list):
        return Machine()
    found = [(name, _class(look, name)) for name in names]
    devices = [_device(look, name, kind) for name, kind in found if kind.startswith(ACCELERATORS)]
    return Machine(pci=_named(look, devices))


def _class(look: Look, name: str) -> str:
    return _hex(look, name, "class")


def _hex(look: Look, name: str, file: str) -> str:
    return look.text(join(BUS, name, file), limit=64).strip().removeprefix("0x").lower()


def _device(look: Look, name: str, kind: str) -> PciDevice:
    folder = join(BUS, name)
    vendor = _hex(look, name, "vendor")
    enabled = look.number(join(folder, "enable"))
    return PciDevice(
        address=name,
        vendor_id=vendor,
        device_id=_hex(look, name, "device"),
        class_id=kind,
        vendor=VENDORS.get(vendor, "other"),
        driver=look.link_name(join(folder, "driver")),
        enabled=bool(enabled) if isinstance(enabled, int) else UNKNOWN,
        power_state=look.word(join(folder, "power_state")),
        link_speed=look.word(join(folder, "current_link_speed")),
        link_width=look.number(join(folder, "current_link_width")),
        max_link_speed=look.word(join(folder, "max_link_speed")),
        max_link_width=look.number(join(folder, "max_link_width")),
        numa_node=look.number(join(folder, "numa_node")),
        bar_total_mib=_bars(look.text(join(folder, "resource"), limit=4096)),
    )


def _bars(text: str) -> Maybe[int]:
    """Sum of the address windows: one line `start end flags` each, zeros where none was assigned."""
    rows = re.findall(r"^0x([0-9a-f]+) 0x([0-9a-f]+) 0x[0-9a-f]+$", text, re.MULTILINE)
    sizes = [int(end, 16) - int(start, 16) + 1 for start, end in rows if int(end, 16) > int(start, 16)]
    return mebibytes(sum(sizes)) if rows else UNKNOWN


def _named(look: Look, devices: list[PciDevice]) -> list[PciDevice]:
    """The devices with the names of the machine's own id table."""
    if not any(device.vendor in VENDORS.values() for device in devices):
        return devices
    table = next((text for text in (look.text(path, limit=ID_TABLE_LIMIT) for path in ID_TABLES) if text), "")
    if not table:
        look.unknown("pci.name", "no pci.ids on this machine")
        return devices
    return [_with_name(device, f"\n{table}") for device in devices]


def _with_name(device: PciDevice, table: str) -> PciDevice:
    import msgspec.structs  # noqa: PLC0415

    start = table.find(f"\n{device.vendor_id}  ")
    end = re.compile(r"\n[0-9a-fA-F]").search(table, start + 1) if start >= 0 else None
    line = f"\n\t{device.device_id}  "
    at = table.find(line, start, end.start() if end else len(table)) if start >= 0 else -1
    if at < 0:
        return device
    name = table[at + len(line) :].split("\n", 1)[0].strip()
    return msgspec.structs.replace(device, name=name)
