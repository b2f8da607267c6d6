from __future__ import annotations

from envsetup.importers import read
from envsetup.model.maybe import UNKNOWN

OLD = """
+-----------------------------------------------------------------------------+
| NVIDIA-SMI 440.33.01    Driver Version: 440.33.01    CUDA Version: 10.2     |
|-------------------------------+----------------------+----------------------+
| GPU  Name        Persistence-M| Bus-Id        Disp.A | Volatile Uncorr. ECC |
| Fan  Temp  Perf  Pwr:Usage/Cap|         Memory-Usage | GPU-Util  Compute M. |
|===============================+======================+======================|
|   0  GeForce RTX 208...  Off  | 00000000:17:00.0 Off |                  N/A |
| 27%   31C    P8    11W / 250W |    120MiB / 11019MiB |      0%      Default |
+-------------------------------+----------------------+----------------------+
|   1  Tesla V100-PCIE...  On   | 00000000:65:00.0 Off |                    2 |
| N/A   41C    P0    38W / 250W |  15000MiB / 16160MiB |     97%   E. Process |
+-------------------------------+----------------------+----------------------+
"""
NEW = """
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 590.44.01              Driver Version: 590.44.01      CUDA Version: 13.1     |
|-----------------------------------------+------------------------+----------------------+
| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |
|                                         |                        |               MIG M. |
|=========================================+========================+======================|
|   0  NVIDIA H200                    On  |   00000000:0F:00.0 Off |                    0 |
| N/A   33C    P0             76W /  700W |    1024MiB / 143771MiB |      3%      Default |
|                                         |                        |              Enabled |
+-----------------------------------------+------------------------+----------------------+
+-----------------------------------------------------------------------------------------+
| MIG devices:                                                                            |
|  0    7   0   0  |              28MiB / 16384MiB    | 16      0 |  1   0    1    0    1 |
|  0    8   0   1  |              28MiB / 16384MiB    | 16      0 |  1   0    1    0    1 |
+-----------------------------------------------------------------------------------------+
| Processes:                                                                              |
|    0   N/A  N/A           42117      C   /home/someone/env/bin/python           1000MiB |
+-----------------------------------------------------------------------------------------+
"""
LIST = """$ nvidia-smi -L
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-00000000-1111-2222-3333-444444444444)
  MIG 3g.20gb     Device  0: (UUID: MIG-00000000-1111-2222-3333-444444444444)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-00000000-1111-2222-3333-555555555555)
"""
QUERY = """==============NVSMI LOG==============

Timestamp                                 : Mon Mar  3 10:00:00 2025
Driver Version                            : 570.86.15
CUDA Version                              : 12.8

Attached GPUs                             : 1
GPU 00000000:3B:00.0
    Product Name                          : NVIDIA A100-PCIE-80GB
    Persistence Mode                      : Enabled
    MIG Mode
        Current                           : Disabled
        Pending                           : Disabled
    GPU Virtualization Mode
        Virtualization Mode               : Pass-Through
    Clocks Event Reasons
        Idle                              : Not Active
        HW Thermal Slowdown               : Active
        SW Power Cap                      : Not Active
    FB Memory Usage
        Total                             : 81920 MiB
        Used                              : 512 MiB
    Compute Mode                          : Exclusive_Process
    ECC Mode
        Current                           : Enabled
        Pending                           : Disabled
    ECC Errors
        Volatile
            SRAM Uncorrectable            : 1
            DRAM Uncorrectable            : 2
    Remapped Rows
        Pending                           : Yes
        Remapping Failure Occurred        : No
"""


def test_old_table():
    machine = read(OLD).machine
    assert (machine.driver.nvidia, machine.nvidia.cuda_ceiling) == ("440.33.01", "10.2")
    first, second = machine.gpus
    assert (first.name, first.memory_mib, first.compute_mode, first.ecc_mode) == (
        "GeForce RTX 208...",
        11019,
        "default",
        None,
    )
    assert (second.ecc_mode, second.ecc_uncorrected_volatile, second.compute_mode) == ("enabled", 2, "exclusive")
    assert second.persistence_mode is True


def test_cuda_version_of_the_table_is_no_toolkit():
    assert read(OLD).machine.cuda is UNKNOWN


def test_new_table_with_mig_and_processes():
    (gpu,) = read(NEW).machine.gpus
    assert (gpu.name, gpu.mig_mode, gpu.mig_instances, gpu.memory_mib) == ("NVIDIA H200", "enabled", 2, 143771)
    assert [(p.pid, p.name, p.memory_mib) for p in gpu.processes] == [(42117, "python", 1000)]


def test_pieces_of_a_table():
    machine = read(
        "| NVIDIA-SMI 410.72   Driver Version: 410.72   CUDA Version: 10.0 |\n|   0  Quadro P4000 |\n"
    ).machine
    assert (machine.driver.nvidia, machine.gpus[0].name) == ("410.72", "Quadro P4000")


def test_a_cut_name_is_completed_by_a_list():
    text = OLD + "GPU 0: GeForce RTX 2080 Ti (UUID: GPU-x)\n"
    assert read(text).machine.gpus[0].name == "GeForce RTX 2080 Ti"


def test_header_without_ceiling_and_with_error():
    text = NEW.replace("CUDA Version: 13.1", "CUDA Version: ERR!")
    assert read(text).machine.nvidia.cuda_ceiling is UNKNOWN


def test_list():
    result = read(LIST)
    assert "nvidia-smi -L" in result.kinds
    first, second = result.machine.gpus
    assert (first.mig_instances, second.mig_instances) == (1, UNKNOWN)
    assert "UUID" not in result.error_text


def test_query():
    result = read(QUERY)
    machine = result.machine
    assert "nvidia-smi -q" in result.kinds
    (gpu,) = machine.gpus
    assert (machine.driver.nvidia, machine.nvidia.cuda_ceiling) == ("570.86.15", "12.8")
    assert (gpu.name, gpu.memory_mib, gpu.compute_mode) == ("NVIDIA A100-PCIE-80GB", 81920, "exclusive")
    assert (gpu.ecc_mode, gpu.ecc_mode_pending, gpu.ecc_uncorrected_volatile) == ("enabled", "disabled", 3)
    assert (gpu.remapped_rows_pending, gpu.remapped_rows_failure) == (True, False)
    assert (gpu.throttle_reasons, gpu.virtualization, gpu.mig_mode) == (["hw-thermal"], "passthrough", "disabled")
    assert gpu.mig_mode_pending == "disabled"


def test_failed_smi_is_an_error_with_its_text():
    machine = read("$ nvidia-smi\nFailed to initialize NVML: Driver/library version mismatch\n").machine
    assert machine.nvidia.smi == "error"
    assert "mismatch" in machine.nvidia.smi_text
