from __future__ import annotations

import pytest

from envsetup.importers import read
from envsetup.model.maybe import UNKNOWN


def test_lspci():
    text = """00:02.0 VGA compatible controller [0300]: Intel Corporation UHD Graphics 630 [8086:3e92]
01:00.0 3D controller: NVIDIA Corporation GA107M [GeForce RTX 3050 Mobile] (rev a1)
\tSubsystem: Lenovo Device 3a5d
\tKernel driver in use: nouveau
01:00.1 Audio device: NVIDIA Corporation Device 2291
"""
    result = read(text)
    assert "lspci" in result.kinds
    intel, nvidia = result.machine.pci
    assert (intel.vendor_id, intel.device_id, intel.class_id) == ("8086", "3e92", "030000")
    assert (nvidia.vendor, nvidia.class_id, nvidia.driver) == ("nvidia", "030200", "nouveau")


def test_kernel_log():
    text = """[  812.345678] NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, name=python, GPU has fallen off the bus.
[  900.000001] INFO: task nvidia-smi:77 blocked for more than 120 seconds.
[  901.000001] usb 1-1: new high-speed USB device
"""
    result = read(text)
    assert "kernel log" in result.kinds
    assert [(e.kind, e.code) for e in result.machine.kernel_events] == [("xid", 79), ("hung-task", UNKNOWN)]
    assert "fallen off the bus" in result.error_text


def test_gpu_and_architectures_of_a_warning():
    text = """NVIDIA RTX PRO 6000 with CUDA capability sm_120 is not compatible with the current PyTorch installation.
The current PyTorch install supports CUDA capabilities sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90.
"""
    result = read(text)
    (gpu,) = result.machine.gpus
    assert (gpu.name, gpu.compute_capability) == ("NVIDIA RTX PRO 6000", "12.0")
    assert result.machine.environment.frameworks[0].arch_list[-1] == "sm_90"
    assert "gpus" not in result.weak


def test_a_capability_belongs_to_the_listed_card_of_that_name():
    text = """GPU 0: NVIDIA GeForce RTX 5080 (UUID: GPU-1)
NVIDIA GeForce RTX 5080 with CUDA capability sm_120 is not compatible with the current PyTorch installation.
"""
    (gpu,) = read(text).machine.gpus
    assert gpu.compute_capability == "12.0"


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("Found GPU0 Quadro K2000 which is of cuda capability 3.0.", "gpus", "3.0"),
        ("The NVIDIA driver on your system is too old (found version 11060).", "ceiling", "11.6"),
        ("The detected CUDA version (12.3) mismatches the version", "nvcc", "12.3"),
        ("kernel version 515.65.1 does not match DSO version 515.48.7", "module", "515.65.1"),
        (
            "API mismatch: the client has the version 550.90.07, but this kernel module has the version 550.54.15.",
            "module",
            "550.54.15",
        ),
        ("Linux version 5.10.16.3-microsoft-standard-WSL2 (oe-user@oe-host)", "wsl", True),
        ('File "C:\\Users\\me\\env\\lib\\site-packages\\torch\\__init__.py", line 1', "system", "windows"),
        ('File "/opt/env/lib/python3.11/site-packages/x.py", line 3, in y', "python", "3.11"),
        ("Python 3.10.6 (tags/v3.10.6:9c7b4bd) [MSC v.1932 32 bit (Intel)]", "bits", 32),
        ("command: 'c:\\python38-32\\python.exe' -u -c", "bits", 32),
        ("cuda_diagnostics.cc:198] kernel reported version is: 450.66.0", "module", "450.66.0"),
        ("Python 3.10.6 (tags/v3.10.6:9c7b4bd) [MSC v.1932 64 bit (AMD64)]", "system", "windows"),
    ],
)
def test_facts_in_messages(text, path, value):
    machine = read(text).machine
    looks = {
        "gpus": lambda: machine.gpus[0].compute_capability,
        "ceiling": lambda: machine.nvidia.cuda_ceiling,
        "nvcc": lambda: machine.cuda.nvcc_version,
        "module": lambda: machine.nvidia.module_version,
        "wsl": lambda: machine.os.wsl,
        "system": lambda: machine.os.system,
        "python": lambda: machine.python.version,
        "bits": lambda: machine.python.bits,
    }
    assert looks[path]() == value
