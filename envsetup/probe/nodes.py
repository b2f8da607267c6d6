"""Device files: what is there and what this user may do with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.model.drivers import DeviceNode

if TYPE_CHECKING:
    from envsetup.probe.look import Look


def device_node(look: Look, path: str) -> DeviceNode:
    """The node, with `exists` False when there is none."""
    stat = look.stat(path)
    if stat is None:
        return DeviceNode(path=path, exists=False)
    return DeviceNode(
        path=path,
        mode=f"{stat.mode:04o}",
        group=group_name(look, stat.gid),
        readable=stat.readable,
        writable=stat.writable,
    )


def group_name(look: Look, gid: int) -> str:
    """The group's name from /etc/group, its number as text when it has none there."""
    found = re.search(rf"^([^:\n]+):[^:\n]*:{gid}:", look.text("/etc/group"), re.MULTILINE)
    return found[1] if found else str(gid)


def render_nodes(look: Look, vendor_id: str) -> list[DeviceNode]:
    """/dev/dri/renderD* whose PCI device is of a vendor."""
    names = [name for name in look.names("/sys/class/drm") if name.startswith("renderD")]
    mine = [name for name in names if look.text(f"/sys/class/drm/{name}/device/vendor").strip() == f"0x{vendor_id}"]
    return [device_node(look, f"/dev/dri/{name}") for name in mine]
