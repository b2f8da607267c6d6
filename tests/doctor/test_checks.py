"""Every check: a machine on which it speaks, and machines, its trap among them, on which it must not."""

from __future__ import annotations

import pytest
from described import AMD, AMD_CARD, CARD, GPU, LINUX, NODES, NVIDIA, environment, gpu, machine, torch
from tried_machines import TABLE as TRIED

from envsetup.doctor.case import Case
from envsetup.doctor.catalogue import entries
from envsetup.doctor.checks import CHECKS
from envsetup.doctor.examine import ask

CONTAINER = {"container": {"runtime": "docker", "evidence": "/.dockerenv"}}
WSL = {"os": {"wsl": True, "kernel": "5.15.153.1-microsoft-standard-WSL2"}}
NO_NVML = {"nvidia": {"nvml": {"status": "missing"}}}
BARE_CARD = {**CARD, "driver": None}
NO_DRIVER = {"pci": [BARE_CARD], "nvidia": {"library_version": None}}
XID = {"kind": "xid", "text": "NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus.", "code": 79}
XPU = [LINUX, {"gpus": [{"vendor": "intel", "name": "Intel Arc A770"}]}, torch("2.13.0", "xpu")]
LIBRARY = {"soname": "libcublas.so.12", "path": "/usr/local/cuda-12.1/lib64/libcublas.so.12"}
BUNDLED = {"bundled": [{"soname": "libcublas.so.12", "package": "nvidia-cublas-cu12"}]}
APU = {"gpus": [{"vendor": "amd", "name": "AMD Radeon Graphics", "gfx": "gfx1036"}]}
SAW_NONE = {"name": "torch", "version": "2.14.1", "cuda_available": False}
REQUIRES = {"requires": {"torch": ["nvidia-cudnn-cu13==9.20.0.48; platform_system == 'Linux'", "triton==3.7.0"]}}


def libraries(path, soname="libcuda.so.1"):
    return {"cuda": {"libraries": [{"soname": soname, "path": path}]}}


def nodes(**facts):
    return {"nvidia": {"device_nodes": [{**node, **facts} for node in NODES]}}


def disk(**facts):
    return {"disks": [{"role": "target", "path": "/home/u", "free_mib": 500000, "total_mib": 900000, **facts}]}


def events(kind, text, **facts):
    return {"kernel_events": [{"kind": kind, "text": text, **facts}]}


def cache_disk(**facts):
    return {"disks": [{"role": "cache", "path": "/home/u/.cache", "total_mib": 900000, "free_mib": 500000, **facts}]}


def cudnn(version):
    path = f"/usr/lib/x86_64-linux-gnu/libcudnn.so.{version}"
    return {"cuda": {"cudnn": [{"soname": "libcudnn.so.9", "path": path, "version": version}]}}


def rdma(*states):
    return {"rdma": [{"device": "mlx5_0", "port": n + 1, "state": state} for n, state in enumerate(states)]}


def kernel(program, where="environment", **facts):
    spec = {"name": "python3", "where": where, "program": program, **facts}
    return environment(kernelspecs=[spec])


NO_LOG = {name: fact for name, fact in LINUX.items() if name != "kernel_events"}
TWO_GPUS = {"gpus": [GPU, {**GPU, "index": 1}]}
B200 = [*gpu(name="NVIDIA B200", compute_capability="10.0"), {"driver": {"nvidia": "570.133.20"}}]
INTEL_CARD = {"address": "0000:00:02.0", "vendor_id": "8086", "device_id": "a7a0", "class_id": "030000"}
LAPTOP_OFF = [
    LINUX,
    NVIDIA,
    {"pci": [INTEL_CARD, {**CARD, "power_state": "D3cold"}], "gpus": [], "nvidia": {"nvml": {"status": "error"}}},
]
WINDOWS_GPU = {"os": {"system": "windows"}, "arch": "x86_64", "gpus": [{"vendor": "nvidia", "name": "RTX 3060"}]}
SAW_NO_GPU = {"name": "torch", "version": "2.6.0", "variant": "cu126", "cuda": "12.6", "cuda_available": False}
# check id: (code, machine on which it speaks, machines on which it is silent); the first silent one is the trap.
TABLE = {
    "gpu-fallen-off-bus": ("gpu-fallen-off-bus", gpu(error="GPU is lost"), [gpu(error="Not Supported"), gpu()]),
    "ecc-uncorrectable": (
        "ecc-uncorrectable",
        gpu(ecc_uncorrected_volatile=3),
        [gpu(ecc_uncorrected_volatile=0, ecc_uncorrected_aggregate=7), gpu()],
    ),
    "row-remap-pending": ("row-remap-pending", gpu(remapped_rows_pending=True), [gpu(remapped_rows_pending=False)]),
    "row-remap-failure": ("row-remap-failure", gpu(remapped_rows_failure=True), [gpu(remapped_rows_pending=True)]),
    "thermal-throttle": (
        "thermal-throttle",
        gpu(throttle_reasons=["sw-thermal"], utilization_pct=98, temperature_c=89),
        [gpu(throttle_reasons=["sw-thermal"], utilization_pct=0), gpu(throttle_reasons=["idle"])],
    ),
    "power-brake-or-cap": (
        "power-brake-or-cap",
        gpu(throttle_reasons=["hw-power-brake"]),
        [gpu(throttle_reasons=["sw-power-cap"], utilization_pct=100)],
    ),
    "pcie-link-degraded": (
        "pcie-link-degraded",
        gpu(pcie_width=1, pcie_width_max=16),
        [gpu(pcie_width=16, pcie_width_max=16, pcie_gen=1, pcie_gen_max=4), gpu(pcie_width=8, pcie_width_max=16)],
    ),
    "compute-mode": ("compute-mode-prohibited", gpu(compute_mode="prohibited"), [gpu(compute_mode="default")]),
    "mig-enabled-no-instance": (
        "mig-enabled-no-instance",
        gpu(mig_mode="enabled", mig_instances=0),
        [gpu(mig_mode="enabled", mig_instances=7), gpu(mig_mode="disabled", mig_instances=0), gpu(mig_mode="enabled")],
    ),
    "ecc-mode-pending": (
        "ecc-mode-pending",
        gpu(ecc_mode="disabled", ecc_mode_pending="enabled"),
        [gpu(ecc_mode="enabled", ecc_mode_pending="enabled"), gpu(ecc_mode=None)],
    ),
    "low-vram": ("low-vram", gpu(memory_mib=2048), [gpu(memory_mib=2048, mig_instances=7), gpu(memory_mib=8192)]),
    "zombie-gpu-process": (
        "zombie-gpu-process",
        gpu(memory_used_mib=9000, memory_mib=24000, processes=[]),
        [[*gpu(memory_used_mib=9000, processes=[]), CONTAINER], gpu(memory_used_mib=9000, processes=[{"pid": 7}])],
    ),
    "vram-held-by-other-processes": (
        "vram-held-by-other-processes",
        gpu(memory_used_mib=23000, memory_mib=24000, processes=[{"pid": 7, "name": "python"}]),
        [gpu(memory_used_mib=600, memory_mib=24000, processes=[{"pid": 7, "name": "Xorg"}])],
    ),
    "persistence-mode-off": (
        "persistence-mode-off",
        gpu(persistence_mode=False),
        [[*gpu(persistence_mode=False), WSL], gpu(persistence_mode=True)],
    ),
    "fabric-manager-not-running": (
        "fabric-manager-not-running",
        [LINUX, NVIDIA, {"nvidia": {"nvswitches": 4, "fabric_manager": "stopped"}}],
        [
            [LINUX, NVIDIA, {"nvidia": {"nvswitches": 0, "fabric_manager": "stopped"}}],
            [LINUX, NVIDIA, {"nvidia": {"nvswitches": 4, "fabric_manager": "running"}}],
        ],
    ),
    "gpu-count-lower-than-pci": (
        "gpu-count-lower-than-pci",
        [LINUX, NVIDIA, {"pci": [CARD, {**CARD, "address": "0000:02:00.0"}]}],
        [
            [LINUX, NVIDIA, {"pci": [CARD, {**CARD, "address": "0000:01:00.1", "class_id": "040300"}]}],
            [LINUX, NVIDIA, {"pci": [CARD, {**CARD, "address": "0000:02:00.0", "driver": "vfio-pci"}]}],
        ],
    ),
    "nvidia-smi-hangs": (
        "nvidia-smi-hangs",
        [LINUX, NVIDIA, {"nvidia": {"nvml": {"status": "timeout", "ms": 4700}}}],
        [[LINUX, NVIDIA, {"nvidia": {"nvml": {"status": "ok", "ms": 4700}}}], [LINUX]],
    ),
    "nouveau-loaded": (
        "nouveau-loaded",
        [LINUX, {"pci": [{**CARD, "driver": "nouveau"}]}],
        [[LINUX, NVIDIA, {"pci": [CARD, {**CARD, "address": "0000:02:00.0", "driver": "nouveau"}]}], [LINUX, NVIDIA]],
    ),
    "gpu-bound-to-other-driver": (
        "gpu-bound-to-other-driver",
        [LINUX, {"pci": [{**CARD, "driver": "vfio-pci"}]}],
        [[LINUX, NVIDIA, {"pci": [CARD, {**CARD, "address": "0000:02:00.0", "driver": "vfio-pci"}]}]],
    ),
    "driver-not-installed": (
        "driver-not-installed",
        [LINUX, NO_DRIVER],
        [[LINUX, NO_DRIVER, CONTAINER], [LINUX, NO_DRIVER, WSL], [LINUX], [LINUX, NVIDIA]],
    ),
    "driver-library-version-mismatch": (
        "driver-library-version-mismatch",
        [LINUX, NVIDIA, {"nvidia": {"library_version": "580.105.08", "nvml": {"status": "error"}}}],
        [
            [LINUX, NVIDIA, {"nvidia": {"library_version": "580.105.08"}}],  # NVML answers: it has the right one
            [LINUX, NVIDIA, {"nvidia": {"nvml": {"status": "error", "error": "Unknown Error"}}}],
        ],
    ),
    "device-nodes-missing": (
        "device-nodes-missing",
        [LINUX, NVIDIA, nodes(exists=False), NO_NVML],
        [
            [LINUX, NVIDIA, nodes(exists=False)],  # made at the first use: NVML answers
            [LINUX, NVIDIA, nodes(exists=False), NO_NVML, CONTAINER],
            [LINUX, NVIDIA],
        ],
    ),
    "device-node-permission": (
        "device-node-permission",
        [LINUX, NVIDIA, nodes(readable=False, group="video", mode="0660")],
        [
            [LINUX, NVIDIA, {"nvidia": {"device_nodes": [*NODES, {"path": "/dev/nvidia1", "readable": False}]}}],
            [LINUX, NVIDIA],
        ],
    ),
    "uvm-not-loaded": (
        "uvm-not-loaded",
        [LINUX, NVIDIA, {"nvidia": {"modules": ["nvidia"], "modprobe_setuid": False}}],
        [
            [LINUX, NVIDIA, {"nvidia": {"modules": ["nvidia"], "modprobe_setuid": True}}],
            [LINUX, NVIDIA],
        ],
    ),
    "xid": (
        "gpu-fallen-off-bus",
        [LINUX, NVIDIA, {"kernel_events": [XID], "nvidia": {"nvml": {"status": "error"}}}],
        [[LINUX, NVIDIA, events("xid", "NVRM: Xid: 9999", code=9999)], [LINUX, NVIDIA]],
    ),
    "nvrm": (
        "open-module-required",
        [
            LINUX,
            NVIDIA,
            NO_NVML,
            events("nvrm", "NVRM: GPU 0000:01:00.0 requires use of the NVIDIA open kernel modules."),
        ],
        [[LINUX, NVIDIA, events("nvrm", "NVRM: requires use of the NVIDIA open kernel modules.")]],
    ),
    "secure-boot-blocks-module": (
        "secure-boot-blocks-module",
        [LINUX, NO_DRIVER, events("secure-boot", "Lockdown: modprobe: unsigned module loading is restricted")],
        [
            [LINUX, NO_DRIVER, events("secure-boot", "nvidia: module verification failed: tainting kernel")],
            [LINUX, NVIDIA, events("secure-boot", "Lockdown: modprobe: unsigned module loading is restricted")],
        ],
    ),
    "kernel-hung-tasks": (
        "kernel-hung-tasks",
        [LINUX, events("hung-task", "INFO: task python:7 blocked for more than 122 seconds")],
        [[LINUX, events("oom", "Out of memory")]],
    ),
    "oom-killed": ("low-ram", [LINUX, events("oom", "Out of memory: Killed process 7")], [[LINUX]]),
    "container-no-gpu": (
        "container-no-gpu",
        [LINUX, CONTAINER, {"pci": [CARD]}, torch()],
        [
            [LINUX, CONTAINER, torch("2.14.1", "cpu")],
            [LINUX, CONTAINER, NVIDIA, torch()],
            [LINUX, {"pci": [CARD]}, torch()],
        ],
    ),
    "container-lost-gpu-cgroup": (
        "container-lost-gpu-cgroup",
        [LINUX, NVIDIA, CONTAINER, {"nvidia": {"nvml": {"status": "error", "error": "Unknown Error"}}}],
        [[LINUX, NVIDIA, {"nvidia": {"nvml": {"status": "error", "error": "Unknown Error"}}}]],
    ),
    "container-driver-caps": (
        "container-driver-caps",
        [LINUX, CONTAINER, {"env": {"NVIDIA_DRIVER_CAPABILITIES": "utility"}}],
        [
            [LINUX, CONTAINER, {"env": {"NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}}],
            [LINUX, CONTAINER],
        ],
    ),
    "shm-too-small": (
        "shm-too-small",
        [LINUX, CONTAINER, {"limits": {"shm_total_mib": 64}}],
        [[LINUX, {"limits": {"shm_total_mib": 512}}], [LINUX, CONTAINER]],
    ),
    "wsl-no-gpu-device": (
        "wsl-no-gpu-device",
        [LINUX, WSL, torch()],
        [[LINUX, WSL, {"nvidia": {"device_nodes": [{"path": "/dev/dxg"}]}}], [LINUX]],
    ),
    "wsl-kernel-too-old": (
        "wsl-kernel-too-old",
        [LINUX, WSL, {"os": {"kernel": "5.4.72-microsoft-standard-WSL2"}}, torch()],
        [[LINUX, WSL, torch()], [LINUX, {"os": {"kernel": "5.4.0"}}, torch()]],
    ),
    "wsl-nvml-limits": ("wsl-nvml-limits", [LINUX, WSL, {"gpus": [GPU]}], [[LINUX, NVIDIA]]),
    "rocm-module-missing": (
        "rocm-module-missing",
        [LINUX, {"pci": [AMD_CARD]}, torch("2.13.0", "rocm7.1")],
        [[LINUX, AMD], [LINUX]],
    ),
    "rocm-no-kfd-permission": (
        "rocm-no-kfd-permission",
        [LINUX, AMD, {"amd": {"kfd": {"path": "/dev/kfd", "readable": False}}}, torch("2.13.0", "rocm7.1")],
        [[LINUX, AMD, torch("2.13.0", "rocm7.1")]],
    ),
    "rocm-gfx-unsupported": (
        "rocm-gfx-unsupported",
        [
            LINUX,
            AMD,
            {"gpus": [{"vendor": "amd", "name": "old", "gfx": "gfx803"}]},
            torch(
                "2.13.0",
                "rocm7.1",
                frameworks=[
                    {
                        "name": "torch",
                        "version": "2.13.0",
                        "variant": "rocm7.1",
                        "hip": "7.1",
                        "arch_list": ["gfx90a", "gfx1100"],
                    }
                ],
            ),
        ],
        [
            [
                LINUX,
                AMD,
                {
                    "gpus": [{"vendor": "amd", "name": "old", "gfx": "gfx1032"}],
                    "env": {"HSA_OVERRIDE_GFX_VERSION": "10.3.0"},
                },
                torch("2.13.0", "rocm7.1"),
            ],
            [LINUX, AMD, torch("2.13.0", "rocm7.1")],
        ],
    ),
    "rocm-on-wsl": (
        "rocm-gfx-unsupported",
        [LINUX, WSL, {"gpus": [{"vendor": "amd", "name": "AMD Radeon RX 6800 XT"}]}, torch("2.13.0", "rocm7.1")],
        [[LINUX, WSL, AMD, torch("2.13.0", "rocm7.1")], [LINUX, AMD, torch("2.13.0", "rocm7.1")]],
    ),
    "xpu-driver": (
        "xpu-driver-missing",
        [*XPU, {"intel": {"level_zero": None}}],
        [[*XPU, {"intel": {"level_zero": "1.21"}}], [LINUX, {"intel": {"level_zero": None}}, torch()]],
    ),
    "driver-too-old-for-cuda": (
        "driver-too-old-for-cuda",
        [LINUX, NVIDIA, {"driver": {"nvidia": "550.54.14"}}, torch("2.14.1", "cu130")],
        [
            [LINUX, NVIDIA, {"driver": {"nvidia": "525.60.13"}}, torch("2.14.1", "cu126")],  # minor-version compatible
            [LINUX, NVIDIA, {"driver": {"nvidia": "450.80.02"}}, torch("2.4.1", "cu118")],
            [LINUX, NVIDIA, torch("2.14.1", "cu126")],
        ],
    ),
    "driver-branch-dropped-gpu": (
        "driver-branch-dropped-gpu",
        [
            *gpu(name="NVIDIA GeForce GTX 1080 Ti", compute_capability="6.1"),
            {"driver": {"nvidia": "595.58.03"}},
            NO_NVML,
        ],
        [
            [*gpu(name="NVIDIA GeForce GTX 1080 Ti", compute_capability="6.1"), NO_NVML],
            [*gpu(compute_capability="6.1"), {"driver": {"nvidia": "595.58.03"}}],  # NVML answers: it does drive it
        ],
    ),
    "gpu-arch": (
        "gpu-arch-too-new-for-wheel",
        [*gpu(name="NVIDIA GeForce RTX 5090", compute_capability="12.0"), torch("2.6.0", "cu124")],
        [
            [LINUX, NVIDIA, torch("2.14.1", "cu130")],  # sm_86 code serves 8.9
            [*gpu(compute_capability="12.1"), torch("2.14.1", "cu130")],  # and sm_120 code 12.1
            [*gpu(compute_capability="6.1"), torch("2.14.1", "cu126")],
        ],
    ),
    "report-without-driver": (
        "container-no-gpu",
        [CONTAINER, torch(frameworks=[SAW_NO_GPU]), {"driver": {"nvidia": None}}],
        [
            [
                CONTAINER,
                torch(frameworks=[{**SAW_NO_GPU, "variant": "cpu", "cuda": None}]),
                {"driver": {"nvidia": None}},
            ],
            [CONTAINER, torch(frameworks=[SAW_NO_GPU]), {"driver": {"nvidia": "580.95.05"}}],
            [CONTAINER, torch(frameworks=[SAW_NO_GPU])],  # nobody looked for the driver
            [torch(frameworks=[SAW_NO_GPU]), {"driver": {"nvidia": None}}],  # nothing says that a GPU should be here
        ],
    ),
    "windows-cpu-wheel-default": (
        "windows-cpu-wheel-default",
        [WINDOWS_GPU, torch(frameworks=[{"name": "torch", "version": "2.6.0", "cuda_available": False}])],
        [
            [WINDOWS_GPU, torch(frameworks=[{"name": "torch", "version": "2.6.0"}])],  # nobody asked it
            [WINDOWS_GPU, torch(frameworks=[{"name": "torch", "version": "2.6.0", "cuda": "12.6"}])],
            [*gpu(), torch(frameworks=[{"name": "torch", "version": "2.6.0", "cuda_available": False}])],
        ],
    ),
    "framework-sees-no-gpu": (
        "uvm-not-loaded",
        [LINUX, NVIDIA, torch(frameworks=[{**SAW_NONE, "variant": "cu126", "cuda": "12.6"}])],
        [
            [LINUX, NVIDIA, torch(frameworks=[{**SAW_NONE, "variant": "cpu", "cuda": None}])],
            [LINUX, NVIDIA, {"env": {"CUDA_VISIBLE_DEVICES": ""}}, torch(frameworks=[{**SAW_NONE, "cuda": "12.6"}])],
            [LINUX, NVIDIA, torch()],
        ],
    ),
    "ld-library-path-shadows-cuda": (
        "ld-library-path-shadows-cuda",
        [LINUX, NVIDIA, {"cuda": {"ld_library_path_libraries": [LIBRARY]}}, torch(**BUNDLED)],
        [
            [
                LINUX,
                NVIDIA,
                {
                    "cuda": {
                        "ld_library_path_libraries": [
                            {
                                **LIBRARY,
                                "path": "/home/u/.venv/lib/python3.12/site-packages/nvidia/cublas/lib/libcublas.so.12",
                            }
                        ]
                    }
                },
                torch(**BUNDLED),
            ],
            [LINUX, NVIDIA, {"cuda": {"ld_library_path_libraries": [LIBRARY]}}, torch()],
        ],
    ),
    "libcuda-stub-shadow": (
        "libcuda-stub-shadow",
        [LINUX, NVIDIA, libraries("/usr/local/cuda/lib64/stubs/libcuda.so.1")],
        [
            [LINUX, NVIDIA, libraries("/usr/local/cuda/lib64/stubs/libcuda.so", "libcuda.so")],
            [LINUX, NVIDIA, libraries("/usr/lib/x86_64-linux-gnu/libcuda.so.1")],
        ],
    ),
    "cuda-compat-wrongly-used": (
        "cuda-compat-wrongly-used",
        [LINUX, NVIDIA, libraries("/usr/local/cuda-13.0/compat/libcuda.so.1")],
        [
            [
                *gpu(name="NVIDIA A100-SXM4-80GB", compute_capability="8.0"),
                libraries("/usr/local/cuda-13.0/compat/libcuda.so.1"),
            ],
            [LINUX, NVIDIA, libraries("/usr/lib/x86_64-linux-gnu/libcuda.so.1")],
        ],
    ),
    "mixed-driver-installs": (
        "mixed-driver-installs",
        [LINUX, NVIDIA, NO_NVML, {"nvidia": {"library_versions": ["580.95.05", "550.54.14"]}}],
        [[LINUX, NVIDIA, CONTAINER, {"nvidia": {"library_versions": ["580.95.05", "550.54.14"]}}], [LINUX, NVIDIA]],
    ),
    "nvcc-torch-cuda-mismatch": (
        "nvcc-torch-cuda-mismatch",
        [LINUX, NVIDIA, {"cuda": {"nvcc_version": "11.8"}}, torch("2.14.1", "cu130")],
        [[LINUX, NVIDIA, {"cuda": {"nvcc_version": "13.2"}}, torch("2.14.1", "cu130")], [LINUX, NVIDIA, torch()]],
    ),
    "wsl-linux-driver-installed": (
        "wsl-linux-driver-installed",
        [LINUX, WSL, libraries("/usr/lib/x86_64-linux-gnu/libcuda.so.1")],
        [[LINUX, WSL, libraries("/usr/lib/wsl/lib/libcuda.so.1")]],
    ),
    "glibc-too-old": (
        "glibc-too-old",
        [LINUX, {"libc": {"version": "2.17"}}, torch("2.14.1", "cu126")],
        [
            [LINUX, {"libc": {"version": "2.17"}}, torch("2.14.1", "cu126", installer={"torch": "conda"})],
            [LINUX, {"libc": {"version": "2.17"}}, torch("2.5.1", "cu118")],
            [LINUX, torch()],
        ],
    ),
    "musl-libc": ("musl-libc", [LINUX, {"libc": {"name": "musl", "version": "1.2.5"}}], [[LINUX]]),
    "cpu-no-avx": (
        "cpu-no-avx",
        [LINUX, {"cpu": {"flags": ["sse4_2"]}}],
        [[LINUX, {"arch": "aarch64", "cpu": {"flags": ["asimd"]}}], [LINUX]],
    ),
    "cpu-arch-no-wheel": (
        "cpu-arch-no-wheel",
        [LINUX, {"arch": "riscv64"}],
        [[LINUX, {"arch": "aarch64"}], [LINUX]],
    ),
    "cpu-threads-restricted": (
        "cpu-threads-restricted",
        [LINUX, {"env": {"OMP_NUM_THREADS": "1"}}],
        [[LINUX, {"env": {"OMP_NUM_THREADS": "1", "TORCHELASTIC_RUN_ID": "x"}}], [LINUX]],
    ),
    "jetson-generic-wheel": (
        "jetson-generic-wheel",
        [
            LINUX,
            {"tegra": "36.4.0", "arch": "aarch64"},
            environment(frameworks=[{"name": "torch", "version": "2.8.0", "cuda_available": False}]),
        ],
        [
            [
                LINUX,
                {"arch": "aarch64", "tegra": None},
                environment(frameworks=[{"name": "torch", "version": "2.8.0", "cuda_available": False}]),
            ]
        ],
    ),
    "python-unsupported": (
        "python-unsupported",
        [LINUX, environment(python={"version": "3.19.0"})],
        [
            [LINUX, torch("2.4.1", "cu121", python={"version": "3.8.1"}, installer={"torch": "pip"})],
            [LINUX, environment(python={"version": "3.10.1"})],
        ],
    ),
    "python-32bit": (
        "python-32bit",
        [LINUX, environment(python={"version": "3.12.1", "bits": 32})],
        [[LINUX, environment(python={"version": "3.12.1", "bits": 64})]],
    ),
    "python-arch-emulated": (
        "python-arch-emulated",
        [{"os": {"system": "macos"}, "arch": "arm64"}, environment(python={"version": "3.12.1", "arch": "x86_64"})],
        [[{"os": {"system": "macos"}, "arch": "arm64"}, environment(python={"version": "3.12.1", "arch": "arm64"})]],
    ),
    "broken-venv": (
        "broken-venv",
        [LINUX, environment(problems=["its base Python is gone: /opt/py does not exist"])],
        [[LINUX, environment(packages={"torch": "2.14.1"})]],  # an environment without pip is not broken
    ),
    "pythonpath-shadow": (
        "pythonpath-shadow",
        [LINUX, {"env": {"PYTHONPATH": "/usr/lib/python3/dist-packages"}}, torch()],
        [[LINUX, {"env": {"PYTHONPATH": "/home/u/ros/src"}}, torch()], [LINUX, torch()]],
    ),
    "conda-pytorch-channel-dead": (
        "conda-pytorch-channel-dead",
        [LINUX, environment(kind="conda", conda_packages={"pytorch": "2.5.1 py3.12_cuda12.1", "pytorch-mutex": "1 0"})],
        [[LINUX, environment(kind="conda", conda_packages={"pytorch": "2.7.1 cuda126_generic"})]],
    ),
    "cpu-wheel-on-gpu-machine": (
        "cpu-wheel-on-gpu-machine",
        [LINUX, NVIDIA, torch("2.13.0", "cpu")],
        [
            [LINUX, torch("2.13.0", "cpu")],
            [LINUX, AMD, APU, torch("2.13.0", "cpu")],
            [*gpu(name="NVIDIA GeForce GT 710", compute_capability="3.5"), torch("2.13.0", "cpu")],
            [LINUX, NVIDIA, torch("2.13.0", "cu130")],
        ],
    ),
    "wrong-accelerator-build": (
        "wrong-accelerator-build",
        [LINUX, AMD, torch("2.13.0", "cu130")],
        [
            [LINUX, AMD, APU, torch("2.13.0", "cu130")],
            [LINUX, AMD, {"pci": [AMD_CARD, CARD]}, torch("2.13.0", "cu130")],
            [LINUX, AMD, torch("2.13.0", "rocm7.1")],
        ],
    ),
    "no-supported-gpu": (
        "no-supported-gpu",
        [LINUX, torch("2.13.0", "cu130")],
        [[LINUX, torch("2.13.0", "cpu")], [LINUX, NVIDIA, torch("2.13.0", "cu130")]],
    ),
    "xpu-wheel-is-cpu": (
        "xpu-wheel-is-cpu",
        [LINUX, {"gpus": [{"vendor": "intel", "name": "Intel Arc A770"}]}, torch("2.13.0", "cpu")],
        [
            [LINUX, {"gpus": [{"vendor": "intel", "name": "Intel UHD Graphics 770"}]}, torch("2.13.0", "cpu")],
            XPU,
            [LINUX, torch("2.13.0", "cpu")],
        ],
    ),
    "torchvision-torch-mismatch": (
        "torchvision-torch-mismatch",
        [LINUX, torch("2.6.0", "cu124", packages={"torch": "2.6.0+cu124", "torchvision": "0.19.1"})],
        [
            [
                LINUX,
                torch(
                    "2.9.0.dev20260801", "cu130", packages={"torch": "2.9.0.dev20260801", "torchvision": "0.19.0.dev1"}
                ),
            ],
            [LINUX, torch("2.6.0", "cu124", packages={"torch": "2.6.0", "torchvision": "0.21.0"})],
            [LINUX, torch("2.15.0", "cu132", packages={"torch": "2.15.0", "torchvision": "0.29.1"})],
        ],
    ),
    "numpy2-abi-break": (
        "numpy2-abi-break",
        [LINUX, torch("2.2.2", "cu121", packages={"torch": "2.2.2", "numpy": "2.1.0"})],
        [
            [LINUX, torch("2.3.0", "cu121", packages={"torch": "2.3.0", "numpy": "2.1.0"})],
            [LINUX, torch("2.2.2", "cu121", packages={"torch": "2.2.2", "numpy": "1.26.4"})],
        ],
    ),
    "duplicate-distributions": (
        "duplicate-distributions",
        [LINUX, environment(duplicates={"torch": ["2.6.0", "2.7.0"]})],
        [[LINUX, environment(duplicates={})]],
    ),
    "nvidia-pip-inconsistent": (
        "nvidia-pip-inconsistent",
        [LINUX, torch(**REQUIRES, packages={"nvidia-cudnn-cu13": "9.13.0.50"})],
        [
            [LINUX, torch(**REQUIRES, packages={"nvidia-cudnn-cu13": "9.20.0.48", "nvidia-cudnn-cu12": "9.1.0.70"})],
            [LINUX, torch(**REQUIRES, packages={"nvidia-cudnn-cu13": "9.20.1.2"})],  # a later fix of the same release
        ],
    ),
    "conda-pip-mix": (
        "conda-pip-mix",
        [LINUX, environment(kind="conda", conda_packages={"numpy": "1.26 x"}, installer={"numpy": "pip"})],
        [[LINUX, environment(kind="conda", conda_packages={"numpy": "1.26 x"}, installer={"einops": "pip"})]],
    ),
    "protobuf-incompatible": (
        "protobuf-incompatible",
        [LINUX, environment(packages={"tensorflow": "2.21.0", "protobuf": "8.1.0"})],
        [[LINUX, environment(packages={"tensorflow": "2.21.0", "protobuf": "6.32.0"})]],
    ),
    "triton-missing-or-mismatched": (
        "triton-missing-or-mismatched",
        [LINUX, torch(**REQUIRES, packages={"triton": "3.2.0"})],
        [[LINUX, torch("2.14.1", "cpu", **REQUIRES)], [LINUX, torch(**REQUIRES, packages={"triton": "3.7.0"})]],
    ),
    "jax-cpu-only": (
        "jax-cpu-only",
        [LINUX, NVIDIA, environment(packages={"jax": "0.8.0", "jaxlib": "0.8.0"})],
        [
            [LINUX, NVIDIA, environment(packages={"jax": "0.8.0", "jax-cuda12-plugin": "0.8.0"})],
            [LINUX, environment(packages={"jax": "0.8.0", "jaxlib": "0.8.0"})],
        ],
    ),
    "jax-plugin-version-mismatch": (
        "jax-plugin-version-mismatch",
        [LINUX, environment(packages={"jax": "0.8.0", "jaxlib": "0.8.0", "jax-cuda12-plugin": "0.6.2"})],
        [[LINUX, environment(packages={"jax": "0.8.1", "jaxlib": "0.8.0", "jax-cuda12-plugin": "0.8.0"})]],
    ),
    "jax-driver": (
        "driver-too-old-for-cuda",
        [
            LINUX,
            NVIDIA,
            {"driver": {"nvidia": "550.54.14"}},
            environment(packages={"jax": "0.8.0", "jax-cuda13-plugin": "0.8.0"}),
        ],
        [
            [
                LINUX,
                NVIDIA,
                {"driver": {"nvidia": "550.54.14"}},
                environment(packages={"jax": "0.8.0", "jax-cuda12-plugin": "0.8.0"}),
            ]
        ],
    ),
    "tf-cpu-package": (
        "tf-cpu-package",
        [LINUX, NVIDIA, environment(packages={"tensorflow-cpu": "2.19.0"})],
        [
            [LINUX, environment(packages={"tensorflow-cpu": "2.19.0"})],
            [LINUX, NVIDIA, environment(packages={"tensorflow": "2.19.0"})],
        ],
    ),
    "tf-cannot-dlopen-gpu-libs": (
        "tf-cannot-dlopen-gpu-libs",
        [LINUX, NVIDIA, environment(packages={"tensorflow": "2.19.0"})],
        [
            [
                LINUX,
                NVIDIA,
                libraries("/usr/lib/x86_64-linux-gnu/libcudnn.so.9", "libcudnn.so.9"),
                environment(packages={"tensorflow": "2.19.0"}),
            ],
            [LINUX, NVIDIA, environment(packages={"tensorflow": "2.19.0", "nvidia-cudnn-cu12": "9.3.0.75"})],
        ],
    ),
    "tf-windows-gpu-dropped": (
        "tf-windows-gpu-dropped",
        [LINUX, NVIDIA, {"os": {"system": "windows"}}, environment(packages={"tensorflow": "2.19.0"})],
        [[LINUX, NVIDIA, {"os": {"system": "windows"}}, environment(packages={"tensorflow": "2.10.1"})]],
    ),
    "cuda-visible-devices-hides": (
        "cuda-visible-devices-hides",
        [LINUX, NVIDIA, {"env": {"CUDA_VISIBLE_DEVICES": "3"}}, torch()],
        [
            [LINUX, {"env": {"CUDA_VISIBLE_DEVICES": ""}}, torch()],  # nothing there to hide
            [LINUX, NVIDIA, {"env": {"CUDA_VISIBLE_DEVICES": "GPU-1a2b"}}, torch()],
            [LINUX, NVIDIA, {"env": {"CUDA_VISIBLE_DEVICES": "0,7"}}, torch()],
        ],
    ),
    "cuda-visible-devices-order": (
        "cuda-visible-devices-order",
        [LINUX, NVIDIA, {"gpus": [GPU, {**GPU, "index": 1, "name": "NVIDIA GeForce GTX 1080 Ti"}]}],
        [[LINUX, NVIDIA, {"gpus": [GPU, {**GPU, "index": 1}]}]],
    ),
    "cuda-launch-blocking-set": (
        "cuda-launch-blocking-set",
        [LINUX, NVIDIA, {"env": {"CUDA_LAUNCH_BLOCKING": "1"}}, torch()],
        [[LINUX, NVIDIA, {"env": {"CUDA_LAUNCH_BLOCKING": "0"}}, torch()]],
    ),
    "jax-platforms-forced": (
        "jax-platforms-forced",
        [LINUX, NVIDIA, {"env": {"JAX_PLATFORMS": "cpu"}}, environment(frameworks=[{"name": "jax"}])],
        [[LINUX, {"env": {"JAX_PLATFORMS": "cpu"}}, environment(frameworks=[{"name": "jax"}])]],
    ),
    "hsa-override-wrong": (
        "hsa-override-wrong",
        [LINUX, AMD, {"env": {"HSA_OVERRIDE_GFX_VERSION": "9.0.0"}}],
        [[LINUX, AMD, {"env": {"HSA_OVERRIDE_GFX_VERSION": "11.0.0"}}]],
    ),
    "tensorflow-gpu-arch": (
        "gpu-arch-too-new-for-wheel",
        [
            *gpu(name="NVIDIA GeForce RTX 5090", compute_capability="12.0"),
            environment(frameworks=[{"name": "tensorflow", "version": "2.19.0"}]),
        ],
        [
            [LINUX, NVIDIA, environment(frameworks=[{"name": "tensorflow", "version": "2.19.0"}])],
            [*gpu(compute_capability="12.0"), torch()],
        ],
    ),
    "jax-gpu-minimum": (
        "gpu-below-library-minimum",
        [*gpu(compute_capability="6.1"), environment(packages={"jax": "0.8.0", "jax-cuda13-plugin": "0.8.0"})],
        [
            [*gpu(compute_capability="6.1"), environment(packages={"jax": "0.8.0", "jax-cuda12-plugin": "0.8.0"})],
            [LINUX, NVIDIA, environment(packages={"jax": "0.8.0", "jax-cuda13-plugin": "0.8.0"})],
        ],
    ),
    "gpu-too-old-for-triton": (
        "gpu-too-old-for-triton",
        [*gpu(compute_capability="6.1"), torch("2.13.0", "cu126")],
        [
            [*gpu(compute_capability="7.0"), torch("2.13.0", "cu126")],
            [*gpu(compute_capability="6.1"), torch("2.13.0", "cpu")],
        ],
    ),
    "cuda-packages-missing": (
        "cudnn-missing",
        [LINUX, torch(**REQUIRES, installer={"torch": "pip"})],
        [
            [LINUX, torch(**REQUIRES, installer={"torch": "conda"})],
            [LINUX, torch(**REQUIRES, installer={"torch": "uv"}, packages={"nvidia-cudnn-cu13": "9.20.0.48"})],
            [{**LINUX, "os": {"system": "windows"}}, torch(**REQUIRES, installer={"torch": "pip"})],
        ],
    ),
    "tf-metal-mismatch": (
        "tf-metal-mismatch",
        [{"os": {"system": "macos"}}, environment(packages={"tensorflow": "2.19.0", "tensorflow-metal": "1.2.0"})],
        [[{"os": {"system": "macos"}}, environment(packages={"tensorflow": "2.17.0", "tensorflow-metal": "1.2.0"})]],
    ),
    "nccl-interface-wrong": (
        "nccl-interface-wrong",
        [LINUX, {"env": {"NCCL_SOCKET_IFNAME": "lo,docker0"}}],
        [[LINUX, {"env": {"NCCL_SOCKET_IFNAME": "^lo,docker0"}}], [LINUX, {"env": {"NCCL_SOCKET_IFNAME": "eth0"}}]],
    ),
    "colab-kaggle-runtime-type": (
        "colab-kaggle-runtime-type",
        [LINUX, {"env": {"COLAB_RELEASE_TAG": "release-1"}}, torch()],
        [[LINUX, NVIDIA, {"env": {"COLAB_RELEASE_TAG": "release-1"}}, torch()], [LINUX, torch()]],
    ),
    "windows-store-python": (
        "windows-store-python",
        [
            {"os": {"system": "windows"}},
            environment(python={"version": "3.12.1", "executable": r"C:\Users\u\AppData\WindowsApps\python.exe"}),
        ],
        [
            [
                {"os": {"system": "windows"}},
                environment(python={"version": "3.12.1", "executable": r"C:\Python312\python.exe"}),
            ]
        ],
    ),
    "low-ram": (
        "low-ram",
        [LINUX, {"memory": {"cgroup_limit_mib": 2048}}],
        [[LINUX, {"memory": {"total_mib": 7800, "available_mib": 4000}}], [LINUX]],
    ),
    "no-swap-small-ram": (
        "no-swap-small-ram",
        [LINUX, {"memory": {"total_mib": 6000, "swap_total_mib": 0}}],
        [[LINUX], [LINUX, {"memory": {"total_mib": 6000, "swap_total_mib": 2048}}]],
    ),
    "nofile-low": (
        "nofile-low",
        [LINUX, {"limits": {"nofile_soft": 256}}],
        [
            [LINUX, {"os": {"system": "macos"}, "limits": {"nofile_soft": 256}}],
            [LINUX, {"limits": {"nofile_soft": None}}],
        ],
    ),
    "nproc-or-pids-limit": (
        "nproc-or-pids-limit",
        [LINUX, {"limits": {"pids_max": 100}}],
        [[LINUX, {"limits": {"pids_max": None}}]],
    ),
    "wsl-memory-limit": ("wsl-memory-limit", [LINUX, WSL, {"memory": {"total_mib": 7900}}], [[LINUX, WSL]]),
    "disk-full": (
        "disk-full",
        [LINUX, disk(free_mib=300)],
        [[LINUX, disk(free_mib=0, total_mib=0)], [LINUX, disk(free_mib=5000), torch()], [LINUX]],
    ),
    "inodes-full": (
        "inodes-full",
        [LINUX, disk(inodes_total=1000000, inodes_free=5)],
        [[LINUX, disk(inodes_total=0, inodes_free=0)]],
    ),
    "tmp-small-or-noexec": (
        "tmp-small-or-noexec",
        [LINUX, {"disks": [{"role": "temp", "path": "/tmp", "noexec": True}]}],
        [[LINUX, disk(noexec=True)], [LINUX, {"disks": [{"role": "temp", "path": "/tmp", "total_mib": 9000}]}]],
    ),
    "readonly-filesystem": (
        "readonly-filesystem",
        [LINUX, disk(read_only=True)],
        [[LINUX, {"disks": [{"role": "home", "path": "/root", "read_only": True}]}]],
    ),
    "slow-network-home": (
        "slow-network-home",
        [LINUX, disk(filesystem="nfs4")],
        [[LINUX, {"disks": [{"role": "home", "path": "/root", "filesystem": "nfs4"}]}], [LINUX]],
    ),
    "wsl-data-on-mnt-c": (
        "wsl-data-on-mnt-c",
        [LINUX, WSL, disk(filesystem="9p")],
        [[LINUX, disk(filesystem="9p")], [LINUX, WSL]],
    ),
    "mig-mode-pending": (
        "mig-mode-pending",
        gpu(mig_mode="disabled", mig_mode_pending="enabled"),
        [gpu(mig_mode="enabled", mig_mode_pending="enabled"), gpu(mig_mode=None, mig_mode_pending=None)],
    ),
    "mig-one-device-per-process": (
        "mig-one-device-per-process",
        gpu(mig_mode="enabled", mig_instances=7),
        [gpu(mig_mode="enabled", mig_instances=1), gpu(mig_mode="disabled")],
    ),
    "page-retirement-pending": (
        "page-retirement-pending",
        gpu(retired_pages_pending=True, compute_capability="7.0"),
        [gpu(remapped_rows_pending=True), gpu(retired_pages_pending=False)],
    ),
    "inforom-corrupt": ("inforom-corrupt", gpu(error="infoROM is corrupted"), [gpu(error="Not Supported"), gpu()]),
    "hybrid-graphics-dgpu-off": (
        "hybrid-graphics-dgpu-off",
        LAPTOP_OFF,
        [
            [*LAPTOP_OFF, {"gpus": [GPU], "nvidia": {"nvml": {"status": "ok"}}}],  # asleep, and woken by the question
            [LINUX, NVIDIA, {"pci": [{**CARD, "power_state": "D3cold"}], "gpus": []}],  # no other GPU to switch to
        ],
    ),
    "uptime-66-day-driver-hang": (
        "uptime-66-day-driver-hang",
        [*B200, {"os": {"uptime_s": 65 * 86400}}],
        [
            [*B200, {"os": {"uptime_s": 65 * 86400}, "driver": {"nvidia": "580.95.05"}}],
            [*B200, {"os": {"uptime_s": 86400}}],
            [*gpu(), {"os": {"uptime_s": 400 * 86400}, "driver": {"nvidia": "570.133.20"}}],
        ],
    ),
    "vm-map-count-low": (
        "vm-map-count-low",
        [LINUX, {"limits": {"map_count": 4096}}],
        [[LINUX, {"limits": {"map_count": 65530}}]],
    ),
    "hugepages-reserved": (
        "hugepages-reserved",
        [LINUX, {"memory": {"hugepages_mib": 49152}}],
        [[LINUX, {"memory": {"hugepages_mib": 1024}}], [LINUX, {"memory": {"hugepages_mib": 0}}]],
    ),
    "reboot-required": (
        "reboot-required",
        [LINUX, {"os": {"reboot_required": ["linux-image-6.8.0-50-generic", "libc6"]}}],
        [[LINUX, {"os": {"reboot_required": []}}]],
    ),
    "nvme-or-io-errors": (
        "nvme-or-io-errors",
        [LINUX, events("io", "nvme nvme0: I/O tag 12 (opcode 0x2) QID 3 timeout, reset controller")],
        [[LINUX, events("oom", "Out of memory")], [LINUX]],
    ),
    "lockdown-dmesg-restricted": (
        "lockdown-dmesg-restricted",
        [NO_LOG, NVIDIA, {"unknown": {"kernel_events": "only root may read the kernel log here"}}],
        [[LINUX, NVIDIA], [NO_LOG, NVIDIA, {"unknown": {"kernel_events": "dmesg gave no answer in time"}}]],
    ),
    "hf-cache-unwritable": (
        "hf-cache-unwritable",
        [LINUX, cache_disk(writable=False), torch()],
        [
            [LINUX, cache_disk(writable=False), torch(), {"env": {"HF_HOME": "/data/hf"}}],
            [LINUX, cache_disk(writable=False), environment()],
            [LINUX, cache_disk(writable=True), torch()],
        ],
    ),
    "user-site-leak": (
        "user-site-leak",
        [LINUX, environment(kind="conda", packages={"numpy": "1.26.4"}, user_packages={"numpy": "2.1.0"})],
        [
            [LINUX, environment(kind="venv", packages={"numpy": "1.26.4"}, user_packages={})],
            [LINUX, environment(kind="conda", packages={"numpy": "1.26.4"}, user_packages={"black": "25.1.0"})],
        ],
    ),
    "externally-managed": (
        "externally-managed-environment",
        [LINUX, environment(kind="system", externally_managed=True)],
        [[LINUX, environment(externally_managed=False)]],
    ),
    "cudnn-bundled-incomplete": (
        "cudnn-bundled-incomplete",
        [LINUX, NVIDIA, cudnn("9.23.0"), torch(packages={"nvidia-cudnn-cu13": "9.20.0.48"})],
        [
            [LINUX, NVIDIA, torch(packages={"nvidia-cudnn-cu13": "9.20.0.48"})],  # no other cuDNN to be found
            [LINUX, NVIDIA, cudnn("9.13.0"), torch(packages={"nvidia-cudnn-cu13": "9.20.0.48"})],
            [LINUX, NVIDIA, cudnn("9.23.0"), torch(packages={"nvidia-cudnn-cu13": "9.24.0.1"})],
        ],
    ),
    "wsl-libcuda-not-on-path": (
        "wsl-libcuda-not-on-path",
        [LINUX, WSL, {"nvidia": {"nvml": {"status": "ok", "library": "/usr/lib/wsl/lib/libnvidia-ml.so.1"}}}],
        [[LINUX, WSL, libraries("/usr/lib/wsl/lib/libcuda.so.1")], [LINUX, WSL]],
    ),
    "ib-not-active": (
        "ib-not-active",
        [LINUX, rdma("down", "down")],
        [[LINUX, rdma("active", "down")], [LINUX, {"rdma": []}]],
    ),
    "memlock-low": (
        "memlock-low",
        [LINUX, rdma("active"), {"limits": {"memlock_kib": 8192}}],
        [
            [LINUX, rdma("down"), {"limits": {"memlock_kib": 64}}],
            [LINUX, rdma("active"), {"limits": {"memlock_kib": None}}],
            [LINUX, {"rdma": [], "limits": {"memlock_kib": 64}}],
        ],
    ),
    "gdr-peermem-missing": (
        "gdr-peermem-missing",
        [LINUX, NVIDIA, TWO_GPUS, rdma("active"), {"nvidia": {"module_open": False}}],
        [
            [LINUX, NVIDIA, TWO_GPUS, rdma("active"), {"nvidia": {"module_open": True}}],  # a kernel with DMA-BUF
            [LINUX, NVIDIA, TWO_GPUS, rdma("active"), {"nvidia": {"modules": ["nvidia", "nvidia_peermem"]}}],
            [LINUX, NVIDIA, rdma("active"), {"nvidia": {"module_open": False}}],
        ],
    ),
    "numa-cross-socket": (
        "numa-cross-socket",
        [LINUX, NVIDIA, {"pci": [{**CARD, "numa_node": 0}, {**CARD, "address": "0000:81:00.0", "numa_node": 1}]}],
        [[LINUX, NVIDIA], [LINUX, NVIDIA, {"pci": [{**CARD, "numa_node": 0}, {**CARD, "numa_node": 0}]}]],
    ),
    "jupyter-kernel-dead-path": (
        "jupyter-kernel-dead-path",
        [LINUX, kernel("/home/u/old/bin/python", exists=False)],
        [[LINUX, kernel("/home/u/.venv/bin/python", exists=True)], [LINUX, kernel("python")]],
    ),
    "jupyter-kernel-other-env": (
        "jupyter-kernel-other-env",
        [LINUX, kernel("/usr/bin/python3", exists=True)],
        [
            [LINUX, kernel("python")],  # goes by the PATH of the server
            [LINUX, kernel("/home/u/other/bin/python", exists=True, where="user")],
            [LINUX, kernel("/home/u/.venv/bin/python", exists=True)],
        ],
    ),
    **TRIED,
}
BY_ID = {check.id: check for check in CHECKS}
# The first only says that nothing could be asked; the others need another machine or a project, in tests of their own.
WITHOUT_FINDING = {"driver-answers", "as-expected"} | {check for check in BY_ID if check.startswith("project-")}


def codes(check, parts):
    result, found = ask(BY_ID[check], Case(machine(*parts)))
    assert result.status != "crashed", result.reason
    return [finding.code for finding in found], result


def test_every_check_has_a_machine_on_which_it_speaks_and_one_on_which_it_does_not():
    assert set(TABLE) | WITHOUT_FINDING == set(BY_ID)


@pytest.mark.parametrize("check", TABLE)
def test_it_speaks(check):
    code, parts, _ = TABLE[check]
    found, result = codes(check, parts)
    assert code in found, result
    assert result.status == "finding"


@pytest.mark.parametrize(
    ("check", "parts"),
    [pytest.param(check, parts, id=f"{check}-{n}") for check, row in TABLE.items() for n, parts in enumerate(row[2])],
)
def test_it_is_silent(check, parts):
    found, result = codes(check, parts)
    assert found == []
    assert result.status in ("ok", "not-applicable"), result  # known to be so, not merely not looked at


@pytest.mark.parametrize("check", TABLE)
def test_a_finding_says_what_was_seen_what_it_costs_and_what_to_do(check):
    _, found = ask(BY_ID[check], Case(machine(*TABLE[check][1])))
    for finding in found:
        assert finding.code in entries()
        assert finding.evidence, finding.code
        assert all(item.what and item.value and item.source for item in finding.evidence)
        assert finding.consequence
        assert finding.remedies
        assert all(remedy.text for remedy in finding.remedies)
        assert finding.doc == f"docs/codes/{finding.code}.md"


def test_nothing_known_is_unknown_and_never_fine():
    case = Case(machine({}))
    for check in CHECKS:
        result, found = ask(check, case)
        assert found == []
        assert result.status in ("unknown", "not-applicable"), result


def test_a_build_that_nobody_could_read_is_no_cpu_build():
    found, result = codes(
        "cpu-wheel-on-gpu-machine", [LINUX, NVIDIA, environment(frameworks=[{"name": "torch", "version": "2.13.0"}])]
    )
    assert (found, result.status) == ([], "unknown")


def test_a_build_whose_code_nobody_listed_is_bounded_by_its_cuda():
    old = environment(frameworks=[{"name": "torch", "version": "1.6.9", "variant": "cu101", "cuda": "10.1"}])
    found, _ = codes("gpu-arch", [*gpu(name="NVIDIA GeForce RTX 3090", compute_capability="8.6"), old])
    assert found == ["gpu-arch-too-new-for-wheel"]
    found, result = codes("gpu-arch", [*gpu(name="Tesla V100-PCIE-16GB", compute_capability="7.0"), old])
    assert (found, result.status) == ([], "unknown")


def test_the_reason_of_an_unknown_fact_is_told():
    without = {key: value for key, value in LINUX.items() if key != "kernel_events"}
    case = Case(machine(without, NVIDIA, {"unknown": {"kernel_events": "only root may read it"}}))
    result, _ = ask(BY_ID["xid"], case)
    assert (result.status, result.reason) == ("unknown", "kernel_events: only root may read it")
