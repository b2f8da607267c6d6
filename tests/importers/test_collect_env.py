from __future__ import annotations

import pytest

from envsetup.importers import read
from envsetup.model.maybe import UNKNOWN

NEW = """Collecting environment information...
PyTorch version: 2.9.1+cu128
Is debug build: False
CUDA used to build PyTorch: 12.8
ROCM used to build PyTorch: N/A

OS: Ubuntu 24.04.3 LTS (x86_64)
GCC version: (Ubuntu 13.3.0-6ubuntu2~24.04) 13.3.0
Clang version: Could not collect
CMake version: version 3.28.3
Libc version: glibc-2.39

Python version: 3.12.7 (main, Oct  1 2025, 10:11:12) [GCC 13.2.0] (64-bit runtime)
Python platform: Linux-6.8.0-45-generic-x86_64-with-glibc2.39
Is CUDA available: True
CUDA runtime version: 12.6.85
CUDA_MODULE_LOADING set to: LAZY
GPU models and configuration:
GPU 0: NVIDIA GeForce RTX 5070 Ti
GPU 1: NVIDIA H200
  MIG 1g.18gb     Device  0:
  MIG 2g.35gb     Device  1:

Nvidia driver version: 575.57.08
cuDNN version: Probably one of the following:
/usr/lib/x86_64-linux-gnu/libcudnn.so.9.8.0
/usr/lib/x86_64-linux-gnu/libcudnn_ops.so.9.8.0
Is XPU available: False
HIP runtime version: N/A
MIOpen runtime version: N/A
Is XNNPACK available: True

CPU:
Architecture:                         x86_64
CPU(s):                               24
Model name:                           Example Nine 7900
Vendor ID:                            AuthenticAMD
Flags:                                fpu vme sse2 fma sse4_2 avx avx2 avx512f amx_tile lahf_lm svm abm sse4a misalign
NUMA node0 CPU(s):                    0-23
Vulnerability Meltdown:               Not affected

Versions of relevant libraries:
[pip3] numpy==2.1.3
[pip3] torch==2.9.1+cu128
[pip3] torchvision==0.24.1+cu128
[conda] Could not collect
"""

OLD = """PyTorch version: 1.2.0
Is debug build: No
CUDA used to build PyTorch: 10.0.130

OS: Debian GNU/Linux 9 (stretch)
GCC version: (Debian 6.3.0-18) 6.3.0
CMake version: Could not collect

Python version: 3.6
Is CUDA available: Yes
CUDA runtime version: Could not collect
GPU models and configuration: GPU 0: GeForce GTX 1070
Nvidia driver version: 418.56
cuDNN version: Could not collect

Versions of relevant libraries:
[pip] numpy==1.17.0
[pip] torch==1.2.0
[conda] pytorch                   1.2.0           py3.6_cuda10.0.130_cudnn7.6.2_0    pytorch
[conda] requests                  2.22.0                   pypi_0    pypi
"""


def env(text):
    return read(text).machine


def torch_of(text):
    return next(f for f in env(text).environment.frameworks if f.name == "torch")


def test_new_report():
    result = read(NEW)
    machine = result.machine
    assert "collect_env" in result.kinds
    assert (machine.os.distro, machine.arch, machine.libc.version) == ("ubuntu 24.04", "x86_64", "2.39")
    assert (machine.os.kernel, machine.os.wsl) == ("6.8.0-45-generic", False)
    assert machine.driver.nvidia == "575.57.08"
    assert [gpu.name for gpu in machine.gpus] == ["NVIDIA GeForce RTX 5070 Ti", "NVIDIA H200"]
    assert machine.gpus[0].mig_mode is UNKNOWN
    assert (machine.gpus[1].mig_mode, machine.gpus[1].mig_instances) == ("enabled", 2)
    assert machine.python.version == "3.12.7"
    assert {"avx", "avx2", "avx512f", "amx_tile"} <= set(machine.cpu.flags)
    torch = torch_of(NEW)
    assert (torch.version, torch.variant, torch.cuda, torch.hip) == ("2.9.1", "cu128", "12.8", None)
    assert torch.cuda_available is True
    assert result.error_text == ""
    assert result.weak == []


def test_old_report():
    machine = env(OLD)
    torch = torch_of(OLD)
    assert (torch.version, torch.cuda, torch.variant) == ("1.2.0", "10.0", UNKNOWN)
    assert machine.gpus[0].name == "GeForce GTX 1070"
    assert machine.environment.kind == "conda"
    assert machine.environment.conda_packages == {"pytorch": "1.2.0 py3.6_cuda10.0.130_cudnn7.6.2_0"}


def test_conda_rows_of_the_channel_pypi_are_pips():
    assert env(OLD).environment.packages["requests"] == "2.22.0"


def test_nvcc_is_what_the_report_calls_cuda_runtime():
    assert env(NEW).cuda.nvcc_version == "12.6.85"
    assert env(OLD).cuda is UNKNOWN


def test_cudnn_is_a_list_of_files_not_what_torch_loads():
    machine = env(NEW)
    assert [lib.version for lib in machine.cuda.cudnn] == ["9.8.0", "9.8.0"]
    assert torch_of(NEW).cudnn is UNKNOWN


@pytest.mark.parametrize(
    ("value", "expected", "tools"),
    [("None", None, UNKNOWN), ("Could not collect", UNKNOWN, True), ("N/A", None, UNKNOWN), ("12.1", "12.1", UNKNOWN)],
)
def test_none_is_an_answer_and_could_not_collect_is_not(value, expected, tools):
    text = NEW.replace("+cu128", "").replace("PyTorch: 12.8", f"PyTorch: {value}")
    assert torch_of(text).cuda == expected
    nvidia = env(text).nvidia
    assert (nvidia if nvidia is UNKNOWN else nvidia.tools_present) is tools


def test_no_cuda_says_that_somebody_looked():
    text = OLD.replace("418.56", "No CUDA").replace("Could not collect", "No CUDA")
    assert env(text).driver.nvidia is None
    assert env(OLD.replace("418.56", "Could not collect")).driver is UNKNOWN


def test_libc_of_old_pythons_is_not_believed():
    text = OLD.replace("CMake", "Libc version: glibc-2.9\nCMake")
    assert env(text).libc is UNKNOWN


def test_padded_keys_and_boxes_as_vllm_prints_them():
    lines = [line.replace(": ", "                 : ", 1) if ":" in line else line for line in NEW.splitlines()]
    text = "==============================\n      PyTorch Info\n==============================\n" + "\n".join(lines)
    machine = env(text)
    assert machine.driver.nvidia == "575.57.08"
    assert len(machine.gpus) == 2


@pytest.mark.parametrize(
    "prefix",
    ["2025-03-04 11:22:33,456 INFO ", "[2025-03-04 11:22:33] ", "2025-03-04T11:22:33.1234567Z ", "> ", "trainer-1  | "],
)
def test_log_prefixes_are_set_aside(prefix):
    text = "\n".join(prefix + line for line in NEW.splitlines())
    machine = env(text)
    assert machine.driver.nvidia == "575.57.08"
    assert torch_of(text).variant == "cu128"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("Nvidia driver", "\x1b[1;32mNvidia driver\x1b[0m"),
        lambda text: "```\n" + text + "```\n",
        lambda text: "<details>\n<summary>env</summary>\n\n" + text + "</details>",
    ],
)
def test_damage_of_transport(change):
    machine = env(change(NEW))
    assert machine.driver.nvidia == "575.57.08"
    assert len(machine.gpus) == 2


def test_truncated_report_keeps_what_it_has():
    text = NEW[: NEW.index("Nvidia driver")]
    machine = env(text)
    assert len(machine.gpus) == 2
    assert machine.driver is UNKNOWN


def test_rocm_report():
    text = """PyTorch version: 2.8.0+rocm6.4
Is debug build: False
CUDA used to build PyTorch: N/A
ROCM used to build PyTorch: 6.4.43482-0f2d60242
Is CUDA available: True
GPU models and configuration: AMD Instinct MI300X (gfx942:sramecc+:xnack-)
HIP runtime version: 6.4.43482
"""
    machine, torch = env(text), torch_of(text)
    assert (torch.variant, torch.cuda) == ("rocm6.4", None)
    assert (machine.gpus[0].vendor, machine.gpus[0].gfx, machine.gpus[0].name) == (
        "amd",
        "gfx942",
        "AMD Instinct MI300X",
    )
    assert machine.driver.rocm == "6.4.43482"


@pytest.mark.parametrize(
    ("line", "system", "version", "arch"),
    [
        ("OS: macOS 15.1 (arm64)", "macos", "15.1", "arm64"),
        ("OS: Mac OSX 10.15.7 (x86_64)", "macos", "10.15.7", "x86_64"),
        ("OS: Microsoft Windows 11 Pro (10.0.26100 64-bit)", "windows", "10.0.26100", UNKNOWN),
        ("OS: Microsoft Windows 10 Home", "windows", "10", UNKNOWN),
    ],
)
def test_systems(line, system, version, arch):
    machine = env(line + "\nIs debug build: False\nCUDA used to build PyTorch: None\n")
    assert (machine.os.system, machine.os.version, machine.arch) == (system, version, arch)


@pytest.mark.parametrize(
    ("value", "distro"),
    [
        ("CentOS Linux 7 (Core) (x86_64)", "centos 7"),
        ("Rocky Linux release 9.4 (Blue Onyx)", "rocky 9.4"),
        ("Red Hat Enterprise Linux 8.9 (Ootpa)", "rhel 8.9"),
        ("Amazon Linux 2023", "amzn 2023"),
        ("SUSE Linux Enterprise Server 15 SP5", "sles 15"),
        ("Arch Linux", "arch"),
    ],
)
def test_distributions(value, distro):
    assert env(f"OS: {value}\nIs debug build: False\nCUDA used to build PyTorch: None\n").os.distro == distro


def test_wsl_by_kernel():
    text = NEW.replace("6.8.0-45-generic", "5.15.167.4-microsoft-standard-WSL2")
    assert (env(text).os.wsl, env(text).os.wsl_version) == (True, 2)


def test_free_threaded_and_32_bit():
    text = NEW.replace("3.12.7 (main", "3.14.0 free-threading build (main").replace("64-bit runtime", "32-bit runtime")
    assert (env(text).python.free_threaded, env(text).python.bits) == (True, 32)


def test_variables_by_enumeration_only():
    text = NEW + "\nCUDA_VISIBLE_DEVICES=0,1\nNCCL_P2P_DISABLE=1\nCUDA_SECRET_TOKEN=abc\nAWS_SECRET_ACCESS_KEY=abc\n"
    assert env(text).env == {"CUDA_VISIBLE_DEVICES": "0,1", "NCCL_P2P_DISABLE": "1"}


def test_torch_that_cannot_be_imported():
    text = NEW.replace("PyTorch version: 2.9.1+cu128", "PyTorch version: N/A")
    assert any("could not be imported" in note for note in read(text).notes)


def test_a_rocm_build_lists_gpus_of_amd_alone():
    text = (
        "PyTorch version: 1.7.0a0+9ddd3df\nIs debug build: False\nCUDA used to build PyTorch: N/A\n"
        "ROCM used to build PyTorch: 3.7.20315\nIs CUDA available: True\nGPU models and configuration: Device 66a1\n"
    )
    assert [gpu.vendor for gpu in env(text).gpus] == ["amd"]
    assert [gpu.vendor for gpu in env(text.replace("3.7.20315", "N/A").replace("h: N/A\nR", "h: 10.2\nR")).gpus] == [
        "nvidia"
    ]
