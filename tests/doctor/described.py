"""Small machines for the doctor's tests: nested facts in, a Machine out; later facts override earlier ones."""

from __future__ import annotations

import msgspec

from envsetup.model.machine import Machine

LINUX = {
    "os": {"system": "linux", "distro": "ubuntu 24.04", "kernel": "6.8.0-45-generic", "wsl": False},
    "arch": "x86_64",
    "libc": {"name": "glibc", "version": "2.39"},
    "cpu": {"model": "AMD Ryzen 9", "usable": 16, "flags": ["avx", "avx2"]},
    "memory": {"total_mib": 65536, "available_mib": 60000, "swap_total_mib": 0},
    "limits": {"nofile_soft": 65536, "nproc": 100000, "shm_total_mib": 32768},
    "disks": [{"role": "target", "path": "/home/u", "free_mib": 500000, "total_mib": 900000, "filesystem": "ext4"}],
    "container": {"runtime": None},
    "env": {},
    "kernel_events": [],
    "pci": [],
    "gpus": [],
    "driver": {"nvidia": None, "rocm": None},
    "nvidia": {"module_loaded": False, "modules": [], "device_nodes": [], "nvml": {"status": "missing"}},
    "amd": {"module_loaded": False, "kfd": None},
    "cuda": {"libraries": [], "ld_library_path_libraries": [], "nvcc_version": None},
}
CARD = {"address": "0000:01:00.0", "vendor_id": "10de", "device_id": "2684", "class_id": "030000", "driver": "nvidia"}
NODE_PATHS = ("/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm")
NODES = [{"path": path, "exists": True, "readable": True, "writable": True} for path in NODE_PATHS]
GPU = {"vendor": "nvidia", "index": 0, "name": "NVIDIA GeForce RTX 4090", "compute_capability": "8.9"}
NVIDIA = {
    "pci": [CARD],
    "gpus": [GPU],
    "driver": {"nvidia": "580.95.05"},
    "nvidia": {
        "module_loaded": True,
        "module_version": "580.95.05",
        "library_version": "580.95.05",
        "library_versions": ["580.95.05"],
        "modules": ["nvidia", "nvidia_uvm"],
        "device_nodes": NODES,
        "nvml": {"status": "ok"},
        "nvswitches": 0,
        "fabric_manager": None,
    },
}
AMD_CARD = {**CARD, "vendor_id": "1002", "device_id": "744c", "driver": "amdgpu"}
AMD = {
    "pci": [AMD_CARD],
    "gpus": [{"vendor": "amd", "index": 0, "name": "AMD Radeon RX 7900 XTX", "gfx": "gfx1100"}],
    "driver": {"rocm": "7.1.0"},
    "amd": {"module_loaded": True, "kfd": {"path": "/dev/kfd", "readable": True, "writable": True}},
}


def torch(version="2.14.1", variant="cu130", **facts):
    """An environment with one PyTorch build; `facts` are further fields of the environment."""
    kind = variant[:2]
    build = {"name": "torch", "version": version, "variant": variant, "source": "torch/version.py"}
    build["cuda"] = f"{variant[2:-1]}.{variant[-1]}" if kind == "cu" else None
    build["hip"] = f"{variant[4:]}" if kind == "ro" else None
    return environment(**{"frameworks": [build], **facts})


def environment(**facts):
    """An environment in ./.venv; `packages` and `frameworks` default to none."""
    base = {"kind": "venv", "path": "/home/u/.venv", "packages": {}, "frameworks": [], "problems": [], "bundled": []}
    return {"environment": {**base, "python": {"version": "3.12.4"}, **facts}}


def merged(*parts):
    """Dictionaries joined key by key; lists and other values are replaced."""
    out = {}
    for part in parts:
        for key, value in part.items():
            both = isinstance(value, dict) and isinstance(out.get(key), dict)
            out[key] = merged(out[key], value) if both else value
    return out


def machine(*parts):
    """A Machine from the facts."""
    return msgspec.convert(merged(*parts), Machine)


def gpu(**facts):
    """An NVIDIA machine whose one GPU has these facts."""
    return [LINUX, NVIDIA, {"gpus": [{**GPU, **facts}]}]
