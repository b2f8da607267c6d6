from __future__ import annotations

import pytest

from envsetup.importers import read
from envsetup.model.maybe import UNKNOWN


def machine_of(text):
    return read(text).machine


def test_everything_in_one_sentence():
    result = read("I have an RTX 5090, driver 575.64.03, torch 2.6.0+cu124, Python 3.13 on Windows 11")
    machine = result.machine
    assert machine.gpus[0].name == "RTX 5090"
    assert machine.driver.nvidia == "575.64.03"
    assert (machine.environment.frameworks[0].version, machine.environment.frameworks[0].variant) == ("2.6.0", "cu124")
    assert (machine.python.version, machine.os.system) == ("3.13", "windows")
    assert {"gpus", "driver.nvidia", "os.system", "python.version", "packages.torch"} <= set(result.weak)


def test_a_tool_outweighs_a_sentence():
    text = (
        "driver 550.54.14 should be there\nIs debug build: False\nCUDA used to build PyTorch: 12.1\n"
        "Nvidia driver version: 535.183.01\n"
    )
    result = read("My nvidia driver 550.54.14 is fine\n" + text)
    assert result.machine.driver.nvidia == "535.183.01"
    assert "driver.nvidia" not in result.weak


@pytest.mark.parametrize(
    "sentence",
    [
        "it works fine with torch 1.13.1 and driver 470.57.02",
        "downgrading to torch 1.13.1 helped",
        "requires nvidia driver 525.60.13 or newer",
        "This was fixed in torch 2.4.1",
        "ERROR: No matching distribution found for torch==1.13.1",
    ],
)
def test_other_machines_and_wishes_are_not_facts(sentence):
    machine = machine_of(sentence)
    assert machine.driver is UNKNOWN
    assert machine.environment is UNKNOWN


@pytest.mark.parametrize(
    ("text", "vendor", "name"),
    [
        ("my GTX1060 laptop", "nvidia", "GTX 1060"),
        ("four 3080 GPUs", "nvidia", "RTX 3080"),
        ("two 1080ti cards", "nvidia", "GTX 1080 Ti"),
        ("a K40c card", "nvidia", "K40c"),
        ("NVIDIA GeForce RTX 4070 Ti SUPER here", "nvidia", "NVIDIA GeForce RTX 4070 Ti SUPER"),
        ("a Tesla V100-SXM2-16GB node", "nvidia", "Tesla V100-SXM2-16GB"),
        ("8x H100 server", "nvidia", "H100"),
        ("my rtx3080ti box", "nvidia", "RTX 3080 Ti"),
        ("gtx 1660 super", "nvidia", "GTX 1660 SUPER"),
        ("GeForce GT 710 office machine", "nvidia", "GeForce GT 710"),
        ("RTX A5000 workstation", "nvidia", "RTX A5000"),
        ("RTX 4090 Laptop GPU here", "nvidia", "RTX 4090 Laptop GPU"),
        ("on a Radeon RX 7900 XTX", "amd", "Radeon RX 7900 XTX"),
        ("Instinct MI300X cluster", "amd", "Instinct MI300X"),
        ("with Intel Arc A770", "intel", "Intel Arc A770"),
        ("Apple M2 Pro mini", "apple", "Apple M2 Pro"),
        ("我的RTX 3060显卡", "nvidia", "RTX 3060"),
    ],
)
def test_gpu_names(text, vendor, name):
    (gpu,) = machine_of(text).gpus
    assert (gpu.vendor, gpu.name) == (vendor, name)


def test_several_gpus_in_prose_decide_nothing():
    result = read("it fails on an RTX 3090 and on a GTX 1080")
    assert result.machine.gpus is UNKNOWN
    assert any("several GPUs" in note for note in result.notes)


def test_one_gpu_written_in_two_ways():
    assert len(machine_of("RTX 3090 here\nNVIDIA GeForce RTX 3090 there").gpus) == 1


@pytest.mark.parametrize(
    ("text", "wsl"), [("under WSL2", True), ("WSL 2 with Ubuntu 22.04", True), ("plain Ubuntu 22.04", UNKNOWN)]
)
def test_wsl(text, wsl):
    assert machine_of(text).os.wsl is wsl


def test_jetson():
    machine = machine_of("Jetson Orin Nano with JetPack 6.0")
    assert (machine.arch, machine.tegra) == ("aarch64", "JetPack 6.0")


def test_an_ip_address_or_a_date_is_no_version():
    assert machine_of("server 192.168.178.20 on 2024.11.24 with python3-config").python is UNKNOWN


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("torch.cuda.is_available() returns False", False),
        ("torch.cuda.is_available() always return false", False),
        (">>> torch.cuda.is_available()   True", True),
        ("print(torch.cuda.is_available()) -> `False`", False),
        ("torch.cuda.is_available() 就是False 不知道怎么办", False),
    ],
)
def test_what_the_framework_said_of_its_gpu(text, answer):
    assert machine_of(text).environment.frameworks[0].cuda_available is answer


def test_a_condition_in_a_program_says_nothing():
    assert machine_of('device = "cuda" if torch.cuda.is_available() else "cpu"').environment is UNKNOWN


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("CUDA_VISIBLE_DEVICES=0,1 python train.py --batch 3", "0,1"),
        ("export CUDA_VISIBLE_DEVICES=''", ""),
        ("CUDA_VISIBLE_DEVICES= python -c 'import torch'", ""),
        ('os.environ["CUDA_VISIBLE_DEVICES"] = "2"', "2"),
        ("$ CUDA_VISIBLE_DEVICES=1 torchrun x.py", "1"),
    ],
)
def test_a_variable_before_a_command(text, value):
    assert machine_of(text).env == {"CUDA_VISIBLE_DEVICES": value}


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Microsoft Windows NT 10.0.20170.0", "10.0.20170.0"),
        ("Microsoft Windows [Version 10.0.19042.1052]", "10.0.19042.1052"),
        ("Windows host 10.0.0.12", UNKNOWN),
    ],
)
def test_the_build_of_windows_in_any_wording(text, version):
    assert machine_of("WSL 2\n" + text).os.version == version


def test_a_command_behind_a_variable_is_part_of_what_is_told():
    result = read("it hangs\nNCCL_P2P_DISABLE=1 python train.py\nCUDA_VISIBLE_DEVICES=0")
    assert result.machine.env == {"NCCL_P2P_DISABLE": "1", "CUDA_VISIBLE_DEVICES": "0"}
    assert "python train.py" in result.error_text
    assert "CUDA_VISIBLE_DEVICES" not in result.error_text


def test_a_sentence_about_ones_own_card_counts_beside_a_wish():
    machine = read("I have a RTX 3090 graphics card. The requirement of the project, an older one, is too low.").machine
    assert [gpu.name for gpu in machine.gpus] == ["RTX 3090"]
    assert read("The project requires an RTX 3090. Any other GPU is slow.").machine.gpus is UNKNOWN


@pytest.mark.parametrize(
    ("text", "arch"),
    [
        ("an ARM CPU beside the GPU", "aarch64"),
        ("our GH200 node", "aarch64"),
        ("DGX Spark", "aarch64"),
        ("Graviton instance", "aarch64"),
        ("an ARMy of GPUs", UNKNOWN),
        ("an H200 node", UNKNOWN),
    ],
)
def test_processors_of_arm(text, arch):
    assert machine_of(text).arch == arch


def test_a_count_before_a_word_is_no_model():
    assert machine_of("after 3000 cards were sold, 1024 GPUs").gpus is UNKNOWN


def test_a_version_in_brackets():
    assert machine_of("it happens with PyTorch (1.3.1)").environment.packages == {"torch": "1.3.1"}


def test_an_initialisation_is_no_board():
    assert machine_of("nn.init.xavier_uniform_(weight), mx.init.Xavier(factor_type='in')").tegra is UNKNOWN


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("Python 3.9.0 32 bit", 32),
        ("a 32-bit Python 3.9.0", 32),
        ("Precision: 32-bit, Python 3.10", UNKNOWN),
        ("Python 3.10, 32-bit floats", UNKNOWN),
    ],
)
def test_the_width_of_a_python_is_not_that_of_a_number(text, bits):
    assert machine_of(text).python.bits is bits
