"""AMD's own tools, in the forms in which people paste them."""

from __future__ import annotations

import pytest

from envsetup.importers import read

ROCM_SMI = """$ rocm-smi --showproductname --showmeminfo vram
============================ ROCm System Management Interface ============================
====================================== Product Info ======================================
GPU[0]\t\t: Card Series: \t\tAMD Instinct MI300X OAM
GPU[0]\t\t: Card Model: \t\t0x74a1
GPU[0]\t\t: Card Vendor: \t\tAdvanced Micro Devices, Inc. [AMD/ATI]
GPU[0]\t\t: GFX Version: \t\tgfx942
GPU[0]\t\t: VRAM Total Memory (B): 206141652992
GPU[1]\t\t: Card Series: \t\tAMD Instinct MI300X OAM
GPU[1]\t\t: GFX Version: \t\tgfx942
================================== End of ROCm SMI Log ===================================
"""
AMD_SMI = """GPU: 0
    ASIC:
        MARKET_NAME: AMD Radeon RX 7900 XTX
        VENDOR_ID: 0x1002
        TARGET_GRAPHICS_VERSION: gfx1100
GPU: 1
    ASIC:
        MARKET_NAME: AMD Radeon RX 7900 XTX
        TARGET_GRAPHICS_VERSION: gfx1100
"""
ROCMINFO = """*******
Agent 1
*******
  Name:                    AMD Ryzen 9 7950X 16-Core Processor
  Marketing Name:          AMD Ryzen 9 7950X 16-Core Processor
  Device Type:             CPU
*******
Agent 2
*******
  Name:                    gfx1030
  Uuid:                    GPU-d4b5c0
  Marketing Name:          AMD Radeon RX 6800 XT
  Device Type:             GPU
    ISA 1
      Name:                    amdgcn-amd-amdhsa--gfx1030
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ROCM_SMI, [("AMD Instinct MI300X OAM", "gfx942")] * 2),
        (AMD_SMI, [("AMD Radeon RX 7900 XTX", "gfx1100")] * 2),
        (ROCMINFO, [("AMD Radeon RX 6800 XT", "gfx1030")]),
    ],
    ids=["rocm-smi", "amd-smi", "rocminfo"],
)
def test_gpus_are_counted_and_named(text, expected):
    found = read(text)
    assert "rocm tools" in found.kinds
    assert [(gpu.name, gpu.gfx) for gpu in found.machine.gpus] == expected
    assert {gpu.vendor for gpu in found.machine.gpus} == {"amd"}


def test_memory_is_in_mib():
    assert read(ROCM_SMI).machine.gpus[0].memory_mib == 196592


@pytest.mark.parametrize(
    "text", ["GPU[", "GPU[999999]: x: y", "MARKET_NAME: x", "GPU: a\nMARKET_NAME: b", "Marketing Name: gfx"]
)
def test_pieces_of_it_are_no_machine(text):
    assert "rocm tools" not in read(text).kinds
