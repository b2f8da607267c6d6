"""Machines of unusual kinds: healthy ones are left in peace and told the truth, broken ones are named."""

from __future__ import annotations

import pytest
from described import AMD, AMD_CARD, CARD, GPU, LINUX, NODES, NVIDIA, environment, machine, torch

from envsetup.doctor.examine import examine


def nvidia(driver, *gpus, **facts):
    """An NVIDIA machine with this driver and these (name, compute capability) GPUs."""
    cards = [
        {"vendor": "nvidia", "index": i, "name": name, "compute_capability": cc} for i, (name, cc) in enumerate(gpus)
    ]
    pci = [{**CARD, "address": f"0000:{i + 1:02x}:00.0"} for i in range(len(gpus))]
    versions = {"module_version": driver, "library_version": driver, "library_versions": [driver]}
    nodes = [*NODES, *({**NODES[0], "path": f"/dev/nvidia{i}"} for i in range(1, len(gpus)))]
    stack = {**NVIDIA["nvidia"], **versions, "device_nodes": nodes, **facts}
    return {**NVIDIA, "gpus": cards, "pci": pci, "driver": {"nvidia": driver}, "nvidia": stack}


ARM = {"arch": "aarch64"}
H100 = [("NVIDIA H100 80GB HBM3", "9.0")] * 8
IGPU = {"vendor": "amd", "index": 1, "name": "AMD Radeon Graphics", "gfx": "gfx1036"}
IGPU_CARD = {**AMD_CARD, "address": "0000:0e:00.0", "device_id": "164e"}
ARC_CARD = {"address": "0000:03:00.0", "vendor_id": "8086", "device_id": "e20b", "class_id": "030000", "driver": "xe"}
ARC = {
    "pci": [ARC_CARD],
    "gpus": [{"vendor": "intel", "index": 0, "name": "Intel Arc B580"}],
    "intel": {"driver": "xe", "level_zero": "1.17.6", "render_nodes": []},
}
WSL = {
    "os": {"wsl": True, "wsl_version": 2, "kernel": "5.15.167.4-microsoft-standard-WSL2"},
    "pci": [],
    "nvidia": {
        "module_loaded": False,
        "modules": [],
        "library_versions": [],
        "device_nodes": [{"path": "/dev/dxg", "exists": True, "readable": True, "writable": True}],
    },
}
WSL_SILENT = {
    "gpus": [],
    "driver": {"nvidia": None},
    "nvidia": {"nvml": {"status": "error", "error": "Driver Not Loaded"}},
}
ORIN = [nvidia("540.4.0", ("Orin", "8.7")), ARM, {"tegra": "R36.4.0", "pci": []}]
MIG = {"mig_mode": "enabled", "mig_instances": 7}
TWO = (("NVIDIA GeForce RTX 5090", "12.0"), ("NVIDIA GeForce RTX 3090", "8.6"))
LAPTOP = {"gpus": [GPU, {**IGPU, "gfx": "gfx1035"}], "pci": [CARD, IGPU_CARD]}
MACOS = {
    "os": {"system": "macos", "version": "15.1"},
    "arch": "arm64",
    "gpus": [{"vendor": "apple", "name": "Apple M3"}],
}
MAC_TORCH = {"name": "torch", "version": "2.14.1", "variant": None, "cuda": None, "hip": None}
WINDOWS = {
    "os": {"system": "windows", "version": "10.0.22631"},
    "arch": "x86_64",
    "driver": {"nvidia": "591.44"},
    "gpus": [GPU],
}

HEALTHY = {
    "gh200": ([LINUX, nvidia("570.158.01", ("NVIDIA GH200 480GB", "9.0")), ARM, torch("2.14.1", "cu126")], 1),
    "dgx-spark": ([LINUX, nvidia("580.95.05", ("NVIDIA GB10", "12.1")), ARM, torch()], 1),
    "l4-driver-550": ([LINUX, nvidia("550.90.07", ("NVIDIA L4", "8.9")), torch("2.14.1", "cu126")], 1),
    "two-generations": ([LINUX, nvidia("580.95.05", *TWO), torch()], 2),
    "h100x8": (
        [LINUX, nvidia("570.133.20", *H100, nvswitches=4, fabric_manager="running"), torch("2.14.1", "cu126")],
        8,
    ),
    "h100x8-two-visible": (
        [LINUX, nvidia("570.133.20", *H100), {"env": {"CUDA_VISIBLE_DEVICES": "0,1"}}, torch("2.14.1", "cu126")],
        2,
    ),
    "mig-by-number": (
        [LINUX, NVIDIA, {"gpus": [{**GPU, **MIG}], "env": {"CUDA_VISIBLE_DEVICES": "3"}}, torch()],
        1,
    ),
    "amd-beside-a-missing-nvml": ([LINUX, AMD, torch("2.14.1", "rocm7.1")], 1),
    "amd-card-and-integrated": (
        [LINUX, AMD, {"pci": [AMD_CARD, IGPU_CARD], "gpus": [*AMD["gpus"], IGPU]}, torch("2.14.1", "rocm7.1")],
        1,
    ),
    "nvidia-and-integrated-amd": ([LINUX, NVIDIA, LAPTOP, torch()], 1),
    "arc": ([LINUX, ARC, torch("2.14.1", "xpu")], 1),
    "arc-tile": ([LINUX, ARC, {"env": {"ZE_AFFINITY_MASK": "0.0"}}, torch("2.14.1", "xpu")], 1),
    "jetson": ([LINUX, *ORIN, environment(frameworks=[{**MAC_TORCH, "cuda": "12.6", "arch_list": ["sm_87"]}])], 1),
    "jetson-ai-lab": ([LINUX, *ORIN, environment(frameworks=[{**MAC_TORCH, "version": "2.8.0", "cuda": "12.6"}])], 1),
    "thor": ([LINUX, nvidia("580.00", ("NVIDIA Thor", "11.0")), ARM, {"tegra": "R38.2.0", "pci": []}, torch()], 1),
    "wsl": ([LINUX, nvidia("566.36", ("NVIDIA GeForce RTX 4070", "8.9")), WSL, torch("2.14.1", "cu126")], 1),
    "mac": ([MACOS, environment(frameworks=[MAC_TORCH])], 1),
    "windows": ([WINDOWS, torch("2.10.0", "cu128")], 1),
}


@pytest.mark.parametrize(("facts", "count"), HEALTHY.values(), ids=HEALTHY)
def test_a_healthy_machine_of_an_unusual_kind_can_use_its_gpus(facts, count):
    report = examine(machine(*facts), target="snapshot")
    assert [finding.code for finding in report.findings if finding.severity != "info"] == []
    assert (report.verdict.status, report.verdict.root_cause) == ("ready", None)
    assert report.verdict.headline.endswith(f"can use {count} GPU{'s' if count > 1 else ''}")


BROKEN = {
    "jetson-cpu-wheel": ("jetson-generic-wheel", [LINUX, *ORIN, torch("2.8.0", "cpu")]),
    "jetson-server-wheel": ("jetson-generic-wheel", [LINUX, *ORIN, torch("2.8.0", "cu126")]),
    "jetson-newest-wheel": ("jetson-generic-wheel", [LINUX, *ORIN, torch("2.14.1", "cu130")]),
    "jetson-from-a-text": ("jetson-generic-wheel", [LINUX, *ORIN[:2], torch("2.8.0", "cu126")]),
    "arc-cpu-wheel": ("xpu-wheel-is-cpu", [LINUX, ARC, torch("2.14.1", "cpu")]),
    "arc-cuda-wheel": ("xpu-wheel-is-cpu", [LINUX, ARC, torch()]),
    "spark-old-cuda": (
        "gpu-arch-too-new-for-wheel",
        [LINUX, nvidia("580.95.05", ("NVIDIA GB10", "12.1")), ARM, torch("2.14.1", "cu126")],
    ),
    "fabric": (
        "fabric-manager-not-running",
        [LINUX, nvidia("570.133.20", *H100, nvswitches=4, fabric_manager="stopped"), torch("2.14.1", "cu126")],
    ),
}


@pytest.mark.parametrize(("code", "facts"), BROKEN.values(), ids=BROKEN)
def test_a_broken_machine_of_an_unusual_kind_is_named(code, facts):
    report = examine(machine(*facts), target="snapshot")
    assert (report.verdict.status, report.verdict.root_cause) == ("broken", code)


def test_a_python_under_rosetta_is_told_though_the_machine_says_that_it_is_an_intel():
    facts = [MACOS, {"arch": "x86_64", "cpu": {"model": "Apple M3"}}, environment(frameworks=[MAC_TORCH])]
    assert examine(machine(*facts)).verdict.root_cause == "python-arch-emulated"
    intel = {"cpu": {"model": "Intel(R) Core(TM) i7-9750H"}, "arch": "x86_64", "gpus": []}
    codes = [found.code for found in examine(machine(MACOS, intel, environment(frameworks=[MAC_TORCH]))).findings]
    assert "python-arch-emulated" not in codes


def test_a_snapshot_without_an_environment_says_what_comes_next():
    for facts in ([LINUX, NVIDIA], [LINUX], [{"os": {"system": "linux"}, "gpus": []}]):
        verdict = examine(machine(*facts), target="snapshot").verdict
        assert verdict.status == "ready"
        assert verdict.headline.endswith("no framework yet: envsetup create")


def test_under_wsl_a_driver_that_fails_is_no_proof_that_there_is_no_gpu():
    report = examine(machine(LINUX, NVIDIA, WSL, WSL_SILENT, torch("2.14.1", "cu126")), target="snapshot")
    assert report.verdict.status == "unknown"
    assert report.verdict.headline == "cannot say whether the GPU works: NVML error: Driver Not Loaded"


def test_a_text_whose_gpu_build_saw_no_gpu_is_never_called_ready():
    blind = torch("2.3.0", "cu121")
    blind["environment"]["frameworks"][0]["cuda_available"] = False
    facts = machine(LINUX, NVIDIA, blind, {"driver": {"nvidia": "555.85"}})
    verdict = examine(facts, target="text").verdict
    assert verdict.status != "ready"
    assert "PyTorch 2.3.0+cu121 sees no GPU although there is one" in verdict.headline
    none = examine(facts, target="text", require="none").verdict
    assert none.status == "ready"
