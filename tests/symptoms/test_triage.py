from __future__ import annotations

import pytest

from envsetup import importers
from envsetup.doctor import symptoms
from envsetup.doctor.case import Case
from envsetup.doctor.examine import examine
from envsetup.doctor.triage import decide

NO_KERNEL = "RuntimeError: CUDA error: no kernel image is available for execution on the device\n"
REPORT = """PyTorch version: {torch}
Is debug build: False
CUDA used to build PyTorch: {cuda}
OS: Ubuntu 22.04.4 LTS (x86_64)
Python version: 3.11.9 (main) [GCC 11.4.0] (64-bit runtime)
Is CUDA available: True
GPU models and configuration: GPU 0: {gpu}
Nvidia driver version: {driver}
"""


def root(text):
    imported = importers.read(text)
    return examine(imported.machine, target="text", symptoms=symptoms.read(imported.error_text)).verdict.root_cause


def decided(text):
    imported = importers.read(text)
    return [
        hit.code for hit in decide(Case(imported.machine, symptoms=symptoms.read(imported.error_text), kind="text"))
    ]


def report(torch="2.6.0+cu124", cuda="12.4", gpu="NVIDIA GeForce RTX 4090", driver="570.86.15"):
    return REPORT.format(torch=torch, cuda=cuda, gpu=gpu, driver=driver)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (report(gpu="NVIDIA GeForce RTX 5090"), "gpu-arch-too-new-for-wheel"),
        (report(gpu="NVIDIA GeForce GTX 780"), "gpu-arch-too-old-for-wheel"),
        (report(gpu="NVIDIA GeForce RTX 4090"), "extension-arch-missing"),
        (report(gpu="Tesla P100-PCIE-16GB") + "[pip3] vllm==0.6.3\n", "gpu-below-library-minimum"),
        ("", "gpu-arch-too-new-for-wheel"),
    ],
)
def test_no_kernel_image_by_gpu_and_wheel(facts, code):
    assert root(facts + NO_KERNEL) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("I use WSL2\nFailed to initialize NVML: GPU access blocked by the operating system", "wsl-no-gpu-device"),
        (
            "WSL2, Microsoft Windows [Version 10.0.20150.1000]\nno CUDA-capable device is detected",
            "wsl-windows-build-broken",
        ),
        ("on my MacBook\nAssertionError: Torch not compiled with CUDA enabled", "no-supported-gpu"),
        ("Windows 11, torch 2.4.0\nerror loading fbgemm.dll or one of its dependencies", "windows-libomp-missing"),
        ("Windows 11, torch 2.5.1\nerror loading fbgemm.dll or one of its dependencies", "vcredist-missing"),
        (
            "numpy 1.26.4\nValueError: numpy.dtype size changed, may indicate binary incompatibility",
            "numpy-abi-mismatch",
        ),
        ("numpy 2.1.0\nValueError: numpy.dtype size changed, may indicate binary incompatibility", "numpy2-abi-break"),
        ("Radeon RX 7900 XTX\nFound no NVIDIA driver on your system.", "wrong-accelerator-build"),
        ("in docker\nFound no NVIDIA driver on your system.", "container-no-gpu"),
        ("GeForce RTX 3090\nError 802: system not yet initialized", "cuda-802-hmm-kaslr"),
        ("A100-SXM4-80GB\nError 802: system not yet initialized", "fabric-manager-not-running"),
        (
            "Ubuntu 22.04, GTX 1650\nfailed call to cuInit: CUDA_ERROR_UNKNOWN: unknown error",
            "uvm-broken-after-suspend",
        ),
    ],
)
def test_one_message_and_another_cause(text, code):
    assert code in decided(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Python 3.14\nERROR: No matching distribution found for torch==2.1.0", "python-unsupported"),
        (
            "ERROR: Could not find a version that satisfies the requirement tensorflow==1.15 (from versions: 2.8.0)",
            "python-unsupported",
        ),
        (
            "ERROR: Could not find a version that satisfies the requirement torch==9.9 (from versions: 2.5.0, 2.6.0)",
            "no-matching-wheel",
        ),
        ("Could not find a version that satisfies the requirement torch (from versions: none)", "python-unsupported"),
        ("Could not find a version that satisfies the requirement foo (from versions: none)", "no-matching-wheel"),
        ("Alpine Linux\nERROR: No matching distribution found for torch", "musl-libc"),
    ],
)
def test_what_pip_could_not_find(text, code):
    assert code in decided(text)


def test_driver_below_what_the_build_needs():
    text = report(torch="2.4.0+cu121", cuda="12.1", driver="470.82.01")
    assert root(text + "RuntimeError: the provided PTX was compiled with an unsupported toolchain.") == (
        "driver-too-old-for-cuda"
    )


def test_a_gpu_that_the_report_sees_and_the_program_does_not():
    assert root(report() + "RuntimeError: No CUDA GPUs are available\n") == "cuda-visible-devices-hides"


@pytest.mark.parametrize(
    "text",
    [
        report(),
        report() + "IndexError: list index out of range\n",
        report(torch="2.1.2+cu118", cuda="11.8", gpu="Tesla V100-SXM2-32GB", driver="470.57.02"),
    ],
)
def test_silent_on_a_healthy_machine(text):
    assert root(text) is None


@pytest.mark.parametrize(
    ("text", "confidence"),
    [(report(gpu="NVIDIA GeForce RTX 5090"), "certain"), ("RTX 5090 with torch 2.6.0+cu124 on Ubuntu", "likely")],
)
def test_what_rests_on_a_sentence_is_never_certain(text, confidence):
    imported = importers.read(text)
    (finding,) = examine(imported.machine, target="text", weak=imported.weak).findings
    assert (finding.code, finding.confidence) == ("gpu-arch-too-new-for-wheel", confidence)


def test_several_gpus_in_prose_are_the_reason_why_nothing_is_decided():
    imported = importers.read("torch 2.6.0+cu124 on an RTX 5090 and a GTX 980")
    report = examine(imported.machine, target="text")
    assert any("several GPUs" in check.reason for check in report.checks)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('CUDA_VISIBLE_DEVICES="" python x.py\nValueError: shapes differ', None),
        ("CUDA_LAUNCH_BLOCKING=1 python x.py\nIndexError: 3", None),
        ("CUDA_VISIBLE_DEVICES=-1\nRuntimeError: No CUDA GPUs are available", "cuda-visible-devices-hides"),
        ("CUDA_VISIBLE_DEVICES=3\nRuntimeError: No CUDA GPUs are available", "cuda-visible-devices-hides"),
    ],
)
def test_variables_of_a_command_in_a_report(text, code):
    assert root(report() + text) == code


def test_what_the_facts_only_suspect_does_not_weaken_a_message():
    text = report().replace("Is CUDA available: True", "Is CUDA available: False")
    assert root(text) is None  # the framework saw no GPU, and nothing says why
    text += (
        "UserWarning: CUDA initialization: CUDA unknown error - this may be due to an incorrectly set up environment"
    )
    assert root(text) == "uvm-broken-after-suspend"
