from __future__ import annotations

import pytest

from envsetup.importers import read
from envsetup.model.maybe import UNKNOWN, known

SGLANG = """Python: 3.11.9 (main, Apr  2 2024, 08:25:04) [GCC 11.2.0]
CUDA available: True
GPU 0,1: NVIDIA L40S
GPU 0,1 Compute Capability: 8.9
CUDA_HOME: /usr/local/cuda
NVCC: Cuda compilation tools, release 12.4, V12.4.131
CUDA Driver Version: 550.90.12
PyTorch: 2.5.1+cu124
sglang: 0.4.3
flashinfer: Module Not Found
transformers: 4.48.0
Hypervisor vendor: KVM
ulimit soft: 65535
"""


def test_check_env():
    result = read(SGLANG)
    machine = result.machine
    assert result.kinds == ["check_env"]
    assert [(g.name, g.compute_capability) for g in machine.gpus] == [("NVIDIA L40S", "8.9")] * 2
    assert machine.driver.nvidia == "550.90.12"
    assert machine.cuda.nvcc_version == "12.4.131"
    assert machine.limits.nofile_soft == 65535
    assert machine.environment.packages["sglang"] == "0.4.3"
    assert "flashinfer" not in machine.environment.packages
    assert machine.env == {"CUDA_HOME": "/usr/local/cuda"}


def test_check_env_on_rocm_has_no_cuda_capability():
    text = """Python: 3.10.12
ROCM available: True
GPU 0: AMD Instinct MI250X
GPU 0 Compute Capability: 9.0
ROCM_HOME: /opt/rocm
HIPCC: HIP version: 6.2.41133
PyTorch: 2.5.1+rocm6.2
"""
    (gpu,) = read(text).machine.gpus
    assert (gpu.vendor, gpu.compute_capability) == ("amd", UNKNOWN)


def test_tensorflow_form_with_answers_behind_the_question():
    text = """**System information**
- OS Platform and Distribution (e.g., Linux Ubuntu 16.04): Linux Ubuntu 20.04
- TensorFlow installed from (source or binary): binary
- TensorFlow version (use command below): v2.6.0-rc2-32-g919f693420e 2.6.0
- Python version: 3.8.10
- CUDA/cuDNN version: CUDA 11.2 / cuDNN 8.1
- GPU model and memory: GeForce GTX 1660 Ti, 6GB
"""
    result = read(text)
    machine = result.machine
    assert "tensorflow report" in result.kinds
    assert (machine.os.distro, machine.python.version) == ("ubuntu 20.04", "3.8.10")
    assert machine.environment.frameworks[0].version == "2.6.0"
    assert machine.gpus[0].name == "GeForce GTX 1660 Ti"
    assert machine.cuda.nvcc_version == "11.2"


def test_tensorflow_form_with_answers_on_the_next_line():
    text = """### TensorFlow version

2.16.1

### OS platform and distribution

Linux Ubuntu 22.04

### Python version

3.11

### CUDA/cuDNN version

_No response_

### GPU model and memory

_No response_
"""
    machine = read(text).machine
    assert machine.environment.packages["tensorflow"] == "2.16.1"
    assert machine.os.distro == "ubuntu 22.04"
    assert machine.gpus is UNKNOWN


@pytest.mark.parametrize(
    ("answer", "name"),
    [("1050ti 4 GB", "GTX 1050 Ti"), ("3060", "RTX 3060"), ("980", "GTX 980"), ("8GB", None), ("4050 MB", None)],
)
def test_a_bare_number_answers_the_question_for_the_gpu(answer, name):
    machine = read(f"TensorFlow version: 2.10\nGPU model and memory: {answer}\n").machine
    assert [gpu.name for gpu in known(machine.gpus) or []] == ([name] if name else [])


def test_several_cudas_in_a_form_say_nothing():
    text = "- TensorFlow version: 1.13.1\n- CUDA/cuDNN version: 10.0 and 9.0\n- Python version: 3.7\n"
    assert read(text).machine.cuda is UNKNOWN


def test_transformers_env():
    text = """- `transformers` version: 4.46.0
- Platform: Linux-5.15.0-122-generic-x86_64-with-glibc2.31
- Python version: 3.9.19
- PyTorch version (GPU?): 2.1.2+cu118 (False)
- Tensorflow version (GPU?): not installed (NA)
"""
    result = read(text)
    machine = result.machine
    assert "library env" in result.kinds
    torch = machine.environment.frameworks[0]
    assert (torch.variant, torch.cuda_available) == ("cu118", False)
    assert machine.libc.version == "2.31"


def test_jax_info():
    text = """jax:    0.4.34
jaxlib: 0.4.34
numpy:  2.0.2
python: 3.12.3 (main, Sep 11 2024, 14:17:37) [GCC 13.2.0]
device info: NVIDIA GeForce RTX 4070-1, 1 local devices"
platform: uname_result(system='Linux', node='host', release='6.8.0-48-generic', version='#48', machine='x86_64')
"""
    result = read(text)
    machine = result.machine
    assert "jax info" in result.kinds
    assert machine.environment.packages["jaxlib"] == "0.4.34"
    assert machine.os.kernel == "6.8.0-48-generic"
    assert machine.gpus[0].name.endswith("RTX 4070")


def test_a_whole_issue_body_of_several_formats():
    text = (
        "### Your environment\n\n<details>\n\n```text\n"
        + SGLANG
        + "```\n</details>\n\nI run Ubuntu 22.04 in docker.\n\n```\nRuntimeError: something went wrong\n```\n"
    )
    result = read(text)
    assert result.machine.os.distro == "ubuntu 22.04"
    assert result.machine.container.runtime == "docker"
    assert "os.distro" in result.weak
    assert "driver.nvidia" not in result.weak
    assert "RuntimeError: something went wrong" in result.error_text
    assert "PyTorch: 2.5.1" not in result.error_text


def test_line_numbers_survive():
    text = SGLANG + "\nRuntimeError: no\n"
    line = next(n for n, value in enumerate(read(text).error_text.split("\n")) if "RuntimeError" in value)
    assert text.split("\n")[line] == "RuntimeError: no"
