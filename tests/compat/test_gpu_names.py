from __future__ import annotations

import pytest

from envsetup.compat import gpus

NVIDIA = {
    "NVIDIA GeForce RTX 4090": "8.9",
    "GTX 1080 Ti": "6.1",
    "NVIDIA GeForce RTX 3070 Laptop GPU": "8.6",
    "NVIDIA GeForce GTX 1650 with Max-Q Design": "7.5",
    "NVIDIA GeForce RTX 2070 Super with Max-Q Design": "7.5",
    "Tesla V100-SXM2-32GB": "7.0",
    "Tesla V100-PCIE-16GB": "7.0",
    "V100": "7.0",
    "NVIDIA GeForce GTX 660 Ti": "3.0",
    "GeForce 820M": "2.1",
    "NVIDIA PG509-210": "8.0",
    "NVIDIA PG199": "8.0",
    "NVIDIA DRIVE-PG199-PROD": "8.0",
    "Tesla P100-PCIE-16GB": "6.0",
    "Tesla P40": "6.1",
    "Tesla K80": "3.7",
    "Tesla M60": "5.2",
    "Tesla T4": "7.5",
    "NVIDIA A100-SXM4-80GB": "8.0",
    "NVIDIA A100 80GB PCIe": "8.0",
    "NVIDIA A100-SXM4-40GB MIG 3g.20gb": "8.0",
    "GRID A100-40C": "8.0",
    "NVIDIA A40-48Q": "8.6",
    "GRID V100DX-32Q": "7.0",
    "NVIDIA A100D-80C": "8.0",
    "NVIDIA A100-7-40C": "8.0",
    "NVIDIA H100XM-1-10CME": "9.0",
    "GRID RTX6000-24Q": "7.5",
    "NVIDIA RTX6000-Ada-48Q": "8.9",
    "NVIDIA A10G": "8.6",
    "NVIDIA L4": "8.9",
    "NVIDIA L40S": "8.9",
    "NVIDIA H100 80GB HBM3": "9.0",
    "NVIDIA H100 PCIe": "9.0",
    "NVIDIA H100 NVL": "9.0",
    "NVIDIA H200": "9.0",
    "NVIDIA GH200 480GB": "9.0",
    "NVIDIA B200": "10.0",
    "NVIDIA B300": "10.3",
    "NVIDIA GB200": "10.0",
    "NVIDIA GB10": "12.1",
    "NVIDIA GeForce RTX 5090": "12.0",
    "NVIDIA GeForce RTX 5060 Ti": "12.0",
    "NVIDIA RTX PRO 6000 Blackwell Workstation Edition": "12.0",
    "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition": "12.0",
    "NVIDIA RTX 6000 Ada Generation": "8.9",
    "NVIDIA RTX A6000": "8.6",
    "Quadro RTX 6000": "7.5",
    "Quadro RTX 4000": "7.5",
    "NVIDIA RTX 4000 Ada Generation": "8.9",
    "Quadro M4000": "5.2",
    "NVIDIA T1000 8GB": "7.5",
    "NVIDIA GeForce GTX 1060 6GB": "6.1",
    "NVIDIA GeForce GTX 1060 3GB": "6.1",
    "NVIDIA TITAN X (Pascal)": "6.1",
    "GeForce GTX TITAN X": "5.2",
    "NVIDIA TITAN V": "7.0",
    "NVIDIA TITAN RTX": "7.5",
    "NVIDIA GeForce RTX 2050": "8.6",
    "Orin (nvgpu)": "8.7",
    "NVIDIA Thor": "11.0",
    "AD102 [GeForce RTX 4090] (rev a1)": "8.9",
    "NVIDIA Corporation GP107M [GeForce GTX 1050 Ti Mobile]": "6.1",
    "NVIDIA Corporation TU104GL [Tesla T4] (rev a1)": "7.5",
}


@pytest.mark.parametrize(("name", "cc"), NVIDIA.items(), ids=NVIDIA)
def test_a_name_as_drivers_and_lspci_print_it(name, cc):
    row = gpus.compute_capability(name)
    assert row is not None
    assert row.cc == cc
    assert gpus.cite(row)


@pytest.mark.parametrize("name", ["", "NVIDIA", "GeForce", "Voodoo 2", "NVIDIA GeForce RTX 9090", "Laptop GPU"])
def test_an_unknown_name_is_unknown(name):
    assert gpus.compute_capability(name) is None


AMD = {
    "AMD Radeon RX 7900 XTX": "gfx1100",
    "RX 7900 XTX": "gfx1100",
    "AMD Radeon RX 7800 XT": "gfx1101",
    "Navi 31 [Radeon RX 7900 XT/7900 XTX/7900 GRE/7900M]": "gfx1100",
    "AMD Instinct MI300X OAM": "gfx942",
    "AMD Instinct MI300X VF": "gfx942",
    "AMD Radeon RX 6700 XT": "gfx1031",
    "Radeon 8060S Graphics": "gfx1151",
    "AMD Radeon RX 9070 XT": "gfx1201",
    "Radeon RX Vega 64": "gfx900",
    "Radeon VII": "gfx906",
}


@pytest.mark.parametrize(("name", "gfx"), AMD.items(), ids=AMD)
def test_amd_names(name, gfx):
    assert gpus.amd_gfx(name).gfx == gfx


def test_an_unnamed_amd_gpu_stays_unknown():
    assert gpus.amd_gfx("AMD Radeon Graphics") is None


def test_a_gfx_target_with_features_is_found():
    assert gpus.amd_by_gfx("gfx90a:sramecc+:xnack-").gfx == "gfx90a"
    assert gpus.amd_by_gfx("gfx1") is None


@pytest.mark.parametrize(
    ("name", "xpu"),
    [
        ("Intel(R) Arc(TM) A770 Graphics", True),
        ("Intel Arc B580", True),
        ("Intel(R) Data Center GPU Max 1550", True),
        ("Intel(R) Arc(TM) 140V GPU (16GB)", True),
        ("Intel(R) UHD Graphics 630", False),
        ("Intel(R) Iris(R) Xe Graphics", False),
    ],
)
def test_intel_families(name, xpu):
    assert gpus.intel(name).xpu is xpu


def test_an_unknown_intel_gpu_is_unknown():
    assert gpus.intel("Intel Larrabee") is None
