"""Machines on which something was tried, for the table of checks: each fault, and what it must not be confused with."""

from __future__ import annotations

from described import LINUX, NVIDIA, torch

OK = {"ended": "ok", "step": "devices", "seconds": 3.0}
DEVICE = {"name": "cuda:0", "model": "NVIDIA GeForce RTX 4090", "error": None}
MIXED = ["/home/u/.venv/lib/nvidia/cudnn/lib/libcudnn.so.9", "/usr/lib/libcudnn_ops.so.9"]


def tried(*trials, **facts):
    frameworks = [{"name": "torch", "trials": list(trials) or [OK], **facts}]
    return [LINUX, NVIDIA, torch(), {"deep": {"frameworks": frameworks}}]


def cu_init(**facts):
    return [LINUX, NVIDIA, {"deep": {"cu_init": facts}}]


def peers(**facts):
    return tried(peers=[{"source": 0, "target": 1, "direct": False, "equal": True, "error": None, **facts}])


TABLE = {
    "framework-imports": (
        "torch-import-segfault",
        tried({"ended": "signal", "signal": "SIGSEGV", "step": "import"}),
        [tried(), [LINUX, NVIDIA, torch()]],
    ),
    "cuda-call-returns": (
        "cuda-is-available-slow-or-hangs",
        tried({"ended": "timeout", "step": "devices", "seconds": 60.0}),
        [tried(available_s=50.0, devices=[DEVICE] * 8), tried(available_s=2.0, devices=[DEVICE])],
    ),
    "cuda-starts": (
        "driver-library-version-mismatch",
        cu_init(status="error", code=803, name="CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"),
        [cu_init(status="error", code=100, name="CUDA_ERROR_NO_DEVICE"), cu_init(status="ok", devices=1)],
    ),
    "devices-compute": (
        "gpu-kernel-fails",
        tried(devices=[{**DEVICE, "error": "RuntimeError: CUDA error: unspecified launch failure"}]),
        [tried(devices=[DEVICE]), tried(devices=[])],
    ),
    "gpu-copies": ("p2p-data-corruption", peers(equal=False), [peers(), peers(direct=True)]),
    "loaded-libraries": (
        "cudnn-shadowed-or-mixed",
        tried(loaded=MIXED),
        [tried(loaded=MIXED[:1]), tried(loaded=["/usr/lib/libcublas.so.12"])],
    ),
}
