"""Names of PCI devices from the machine's own id table."""

from __future__ import annotations

import json

import pytest

from envsetup.probe.look import Look
from envsetup.probe.pci import probe_pci
from envsetup.world.recorded import RecordedWorld

TABLE = (
    "# a comment\n"
    "1002  Advanced Micro Devices, Inc. [AMD/ATI]\n"
    "\t744c  Navi 31 [Radeon RX 7900 XT/7900 XTX]\n"
    "10de  NVIDIA Corporation\n"
    "\t2684  AD102 [GeForce RTX 4090]\n"
    "\t\t10de 16f4  a board\n"
    "8086  Intel Corporation\n"
    "\t744c  another vendor's device of that number\n"
    "C 03  Display controller\n"
    "\t2b85  a class, no device\n"
)


@pytest.fixture
def devices(tmp_path):
    def make(vendor, device, table=TABLE, kind="0x030000"):
        folder = "/sys/bus/pci/devices/0000:01:00.0"
        files = {f"{folder}/class": kind, f"{folder}/vendor": f"0x{vendor}", f"{folder}/device": f"0x{device}"}
        if table is not None:
            files["/usr/share/hwdata/pci.ids"] = table
        content = {"files": files, "absent": ["/sys", "/usr", "/var"]}
        (tmp_path / "machine.json").write_text(json.dumps(content))
        look = Look(RecordedWorld(tmp_path))
        return probe_pci(look).pci, look.reasons

    return make


@pytest.mark.parametrize(
    ("vendor", "device", "name"),
    [
        ("10de", "2684", "AD102 [GeForce RTX 4090]"),
        ("1002", "744c", "Navi 31 [Radeon RX 7900 XT/7900 XTX]"),
    ],
)
def test_a_device_gets_its_vendors_name(devices, vendor, device, name):
    [found], reasons = devices(vendor, device)
    assert found.name == name
    assert reasons == {}


@pytest.mark.parametrize(("vendor", "device"), [("10de", "ffff"), ("10de", "16f4"), ("8086", "2b85"), ("10de", "744c")])
def test_a_device_that_is_not_in_the_table_has_no_name(devices, vendor, device):
    [found], _ = devices(vendor, device)
    assert not found.name


def test_without_a_table_the_reason_is_given(devices):
    [found], reasons = devices("10de", "2684", table=None)
    assert not found.name
    assert reasons == {"pci.name": "no pci.ids on this machine"}


def test_other_devices_are_left_out(devices):
    assert devices("10de", "2684", kind="0x020000") == ([], {})
