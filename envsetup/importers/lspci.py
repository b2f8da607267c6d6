"""`lspci` lines of display devices: what is on the bus, driver or not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.importers.facts import SAID

if TYPE_CHECKING:
    from envsetup.importers.facts import Facts
    from envsetup.importers.page import Page

_DEVICE = re.compile(
    r"(?:([0-9a-f]{4}):)?([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\s+(VGA compatible controller|3D controller|"
    r"Display controller|"
    r"Processing accelerators)(?:\s\[(\w{4})\])?:\s+(.{4,160}?)(?:\s\[([0-9a-f]{4}):([0-9a-f]{4})\])?(?:\s\(rev "
    r"\w{2}\))?$"
)
_BOUND = re.compile(r"Kernel driver in use: ([\w-]{2,40})$")
_VENDORS = (("nvidia", "10de"), ("advanced micro devices", "1002"), ("amd/ati", "1002"), ("intel", "8086"))
_MAKERS = {"10de": "nvidia", "1002": "amd", "8086": "intel"}
_CLASSES = {
    "VGA compatible controller": "030000",
    "3D controller": "030200",
    "Display controller": "038000",
    "Processing accelerators": "120000",
}


def read(page: Page, facts: Facts) -> bool:
    """Fill in PCI devices; True when such lines were found."""
    found = False
    row: dict[str, object] | None = None
    for number, line in enumerate(page.bare):
        match = _DEVICE.match(line)
        if match:
            row = _device(match)
            page.claim(number)
            if row is not None:
                facts.append("pci", **row)
                found = True
                facts.put("os.system", "linux", SAID)
                facts.put("os.wsl", False, SAID)  # noqa: FBT003 - WSL shows no such devices
            continue
        bound = _BOUND.match(line) if row is not None else None
        if bound and row is not None:
            facts.amend("pci", row, driver=bound.group(1))
            page.claim(number)
            row = None
    return found


def _device(match: re.Match[str]) -> dict[str, object] | None:
    domain, slot, kind, code, name, vendor, device = match.groups()
    lower = name.lower()
    vendor = vendor or next((ident for word, ident in _VENDORS if word in lower), None)
    if vendor is None:
        return None
    return {
        "address": f"{domain or '0000'}:{slot}",
        "vendor_id": vendor,
        "device_id": device or "0000",
        "class_id": f"{code}00" if code else _CLASSES[kind],
        "vendor": _MAKERS.get(vendor, "other"),
        "name": name.strip(),
    }
