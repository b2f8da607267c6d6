"""AMD: kernel driver, compute node, gfx targets from the kfd topology, ROCm on disk."""

from __future__ import annotations

import re
from posixpath import join
from typing import TYPE_CHECKING

from envsetup.model.drivers import AmdStack, DeviceNode, Driver
from envsetup.model.hardware import Gpu
from envsetup.model.machine import Machine
from envsetup.model.maybe import UNKNOWN, Maybe
from envsetup.probe.look import mebibytes
from envsetup.probe.nodes import device_node, render_nodes

if TYPE_CHECKING:
    from envsetup.probe.look import Look

VENDOR = "1002"
TOPOLOGY = "/sys/class/kfd/kfd/topology/nodes"
ROCM = "/opt/rocm"


def probe_amd(look: Look) -> Machine:
    """Facts `amd`, `driver.rocm`, and the GPUs of the kfd topology."""
    rocm = _rocm(look)
    return Machine(
        driver=Driver(rocm=rocm),
        amd=AmdStack(
            module_loaded=look.exists("/sys/module/amdgpu") if look.exists("/sys/module") else UNKNOWN,
            kfd=_kfd(look),
            render_nodes=render_nodes(look, VENDOR),
            rocm_version=rocm,
        ),
        gpus=_gpus(look) or UNKNOWN,
    )


def _kfd(look: Look) -> DeviceNode | None:
    node = device_node(look, "/dev/kfd")
    return node if node.exists else None


def _rocm(look: Look) -> Maybe[str | None]:
    """/opt/rocm/.info/version holds e.g. 7.1.0-52; folders /opt/rocm-7.1.0 carry it in their name."""
    found = re.match(r"\d+\.\d+(?:\.\d+)?", look.text(f"{ROCM}/.info/version"))
    if found:
        return found[0]
    versions = [name.removeprefix("rocm-") for name in look.names("/opt") if re.fullmatch(r"rocm-\d+(\.\d+)+", name)]
    return max(versions, key=lambda text: [int(part) for part in text.split(".")], default=None)


def _gpus(look: Look) -> list[Gpu]:
    nodes = [join(TOPOLOGY, name) for name in sorted(look.names(TOPOLOGY), key=lambda name: name.zfill(4))]
    gpus = [(node, _properties(look, node)) for node in nodes]
    seen = [(node, values) for node, values in gpus if values.get("simd_count") and values.get("gfx_target_version")]
    return [_gpu(look, index, values) for index, (_, values) in enumerate(seen)]


def _properties(look: Look, node: str) -> dict[str, int]:
    rows = re.findall(r"^(\w+) (\d+)$", look.text(join(node, "properties")), re.MULTILINE)
    return {name: int(value) for name, value in rows}


def _gpu(look: Look, index: int, values: dict[str, int]) -> Gpu:
    address = _address(values)
    device = f"/sys/bus/pci/devices/{address}"
    return Gpu(
        vendor="amd",
        index=index,
        name=look.word(join(device, "product_name")),
        gfx=_gfx(values["gfx_target_version"]),
        pci_address=address,
        memory_mib=_mib(look.number(join(device, "mem_info_vram_total"))),
        memory_used_mib=_mib(look.number(join(device, "mem_info_vram_used"))),
        utilization_pct=look.number(join(device, "gpu_busy_percent")),
    )


def _gfx(version: int) -> str:
    """90402 is major 9, minor 4, stepping 2: gfx942; minor and stepping are written in hexadecimal."""
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"


def _address(values: dict[str, int]) -> str:
    place = values.get("location_id", 0)
    return f"{values.get('domain', 0):04x}:{place >> 8 & 0xFF:02x}:{place >> 3 & 0x1F:02x}.{place & 7:x}"


def _mib(value: Maybe[int]) -> Maybe[int]:
    return mebibytes(value) if isinstance(value, int) else value
