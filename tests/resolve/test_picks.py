"""What is taken on machines that people have, or what stands in the way: each line follows from the data by hand."""

from __future__ import annotations

import pytest
from planning import label, machine, plan

PYTORCH = [
    # GPU generation and driver branch
    ("RTX 4090", "595.58.03", {}, "2.15.0+cu132"),
    ("RTX 4090", "580.95.05", {}, "2.15.0+cu130"),
    ("RTX 4090", "570.124.06", {}, "2.14.1+cu126"),
    ("RTX 3090", "525.60.13", {}, "2.14.1+cu126"),
    ("RTX 3090", "520.61.05", {}, "2.7.1+cu118"),
    ("Tesla T4", "450.80.02", {}, "2.7.1+cu118"),
    ("Tesla T4", "440.33.01", {}, "driver"),
    ("Tesla T4", "440.33.01", {"python": "3.10"}, "1.12.1+cu102"),
    ("GTX 1080 Ti", "580.95.05", {}, "2.14.1+cu126"),
    ("GTX 1080 Ti", "590.48.01", {}, "driver"),
    ("GTX 980", "470.256.02", {}, "2.7.1+cu118"),
    ("Tesla V100", "535.183.01", {}, "2.14.1+cu126"),
    ("Tesla V100", "595.58.03", {}, "driver"),
    ("Tesla K80", "470.256.02", {}, "2.3.1+cu118"),
    ("Tesla K80", "525.60.13", {}, "driver"),
    ("Tesla K40m", "470.256.02", {}, "gpu-arch"),
    ("RTX 5090", "580.95.05", {}, "2.15.0+cu130"),
    ("RTX 5090", "570.124.06", {}, "2.11.0+cu128"),
    ("RTX 5090", "565.57.01", {}, "driver"),
    ("B200", "570.124.06", {}, "2.11.0+cu128"),
    ("B300", "595.58.03", {}, "2.15.0+cu132"),
    # Python
    ("RTX 4090", "580.95.05", {"python": "3.10"}, "2.14.1+cu130"),
    ("RTX 4090", "580.95.05", {"python": "3.9"}, "2.8.0+cu128"),
    ("RTX 4090", "580.95.05", {"python": "3.8"}, "2.4.1+cu121"),
    ("RTX 4090", "580.95.05", {"python": "3.14t"}, "2.15.0+cu130"),
    ("RTX 4090", "580.95.05", {"python": "3.13t"}, "2.12.0+cu130"),
    ("RTX 4090", "580.95.05", {"python": "3.16"}, "python"),
    ("RTX 4090", "550.54.14", {"python": "3.15"}, "driver"),
    ("RTX 5090", "580.95.05", {"python": "3.8"}, "python"),
    ("GTX 1080 Ti", "550.54.14", {"python": "3.13t"}, "2.12.0+cu126"),
    # libc
    ("RTX 4090", "550.54.14", {"glibc": "2.17"}, "2.6.0+cu124"),
    ("RTX 5090", "580.95.05", {"glibc": "2.17"}, "libc"),
    ("RTX 4090", "580.95.05", {"musl": True}, "libc"),
    ("RTX 4090", "580.95.05", {"glibc": "2.27", "python": "3.9"}, "2.6.0+cu124"),
    # Windows and WSL
    ("RTX 4090", "581.29", {"os": "windows"}, "2.15.0+cu130"),
    ("RTX 4090", "537.13", {"os": "windows"}, "2.14.1+cu126"),
    ("GTX 1060", "472.50", {"os": "windows"}, "2.7.1+cu118"),
    ("TITAN V", "582.10", {"os": "windows"}, "2.14.1+cu126"),
    ("TITAN V", "591.44", {"os": "windows"}, "driver"),
    ("RTX 5070", "572.61", {"os": "windows"}, "2.11.0+cu128"),
    ("RTX 4090", "552.12", {"wsl": True}, "2.14.1+cu126"),
    ("RTX 4090", "528.00", {"wsl": True}, "2.7.1+cu118"),  # Windows' floor for CUDA 12 is 528.33
    # Arm
    ("GH200", "580.95.05", {"arch": "aarch64"}, "2.15.0+cu130"),
    ("GH200", "550.127.08", {"arch": "aarch64"}, "2.14.1+cu126"),
    ("GB200", "570.124.06", {"arch": "aarch64"}, "2.11.0+cu128"),
    ("GB10", "580.95.05", {"arch": "aarch64"}, "2.15.0+cu130"),
    ("GB10", "570.124.06", {"arch": "aarch64"}, "driver"),
    ("T4G", "580.95.05", {"arch": "aarch64"}, "gpu-arch"),
    ("Orin (nvgpu)", "540.4.0", {"arch": "aarch64", "python": "3.10"}, "arch"),
    ("Jetson AGX Xavier", "510.1", {"arch": "aarch64", "python": "3.8"}, "arch"),
    ("NVIDIA Thor", "580.95.05", {"arch": "aarch64"}, "2.15.0+cu130"),
]


@pytest.mark.parametrize(("gpu", "driver", "facts", "expected"), PYTORCH, ids=str)
def test_pytorch_on_nvidia(gpu, driver, facts, expected):
    result = plan(machine(gpu, driver=driver, **facts))
    assert label(result) == expected
    if result.status == "ok":
        assert result.device == "cuda"
        assert result.reasons
    else:
        assert result.impossible.nearest


OTHERS = [
    ("AMD Radeon RX 7900 XTX", {}, "2.13.0+rocm7.2"),
    ("AMD Instinct MI300X", {}, "2.13.0+rocm7.2"),
    ("AMD Instinct MI300X", {"python": "3.9"}, "2.8.0+rocm6.4"),
    ("AMD Instinct MI350X", {"python": "3.9"}, "python"),
    ("Radeon 8060S Graphics", {}, "2.13.0+rocm7.2"),
    ("AMD Radeon RX 6700 XT", {}, "gpu-arch"),
    ("AMD Radeon RX 580", {}, "gpu-arch"),
    ("AMD Radeon RX 7900 XTX", {"os": "windows"}, "os"),
    ("AMD Radeon RX 7900 XTX", {"arch": "aarch64"}, "arch"),
    ("Intel Arc A770", {}, "2.15.0+xpu"),
    ("Intel Arc B580", {"os": "windows"}, "2.15.0+xpu"),
    ("Intel(R) UHD Graphics 630", {}, "gpu-arch"),
    ("Intel Arc A770", {"arch": "aarch64"}, "arch"),
    ("Apple M3", {"os": "macos", "arch": "arm64"}, "2.15.0"),
    ("Apple M3", {"os": "macos", "arch": "arm64", "python": "3.9"}, "2.8.0"),
]


@pytest.mark.parametrize(("gpu", "facts", "expected"), OTHERS, ids=str)
def test_pytorch_on_other_makers(gpu, facts, expected):
    assert label(plan(machine(gpu, **facts))) == expected


CPU = [
    ({}, "2.15.0+cpu"),
    ({"python": "3.9"}, "2.8.0+cpu"),
    ({"glibc": "2.17", "python": "3.9"}, "2.5.1+cpu"),
    ({"musl": True}, "libc"),
    ({"os": "windows"}, "2.15.0+cpu"),
    ({"os": "windows", "arch": "arm64"}, "arch"),
    ({"arch": "aarch64"}, "2.15.0+cpu"),
    ({"os": "macos"}, "2.2.2"),
    ({"os": "macos", "python": "3.13"}, "python"),
]


@pytest.mark.parametrize(("facts", "expected"), CPU, ids=str)
def test_without_a_gpu(facts, expected):
    result = plan(machine(**facts), device="auto")
    assert label(result) == expected
    assert result.device == "cpu"


TENSORFLOW = [
    ("RTX 4090", "550.54.14", {}, "2.21.0"),
    ("RTX 4090", "550.54.14", {"glibc": "2.17"}, "2.20.0"),
    ("RTX 4090", "550.54.14", {"python": "3.14"}, "python"),
    ("RTX 4090", "550.54.14", {"python": "3.13t"}, "python"),
    ("RTX 3090", "470.256.02", {"python": "3.10"}, "2.14.1"),
    ("RTX 3090", "470.256.02", {}, "driver"),
    ("RTX 3060", "552.12", {"os": "windows", "python": "3.10"}, "2.10.1"),
    ("RTX 3060", "552.12", {"os": "windows"}, "os"),
    ("RTX 3060", "552.12", {"wsl": True}, "2.21.0"),
    ("RTX 5090", "580.95.05", {}, "gpu-arch"),
    ("GH200", "580.95.05", {"arch": "aarch64"}, "arch"),
    ("GTX 980", "550.54.14", {}, "2.16.2"),
    ("Tesla K80", "470.256.02", {"python": "3.9"}, "2.14.1"),
    ("RTX 4090", "550.54.14", {"musl": True}, "libc"),
]


@pytest.mark.parametrize(("gpu", "driver", "facts", "expected"), TENSORFLOW, ids=str)
def test_tensorflow(gpu, driver, facts, expected):
    assert label(plan(machine(gpu, driver=driver, **facts), "tensorflow")) == expected


JAX = [
    ("RTX 4090", "550.54.14", {}, "0.10.2+cuda12"),
    ("RTX 4090", "580.95.05", {}, "0.10.2+cuda13"),
    ("GTX 1080 Ti", "580.95.05", {}, "0.10.2+cuda12"),
    ("RTX 3090", "470.256.02", {}, "driver"),
    ("Tesla K80", "470.256.02", {}, "gpu-arch"),
    ("RTX 4090", "550.54.14", {"python": "3.10"}, "0.6.2+cuda12"),
    ("RTX 4090", "550.54.14", {"python": "3.9"}, "python"),
    ("RTX 4090", "580.95.05", {"python": "3.14t"}, "0.10.2+cuda13"),
    ("RTX 4090", "580.95.05", {"python": "3.15"}, "0.12.0.1+cuda13"),
    ("RTX 4090", "552.12", {"os": "windows"}, "os"),
    ("GB10", "580.95.05", {"arch": "aarch64"}, "0.10.2+cuda13"),
    ("RTX 4090", "550.54.14", {"glibc": "2.17"}, "0.7.0+cuda12"),
    ("RTX 4090", "550.54.14", {"glibc": "2.12"}, "libc"),
]


@pytest.mark.parametrize(("gpu", "driver", "facts", "expected"), JAX, ids=str)
def test_jax(gpu, driver, facts, expected):
    assert label(plan(machine(gpu, driver=driver, **facts), "jax")) == expected


SOURCES = [
    ("GTX 1080 Ti", "580.95.05", {}, "2.7.1+cu126"),
    ("Tesla V100", "550.54.14", {}, "2.10.0+cu128"),
    ("RTX 3090", "550.54.14", {}, "2.10.0+cu128"),
    ("RTX 3090", "470.256.02", {"python": "3.10"}, "2.0.1+cu117"),
    ("RTX 4090", "580.95.05", {}, "2.15.0+cu132"),
    ("RTX 4090", "581.29", {"os": "windows"}, "source"),
    ("AMD Instinct MI300X", "550.54.14", {}, "source"),
]


@pytest.mark.parametrize("source", ["pypi", "tuna"])
@pytest.mark.parametrize(("gpu", "driver", "facts", "expected"), SOURCES, ids=str)
def test_where_only_the_package_index_is_reached(source, gpu, driver, facts, expected):
    result = plan(machine(gpu, driver=driver, **facts), source=source)
    assert label(result) == expected
    if result.status == "ok":
        assert result.packages[0].index == source


VERSIONS = [
    ("pytorch==2.11.*", "GTX 1080 Ti", "580.95.05", {}, "2.11.0+cu126"),
    ("pytorch<2.10", "RTX 5090", "580.95.05", {}, "2.9.1+cu128"),
    ("pytorch==2.11.0+cu128", "RTX 3090", "595.58.03", {}, "2.11.0+cu128"),
    ("pytorch 2.13.0", "RTX 3090", "595.58.03", {}, "2.13.0+cu130"),
    ("torch>=2.15", "GTX 1080 Ti", "580.95.05", {}, "gpu-arch"),
    ("pytorch>=2.15", "RTX 4090", "550.54.14", {}, "driver"),
    ("pytorch==1.13.1", "RTX 3090", "580.95.05", {}, "python"),
    ("tensorflow==2.15.*", "RTX 3090", "580.95.05", {"python": "3.11"}, "2.15.1"),
    ("jax==0.12.*", "RTX 3090", "580.95.05", {}, "0.12.0.1+cuda13"),
]


@pytest.mark.parametrize(("asked", "gpu", "driver", "facts", "expected"), VERSIONS, ids=str)
def test_versions_asked_for(asked, gpu, driver, facts, expected):
    assert label(plan(machine(gpu, driver=driver, **facts), asked)) == expected
