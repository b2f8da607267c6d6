"""Any text, all the way to the report: no check crashes, the output stays small, no escape sequence passes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envsetup import importers
from envsetup.doctor import symptoms
from envsetup.doctor.examine import examine

NAMES = [
    "NVIDIA GeForce RTX 5090",
    "Tesla K80",
    "NVIDIA ...",
    "AMD Radeon RX 6800",
    "gfx1030",
    "Apple M2",
    "",
    "\u202eX",
    "Orin (nvgpu)",
]
VERSIONS = [
    "2.6.0+cu124",
    "1.0",
    "0",
    "9999.9.9",
    "2.7.0+rocm6.3",
    "2.4.0+cpu",
    "N/A",
    "None",
    "Could not collect",
    "No CUDA",
    "1.2.3.4.5.6",
]
LINES = st.one_of(
    st.builds("PyTorch version: {}".format, st.sampled_from(VERSIONS)),
    st.builds("CUDA used to build PyTorch: {}".format, st.sampled_from(VERSIONS)),
    st.builds("Is CUDA available: {}".format, st.sampled_from(["True", "No", "N/A", "?"])),
    st.builds("GPU models and configuration: GPU {}: {}".format, st.integers(0, 999), st.sampled_from(NAMES)),
    st.builds(
        "Nvidia driver version: {}".format,
        st.sampled_from(["550.54.15", "1.1", "999.99", "Could not collect", "No CUDA"]),
    ),
    st.builds(
        "OS: {}".format,
        st.sampled_from(["Ubuntu 22.04 (x86_64)", "Microsoft Windows 11", "macOS 14.1 (arm64)", "Alpine Linux", "x"]),
    ),
    st.builds("Python version: {} (64-bit runtime)".format, st.sampled_from(["3.14.0", "2.7", "3.99", "3.13t", ""])),
    st.builds("Libc version: glibc-{}".format, st.sampled_from(["2.17", "2.39", "9.9", "x"])),
    st.builds(
        "[pip3] {}=={}".format,
        st.sampled_from(["torch", "torchvision", "numpy", "jax", "jaxlib", "tensorflow", "triton", "vllm"]),
        st.sampled_from(VERSIONS),
    ),
    st.builds(
        "[conda] pytorch {} {} pytorch".format,
        st.sampled_from(VERSIONS),
        st.sampled_from(["py3.9_cpu_0", "cuda118py311h0", "x"]),
    ),
    st.builds("CUDA_VISIBLE_DEVICES={}".format, st.text(max_size=6)),
    st.sampled_from([needle for row in symptoms.rules().rows for needle in row.needles]),
    st.sampled_from(
        [
            "docker run x",
            "WSL2",
            "JetPack 5.1",
            "\x1b[31mred",
            "NVRM: Xid (PCI:0000:01:00): 79, x",
            "nvidia-smi: command not found",
        ]
    ),
    st.text(max_size=40),
)


@settings(max_examples=250, deadline=3000)
@given(st.lists(LINES, max_size=25).map("\n".join))
def test_no_check_crashes_whatever_the_text_says(text):
    imported = importers.read(text)
    report = examine(imported.machine, target="text", weak=imported.weak, symptoms=symptoms.read(imported.error_text))
    assert [check.reason for check in report.checks if check.status == "crashed"] == []
    shown = msgspec.json.encode(report)
    assert len(shown) < 1_000_000
    assert b"\\u001b" not in shown
    assert report.verdict.status == "broken" or all(f.severity not in ("critical", "error") for f in report.findings)


@pytest.mark.parametrize(
    ("text", "status", "headline"),
    [
        (
            "torch.cuda.is_available() returns False and torch is 2.6.0+cpu",
            "unknown",
            "perhaps: the CPU build of PyTorch",
        ),
        # What follows from it is serious, though it is a warning itself.
        (
            "nvidia-smi has failed because it couldn't communicate\ngcc-version-check failed",
            "broken",
            "The compiler differs from that of the kernel",
        ),
        ("I use torch 2.6.0+cu124 on an RTX 4090", "unknown", "nothing said here is a fault, but no tool's output"),
        ("PyTorch version: 2.6.0+cu124\nCUDA used to build PyTorch: 12.4", "ready", "PyTorch 2.6.0+cu124"),
    ],
)
def test_a_text_that_tells_of_a_fault_is_not_called_ready(text, status, headline):
    imported = importers.read(text)
    report = examine(imported.machine, target="text", weak=imported.weak, symptoms=symptoms.read(imported.error_text))
    assert report.verdict.status == status
    assert report.verdict.headline.startswith(headline)


NOBODY = (
    "PyTorch version: 1.9.0+cpu\nCUDA used to build PyTorch: Could not collect\nIs CUDA available: False\n"
    "GPU models and configuration: Could not collect\nNvidia driver version: Could not collect\n"
)
A100 = (
    "| NVIDIA-SMI 570.172.08   Driver Version: 570.172.08   CUDA Version: 12.8 |\n"
    "|   0  NVIDIA A100-SXM4-80GB          On  |   00000000:01:00.0 Off |                    0 |"
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ModuleNotFoundError: No module named 'vllm._C'", "extension-abi-mismatch"),
        (
            "File \"C:\\envs\\a\\lib\\site-packages\\vllm\\x.py\"\nModuleNotFoundError: No module named 'vllm._C'",
            "package-unsupported-platform",
        ),
        ("ImportError: libcuda.so.1: cannot open shared object file", "driver-not-installed"),
        ("a ROCm machine: ImportError: libcuda.so.1: cannot open shared object file", "wrong-accelerator-build"),
        (
            "pip install torch===1.3.0\nNvidia driver version: 410.48\n>>> torch.cuda.is_available()\nFalse",
            "driver-too-old-for-cuda",
        ),
        ("torch==2.5.1 on a GH200, CUDA is False", "cpu-wheel-on-gpu-machine"),
        ("torch==2.5.1 on an H200, CUDA is False", None),
        ("ResourceExhaustedError: OOM when allocating tensor with shape[8,8] on my GTX 960", "low-vram"),
        ("ResourceExhaustedError: OOM when allocating tensor with shape[8,8] on my RTX 4090", None),
        (
            "libcuda reported version is: 450.142.0\nkernel reported version is: 450.66.0",
            "driver-library-version-mismatch",
        ),
        ("libcuda reported version is: 450.142.0\nkernel reported version is: 450.142.00", None),
        ("NVRM: Xid (PCI:0000:dc:00): 45, pid=1, Ch 1 caused by previous Xid 149", "nvlink-down"),
        (
            "NVRM: Xid (PCI:0000:dc:00): 45, pid=1, Ch 1",
            None,
        ),  # a channel that a program left is no fault of the machine
        (
            "GPU: AMD Radeon RX 6800\nCUDA driver version is insufficient for CUDA runtime version",
            "wrong-accelerator-build",
        ),
        ("CUDA out of memory. (GPU 0; 6.00 GiB total capacity; 5.27 GiB already allocated; 0 bytes free)", "low-vram"),
        ("CUDA out of memory. (GPU 0; 24.00 GiB total capacity; 5.27 GiB already allocated; 0 bytes free)", None),
        # Old enough for its wheels to be unknown, unless the GPU is known to be younger.
        ("PyTorch version: 2.0.1+rocm5.4.2\nROCM used to build PyTorch: 5.4.22803\nGPU: MI250X", None),
        (
            "PyTorch version: 2.0.1+rocm5.4.2\nROCM used to build PyTorch: 5.4.22803\nGPU: MI300X",
            "rocm-gfx-unsupported",
        ),
        ("PyTorch version: 2.9.1+rocm7.99.0a1\nROCM used to build PyTorch: 7.99.1\nGPU: MI300X", None),
        # A build of somebody's own, named like a release that was made for another CUDA.
        ("PyTorch version: 1.8.0a0+1606899\nGPU models and configuration: GPU 0: NVIDIA A100", None),
        ("PyTorch version: 1.8.0\nGPU models and configuration: GPU 0: NVIDIA A100", "gpu-arch-too-new-for-wheel"),
        # nvcc answers without a GPU.
        (f"{NOBODY}CUDA runtime version: 11.1.105", None),
        (f"{NOBODY}CUDA runtime version: Could not collect", "cpu-wheel-on-gpu-machine"),
        ("NCCL error: unhandled system error\nI run it in docker", "shm-too-small"),
        (
            "singularity exec a.sif python, made from docker\nlibcuda.so.1: cannot open shared object file",
            "singularity-no-nv",
        ),
        ("docker run a python\nlibcuda.so.1: cannot open shared object file", "container-no-gpu"),
        ("NCCL error: unhandled system error\nwith two nodes", "nccl-interface-wrong"),
        ("NCCL error: unhandled system error", None),
        ("Jetson Nano\nCollecting torch\n  Downloading torch-0.1.2.post2.tar.gz", "jetson-generic-wheel"),
        (
            f"jax:    0.7.2\njaxlib: 0.7.2\ndevice info: NVIDIA A100-SXM4-80GB-1, 1 local devices\n{A100}",
            None,
        ),
        (
            f"jax:    0.7.2\njaxlib: 0.7.2\n{A100}",
            "jax-cpu-only",
        ),
    ],
)
def test_what_stands_beside_an_error_decides_between_its_causes(text, code):
    imported = importers.read(text)
    report = examine(imported.machine, target="text", weak=imported.weak, symptoms=symptoms.read(imported.error_text))
    assert report.verdict.root_cause == code


@pytest.mark.parametrize(("build", "root"), [("2.7.0a0+git28b68b4", None), ("1.9.0+rocm4.0.1", "rocm-gfx-unsupported")])
def test_a_build_of_somebodys_own_is_not_judged_by_the_wheels_of_the_index(build, root):
    text = (
        f"PyTorch version: {build}\nROCM used to build PyTorch: 6.3.42134-a9a80e791\nOS: Ubuntu 22.04.5 LTS (x86_64)\n"
        "Is CUDA available: True\nGPU models and configuration: AMD Instinct MI300X (gfx942:sramecc+:xnack-)\n"
    )
    imported = importers.read(text)
    report = examine(imported.machine, target="text", weak=imported.weak, symptoms=symptoms.read(imported.error_text))
    assert report.verdict.root_cause == root
