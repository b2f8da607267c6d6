"""Machines with the answer worked out by hand from documents and wheels, beside the resolver and not from it.

Each line says why in its last word or two; `A | B` accepts either, where two answers serve equally.
"""

from __future__ import annotations

import re

import pytest
from planning import label, machine, plan

from envsetup.model.drivers import NvidiaStack
from envsetup.model.errors import InputError
from envsetup.model.hardware import Cpu
from envsetup.model.software import Python

OLD_CPU = Cpu(flags=["sse4_2"])
MAC = {"os": "macos", "arch": "arm64"}
ARM = {"arch": "aarch64"}
WIN = {"os": "windows"}


# The kernel driver is older than the libraries say: cuda-compat is active.
COMPAT = {"nvidia": NvidiaStack(cuda_ceiling="13.0")}


# GPUs, driver, the rest of the machine, what is asked for, the answer, why
NVIDIA = [
    # several GPUs: the build must hold code for all of them
    (["Tesla V100", "H100"], "535.183.01", {}, "pytorch", "2.14.1+cu126", "sm_70 and sm_90 in one build"),
    (["GTX 1080 Ti", "RTX 4090"], "580.95.05", {}, "pytorch", "2.14.1+cu126", "sm_60 ends with CUDA 12.6"),
    (["Tesla T4", "RTX 4090", "H100"], "595.58.03", {}, "pytorch", "2.15.0+cu132", "all Turing or newer"),
    (["Tesla T4", "RTX 5090"], "570.124.06", {}, "pytorch", "2.11.0+cu128", "Blackwell needs CUDA 12.8 there"),
    (["Tesla K80", "A100"], "470.256.02", {"python": "3.10"}, "pytorch", "2.3.1+cu118", "cuDNN 9 has no Kepler"),
    (["Tesla K80", "A100"], "535.183.01", {}, "pytorch", "driver", "470 is the last branch of Kepler"),
    (["Tesla V100", "B200"], "580.95.05", {}, "pytorch", "2.10.0+cu128", "sm_70 and sm_100 until 2.10"),
    (["GTX 980", "B200"], "580.95.05", {}, "pytorch", "gpu-arch", "no build has sm_50 and sm_100"),
    (["Tesla P100", "Tesla V100"], "580.95.05", {}, "tensorflow", "2.21.0", "sm_60 and sm_70"),
    (["RTX 4090", "RTX 5090"], "580.95.05", {}, "tensorflow", "gpu-arch", "no TensorFlow for Blackwell"),
    # forward compatibility: data-centre GPUs only
    (["A100"], "535.183.01", COMPAT, "pytorch", "2.15.0+cu130", "cuda-compat on a data-centre GPU"),
    (["RTX 4090"], "535.183.01", COMPAT, "pytorch", "2.14.1+cu126", "GeForce may not use cuda-compat"),
    (["Tesla V100"], "535.183.01", COMPAT, "pytorch", "2.14.1+cu126", "CUDA 13 has no Volta code"),
    # virtual GPUs and MIG are the GPU they are cut from
    (["GRID V100DX-16Q"], "550.54.14", {}, "pytorch", "2.14.1+cu126", "Volta"),
    (["NVIDIA A100-7-40C"], "550.54.14", {}, "pytorch", "2.14.1+cu126", "Ampere below 580"),
    (["NVIDIA H100 80GB HBM3 MIG 1g.10gb"], "580.95.05", {}, "pytorch", "2.15.0+cu130", "Hopper"),
    # arm64: no sm_75, no cu118
    (["A100"], "550.54.14", ARM, "pytorch", "2.14.1+cu126", "sm_80 on aarch64"),
    (["A100"], "470.256.02", ARM, "pytorch", "driver", "no CUDA 11 build for aarch64"),
    (["RTX A6000"], "580.95.05", ARM, "pytorch", "2.15.0+cu130", "sm_80 serves 8.6"),
    (["Tesla V100"], "580.95.05", ARM, "pytorch", "gpu-arch", "no sm_70 on aarch64"),
    (["Orin"], "580.95.05", {**ARM, "tegra": "36.4"}, "pytorch", "arch", "Jetson"),
    (["Tegra X1"], "32.7", {**ARM, "python": "3.8"}, "pytorch", "arch", "Jetson Nano"),
    (["Orin"], "540.4.0", {**ARM, "python": "3.10"}, "tensorflow", "arch", "Jetson has its own TensorFlow"),
    (["Orin"], "540.4.0", {**ARM, "python": "3.11"}, "jax", "arch", "no Tegra code in the plug-ins"),
    (["GH200"], "550.54.14", ARM, "jax", "0.10.2+cuda12", "plug-ins for aarch64"),
    (["GB10"], "580.95.05", ARM, "tensorflow", "arch", "aarch64 wheels are for the CPU"),
    (["GH200"], "580.95.05", {**ARM, "glibc": "2.26"}, "pytorch", "libc", "CUDA for aarch64 came with glibc 2.28"),
    (["A100"], "580.95.05", {**ARM, "musl": True}, "pytorch", "libc", "musl"),
    # Windows
    (["RTX 4090"], "581.29", {**WIN, "python": "3.14t"}, "pytorch", "2.15.0+cu130", "free-threaded on Windows"),
    (["RTX 4090"], "522.06", WIN, "pytorch", "2.7.1+cu118", "below 528.33"),
    (["RTX 4090"], "456.71", {**WIN, "python": "3.8"}, "pytorch", "2.4.1+cu118", "452.39 is CUDA 11's floor"),
    (["RTX 4090"], "446.14", WIN, "pytorch", "driver", "below 452.39"),
    (["RTX 4090"], "552.12", {**WIN, "python": "3.9"}, "tensorflow", "2.10.1", "last native TensorFlow"),
    (["RTX 4090"], "552.12", {**WIN, "python": "3.11"}, "tensorflow", "os | python", "2.10 ends at Python 3.10"),
    (["RTX 4090"], "552.12", {"wsl": True}, "jax", "0.10.2+cuda12", "WSL2 is Linux"),
    (["RTX 5090"], "581.29", {"wsl": True}, "pytorch", "2.15.0+cu130", "Windows' 581 is branch 580"),
    # Python
    (["GTX 1080 Ti"], "580.95.05", {"python": "3.14t"}, "pytorch", "2.14.1+cu126", "2.14 has 3.14t"),
    (["GTX 1080 Ti"], "580.95.05", {"python": "3.15"}, "pytorch", "python | gpu-arch", "3.15 came after cu126"),
    (["RTX 5090"], "580.95.05", {"python": "3.9"}, "pytorch", "2.8.0+cu128", "2.8 is the last for 3.9"),
    (["Tesla V100"], "580.95.05", {"python": "3.13t"}, "pytorch", "2.12.0+cu126", "2.12.0 is the last for 3.13t"),
    (["RTX 3090"], "580.95.05", {"python": "3.13"}, "tensorflow", "2.21.0", "3.13 from 2.20"),
    (["RTX 3090"], "580.95.05", {"python": "3.9"}, "tensorflow", "2.20.0", "2.21 dropped 3.9"),
    (["RTX 3090"], "580.95.05", {"python": "3.11"}, "jax", "0.10.2+cuda13", "3.11 ends with 0.10"),
    (["Tesla V100"], "580.95.05", {"python": "3.10"}, "jax", "0.6.2+cuda12", "3.10 ends with 0.6"),
    # libc and processor
    (["RTX 3090"], "470.256.02", {"glibc": "2.17"}, "pytorch", "2.6.0+cu118", "2.7 needs glibc 2.28"),
    (["RTX 3090"], "580.95.05", {"glibc": "2.28"}, "pytorch", "2.15.0+cu130", "RHEL 8"),
    (["RTX 3090"], "550.54.14", {"glibc": "2.26"}, "tensorflow", "2.20.0", "2.21 needs glibc 2.27"),
    (["RTX 3090"], "580.95.05", {"cpu": OLD_CPU}, "tensorflow", "arch", "no AVX"),
    (["RTX 3090"], "580.95.05", {"cpu": OLD_CPU}, "jax", "arch", "no AVX"),
    (["RTX 3090"], "580.95.05", {"cpu": OLD_CPU}, "pytorch", "2.15.0+cu130", "PyTorch picks kernels at run time"),
    # TensorFlow by generation
    (["Tesla M60"], "535.183.01", {"python": "3.11"}, "tensorflow", "2.16.2", "sm_50 until 2.16"),
    (["A100"], "450.80.02", {"python": "3.8"}, "tensorflow", "2.13.1", "CUDA 11.8 by minor compatibility"),
    (["A100"], "525.60.13", {}, "tensorflow", "2.21.0", "CUDA 12.5 by minor compatibility"),
    (["GTX 1080 Ti"], "590.48.01", {}, "tensorflow", "driver", "580 is the last for Pascal"),
    # versions asked for
    (["RTX 5090"], "570.124.06", {}, "pytorch==2.11.*", "2.11.0+cu128", "Blackwell code, CUDA 12"),
    (["RTX 4090"], "580.95.05", {}, "pytorch==2.11.*", "2.11.0+cu130", "native to 580"),
    (["Tesla V100"], "580.95.05", {}, "pytorch==2.11.*", "2.11.0+cu126", "cu128 lost Volta in 2.11"),
    (["Tesla V100"], "580.95.05", {}, "pytorch==2.10.0", "2.10.0+cu128 | 2.10.0+cu126", "both have Volta"),
    (["RTX 4090"], "580.95.05", {}, "pytorch>=2.12,<2.14", "2.13.0+cu130", "a range"),
    (["RTX 5090"], "580.95.05", {}, "pytorch==2.5.1", "gpu-arch", "sm_120 from 2.7"),
    (["RTX 4090"], "580.95.05", {"python": "3.11"}, "tensorflow~=2.15.0", "2.15.1", "compatible release"),
    (["RTX 4090"], "580.95.05", {}, "tensorflow<2.16", "python", "2.15 ends at Python 3.11"),
    (["H100"], "470.256.02", {"python": "3.10"}, "pytorch", "2.7.1+cu118", "an advisory first branch only warns"),
]


def answers(text):
    return text.split(" | ")


@pytest.mark.parametrize("case", NVIDIA, ids=str)
def test_nvidia(case):
    gpus, driver, facts, asked, expected, why = case
    here = machine(*gpus, driver=driver, **facts)
    result = plan(here, asked)
    assert label(result) in answers(expected), why
    assert result.device == "cuda"


OTHERS = [
    ("AMD Radeon RX 9070 XT", {}, "pytorch", r"rocm"),
    ("AMD Radeon RX 7600", {}, "pytorch", r"gpu-arch|rocm"),
    ("AMD Instinct MI210", {"python": "3.10"}, "pytorch", r"rocm"),
    ("AMD Instinct MI355X", {}, "pytorch", r"rocm7"),
    ("AMD Radeon RX 5700 XT", {}, "pytorch", r"gpu-arch"),
    ("AMD Radeon RX 6600 XT", {}, "pytorch", r"gpu-arch"),
    ("AMD Radeon RX 7900 XTX", {"musl": True}, "pytorch", r"libc"),
    ("AMD Radeon RX 7900 XTX", {}, "tensorflow", r"framework"),
    ("AMD Radeon RX 7900 XTX", {}, "jax", r"framework"),
    ("Intel(R) Data Center GPU Max 1550", {}, "pytorch", r"xpu"),
    ("Intel(R) Iris(R) Xe Graphics", {}, "pytorch", r"gpu-arch"),
    ("Intel Arc B580", {}, "tensorflow", r"framework"),
    ("Apple M1", {**MAC, "python": "3.11"}, "tensorflow", r"2\.17\.1"),
    ("Apple M1", {**MAC, "python": "3.13"}, "tensorflow", r"python"),
    ("Apple M4", MAC, "jax", r"os"),
]


@pytest.mark.parametrize(("gpu", "facts", "asked", "expected"), OTHERS, ids=str)
def test_other_makers(gpu, facts, asked, expected):
    assert re.search(expected, label(plan(machine(gpu, **facts), asked)))


ON_THE_CPU = [
    ({}, ["pytorch", "tensorflow"], {"torch": "2.15.0", "tensorflow": "2.21.0"}, "3.12"),
    ({"python": "3.9"}, ["pytorch", "tensorflow"], {"torch": "2.8.0", "tensorflow": "2.20.0"}, "3.9"),
    # The newest interpreter serves only one of them: the one that serves both is taken.
    (
        {"python": "3.14", "pythons": [Python(version="3.12.4")]},
        ["pytorch", "tensorflow"],
        {"torch": "2.15.0", "tensorflow": "2.21.0"},
        "3.12",
    ),
    (MAC, ["pytorch", "jax"], {"torch": "2.15.0", "jax": "0.10.2"}, "3.12"),
    (ARM, ["tensorflow"], {"tensorflow": "2.21.0"}, "3.12"),
    (WIN, ["tensorflow"], {"tensorflow": "2.21.0"}, "3.12"),
    ({"os": "macos"}, ["tensorflow"], {"tensorflow": "2.16.2"}, "3.12"),
    ({"os": "macos", "python": "3.11"}, ["pytorch", "tensorflow"], {"torch": "2.2.2", "tensorflow": "2.16.2"}, "3.11"),
]


@pytest.mark.parametrize(("facts", "asked", "expected", "python"), ON_THE_CPU, ids=str)
def test_on_the_cpu_all_share_one_environment(facts, asked, expected, python):
    result = plan(machine(**facts), *asked, device="cpu")
    assert result.status == "ok", result.impossible
    found = {package.name: package.version for package in result.packages}
    assert expected.items() <= found.items()
    assert {package.environment for package in result.packages} == {None}
    assert result.python == python


IMPOSSIBLE_ON_THE_CPU = [
    ({"python": "3.14"}, ["pytorch", "tensorflow"], "python"),
    ({"musl": True}, ["tensorflow"], "libc"),
    ({"os": "macos"}, ["jax"], "arch"),
    ({"os": "windows", "arch": "arm64"}, ["tensorflow"], "arch"),
    ({"arch": "riscv64"}, ["pytorch"], "arch"),
    ({"arch": "ppc64le"}, ["jax"], "arch"),
    # Each has an interpreter, but not the same one.
    ({"python": "3.15", "pythons": [Python(version="3.9.2")]}, ["jax==0.12.*", "tensorflow"], "python"),
]


@pytest.mark.parametrize(("facts", "asked", "constraint"), IMPOSSIBLE_ON_THE_CPU, ids=str)
def test_what_no_build_serves_on_the_cpu(facts, asked, constraint):
    result = plan(machine(**facts), *asked, device="cpu")
    assert label(result) == constraint
    assert result.impossible.nearest
    assert result.packages == []


def test_two_cuda_stacks_are_two_environments_each_on_a_python_that_serves_both():
    here = machine("RTX 4090", driver="580.95.05", python="3.14", pythons=[Python(version="3.12.4")])
    result = plan(here, "pytorch", "tensorflow")
    assert [(p.name, p.environment) for p in result.packages if p.name in {"torch", "tensorflow"}] == [
        ("torch", "pytorch"),
        ("tensorflow", "tensorflow"),
    ]
    assert result.python == "3.12"


MACS = [("15.1", "2.15.0"), ("14.0", "2.15.0"), ("13.6", "2.11.0"), ("12.7", "2.11.0")]


@pytest.mark.parametrize(("version", "expected"), MACS)
def test_a_mac_gets_what_its_system_is_new_enough_for(version, expected):
    from msgspec.structs import replace

    here = machine("Apple M2", **MAC)
    assert label(plan(replace(here, os=replace(here.os, version=version)))) == expected


@pytest.mark.parametrize(
    "text",
    [
        "pytorch==9.9",
        "pytorch==2.11.7",
        "tensorflow==3.0",
        "jax>1.0",
        "pytorch==",
        "pytorch=>2",
        "pytorch 2.x",
        "keras",
    ],
)
def test_a_version_that_was_never_published_is_a_usage_error(text):
    with pytest.raises(InputError, match="--framework"):
        plan(machine("RTX 4090", driver="580.95.05"), text)


VOLTA_PINS = [("tensorflow", "nvidia-cudnn-cu12"), ("jax", "nvidia-cudnn-cu12")]


@pytest.mark.parametrize(("asked", "package"), VOLTA_PINS)
@pytest.mark.parametrize(("gpu", "held"), [("Tesla V100", True), ("GTX 1080 Ti", True), ("Tesla T4", False)])
def test_cudnn_is_held_where_newer_ones_left_the_gpu_behind(asked, package, gpu, held):
    result = plan(machine(gpu, driver="550.54.14"), asked)
    assert (package in {p.name for p in result.packages}) == held


def test_a_card_that_the_driver_no_longer_drives_may_be_left_out():
    gpus = ["GTX 1080 Ti", "RTX 4090", "RTX 4090"]
    result = plan(machine(*gpus, driver="595.58.03"))
    assert label(result) == "driver"
    assert result.impossible.nearest == (
        "install an NVIDIA driver of branch 580, the last for Pascal; "
        "or leave GTX 1080 Ti out: CUDA_VISIBLE_DEVICES=1,2"
    )
    assert label(plan(machine(*gpus, driver="595.58.03", env={"CUDA_VISIBLE_DEVICES": "1,2"}))) == "2.15.0+cu132"


def test_a_framework_that_stands_in_the_way_of_another_is_told_so():
    result = plan(machine("RTX 5090", driver="580.95.05"), "pytorch", "tensorflow")
    assert label(result) == "gpu-arch"
    assert result.impossible.text.startswith("TensorFlow")
    assert result.impossible.nearest.endswith("; without it there is PyTorch 2.15.0+cu130")
    either = plan(machine("RTX 5090", driver="580.95.05"), "pytorch", "tensorflow", device="auto")
    assert either.device == "cpu"
    assert "without it there is PyTorch 2.15.0+cu130" in either.warnings[0]
