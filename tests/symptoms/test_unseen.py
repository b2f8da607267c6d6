from __future__ import annotations

import pytest

from envsetup import importers
from envsetup.doctor.examine import examine

REPORT = """PyTorch version: {torch}
Is debug build: False
CUDA used to build PyTorch: {cuda}
OS: Ubuntu 22.04.4 LTS (x86_64)
Is CUDA available: {available}
GPU models and configuration: GPU 0: {gpu}
Nvidia driver version: {driver}
"""


def found(gpu="NVIDIA GeForce RTX 3090", available="False", driver="525.85.12", torch="2.1.0+cu118", cuda="11.8"):
    text = REPORT.format(torch=torch, cuda=cuda, gpu=gpu, driver=driver, available=available)
    report = examine(importers.read(text).machine, target="text")
    return report, {finding.code: finding.confidence for finding in report.findings}


def test_boards_with_nvswitch_need_the_fabric_manager():
    report, codes = found(gpu="NVIDIA A100-SXM4-80GB")
    assert codes == {"fabric-manager-not-running": "likely"}
    assert report.verdict.root_cause == "fabric-manager-not-running"


def test_other_cards_are_only_a_hint_and_the_headline_claims_no_gpu():
    report, codes = found()
    assert codes == {"uvm-not-loaded": "possible"}
    assert report.verdict.root_cause is None
    assert "can use" not in report.verdict.headline


@pytest.mark.parametrize(
    "change",
    [
        {"available": "True"},
        {"driver": "440.33.01"},
        {"gpu": "NVIDIA GeForce RTX 5090"},
        {"torch": "2.1.0+cpu", "cuda": "None"},
    ],
)
def test_what_another_check_explains_is_left_to_it(change):
    _, codes = found(**change)
    assert not {"uvm-not-loaded", "fabric-manager-not-running"} & set(codes)


CUDA_BUILD = REPORT.format(torch="2.3.0+cu121", cuda="12.1", gpu="x", driver="x", available="False")


def of(text):
    report = examine(importers.read(text).machine, target="text")
    return report.verdict.root_cause


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("docker run -it lab/image", "container-no-gpu"),
        ("my card is an RTX 3070", "driver-not-installed"),
        ("nothing else is told", None),
    ],
)
@pytest.mark.parametrize("answer", ["Could not collect", "No CUDA"])
def test_a_report_that_found_no_driver(told, code, answer):
    text = CUDA_BUILD.replace("GPU 0: x", answer).replace("version: x", f"version: {answer}")
    assert of(text + told) == code


def test_a_rocm_report_never_has_nvidias_driver():
    text = """PyTorch version: 2.5.1+rocm6.2
Is debug build: False
CUDA used to build PyTorch: N/A
ROCM used to build PyTorch: 6.2.41133
Is CUDA available: True
GPU models and configuration: AMD Instinct MI300X (gfx942:sramecc+:xnack-)
Nvidia driver version: Could not collect
"""
    assert of(text) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Windows 11, RTX 3060, pytorch 2.3.1, torch.cuda.is_available() returns False", "windows-cpu-wheel-default"),
        ("Windows 11, RTX 3060, pytorch 2.3.1", None),
    ],
)
def test_the_default_of_windows(text, code):
    assert of(text) == code
