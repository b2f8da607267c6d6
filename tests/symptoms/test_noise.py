"""Lines that healthy programs print beside another error: a report that holds them stays without a cause."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envsetup import importers
from envsetup.doctor import symptoms
from envsetup.doctor.examine import examine
from envsetup.doctor.subject import given

HEALTHY = """PyTorch version: 2.4.0+cu121
Is debug build: False
CUDA used to build PyTorch: 12.1
OS: Ubuntu 22.04.4 LTS (x86_64)
Is CUDA available: True
GPU models and configuration: GPU 0: NVIDIA L4
Nvidia driver version: 550.54.15
"""
NOISE = [
    "NCCL INFO NET/Plugin: libnccl-net.so: cannot open shared object file: No such file or directory",
    "NCCL INFO NET/IB : Using interface eth0 for sideband communication",
    "UserWarning: Can't initialize NVML",
    "RuntimeError: CUDA error: device-side assert triggered",
    "For debugging consider passing CUDA_LAUNCH_BLOCKING=1.",
    "RuntimeError: CUDA error: an illegal instruction was encountered",
    "WARNING: Ignoring invalid distribution -ip (/env/lib/python3.11/site-packages)",
    "ERROR: pip's dependency resolver does not currently take into account all the packages that are installed.",
    "INFO: Unable to initialize backend 'tpu': libtpu.so: cannot open shared object file",
    "Allocator (GPU_0_bfc) ran out of memory trying to allocate 1.00GiB with freed_by_count=0.",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB.",
    "triton.runtime.errors.OutOfResources: out of resource: shared memory, Required: 147456",
    "A matching Triton is not available, some optimizations will not be enabled",
    "WARNING Failed to import from vllm._C with ModuleNotFoundError(\"No module named 'vllm._C'\")",
    "RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    "Segmentation fault (core dumped)",
    "double free or corruption (out)",
    "successful NUMA node read from SysFS had negative value (-1), but there must be at least one NUMA node",
    "Unable to register cuBLAS factory: Attempting to register factory for plugin cuBLAS when one has already been",
    "Persistence Mode : Disabled",
    "RuntimeError: mat1 and mat2 shapes cannot be multiplied (32x512 and 256x10)",
    "RuntimeError: expected scalar type Half but found Float",
    "ValueError: Unrecognized model in ./x. Should have a `model_type` key in its config.json",
    "HTTPSConnectionPool(host='huggingface.co', port=443): Max retries exceeded: [Errno 110] Connection timed out",
    "RepositoryNotFoundError: 401 Client Error. Repository Not Found for url",
    "UserWarning: The parameter 'pretrained' is deprecated since 0.13",
    "UserWarning: Attempting to use hipBLASLt on an unsupported architecture! Overriding blas backend to hipblas",
    "warning: the compiler differs from the one used to build the kernel",
    "nvidia: module verification failed: signature and/or required key missing - tainting kernel",
    "Buffer I/O error on dev sr0, logical block 0",
    "ssh: Connection closed by remote peer",
    "UserWarning: nvcc was not found. Are you sure your environment has nvcc available?",
]


@pytest.mark.parametrize("line", NOISE)
def test_no_cause_is_named(line):
    imported = importers.read(HEALTHY + line + "\nKeyError: 'x'\n")
    report = examine(imported.machine, target="text", symptoms=symptoms.read(imported.error_text))
    assert report.verdict.root_cause is None
    assert [found.code for found in report.findings if found.severity in ("critical", "error")] == []


NAMED = {
    "successful NUMA node read from SysFS had negative value (-1), but there must be at least one NUMA node": (
        "tf-numa-node-noise"
    ),
    "Unable to register cuDNN factory: Attempting to register factory for plugin cuDNN when one has already been": (
        "tf-numa-node-noise"
    ),
    "oneDNN custom operations are on. You may see slightly different numerical results": "tf-numa-node-noise",
    "TF-TRT Warning: Could not find TensorRT": "tf-numa-node-noise",
    "Persistence Mode : Disabled": "persistence-mode-off",
}


@pytest.mark.parametrize(("line", "code"), NAMED.items())
def test_what_is_only_noise_is_named_as_noise(line, code):
    """Information that says to ignore it, and nothing above that."""
    imported = importers.read(HEALTHY + line + "\n")
    report = examine(imported.machine, target="text", symptoms=symptoms.read(imported.error_text))
    [found] = [finding for finding in report.findings if finding.code == code]
    assert found.severity == "info"
    assert [finding.code for finding in report.findings if finding.severity != "info"] == []
    assert report.verdict.root_cause is None


HEALTHY_TEXTS = json.loads((Path(__file__).parent / "healthy_texts.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", HEALTHY_TEXTS)
def test_the_errors_of_a_program_are_no_faults_of_the_machine(text):
    subject = given(text, "text", "", "")
    report = examine(subject.machine, target=subject.kind, symptoms=subject.symptoms, weak=subject.weak)
    assert report.verdict.root_cause is None, [(found.code, found.severity) for found in report.findings]
    assert [found.code for found in report.findings if found.severity in ("critical", "error")] == []
