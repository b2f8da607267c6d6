"""One small adapter per kind of device: is it there, what is it, wait for it, how much does it hold."""

from __future__ import annotations

import os
import platform
from typing import Any

import torch


class Cpu:
    """The host processor: always there."""

    kind = "cpu"
    torch_name = "cpu"
    pins = False  # whether host memory can be pinned for it

    @property
    def place(self) -> str:
        """The device in PyTorch's words."""
        return self.torch_name

    def absent(self) -> str | None:
        """Why this device cannot be used, None when it can."""
        return None

    def count(self) -> int:
        return 1

    def name(self) -> str:
        return platform.processor() or platform.machine()

    def facts(self) -> dict[str, Any]:
        """What the framework says about the device."""
        return {"threads": torch.get_num_threads()}

    def synchronize(self) -> None:
        """Wait until the device has done what it was asked."""

    def put(self, tensor: Any) -> Any:
        """The tensor on this device."""
        return tensor.to(self.torch_name)

    def memory(self) -> int | None:
        """Bytes that tensors hold on the device, None where nobody counts."""
        return None


class Cuda(Cpu):
    """NVIDIA through CUDA."""

    kind = "cuda"
    torch_name = "cuda:0"
    pins = True

    def absent(self) -> str | None:
        if torch.version.cuda is None:
            return f"PyTorch {torch.__version__} is a build without CUDA"
        return None if torch.cuda.is_available() else "torch.cuda.is_available() is False"

    def count(self) -> int:
        return int(torch.cuda.device_count())

    def name(self) -> str:
        return str(torch.cuda.get_device_name(0))

    def facts(self) -> dict[str, Any]:
        properties = torch.cuda.get_device_properties(0)
        return {
            "compute_capability": "{}.{}".format(*torch.cuda.get_device_capability(0)),
            "arch_list": torch.cuda.get_arch_list(),
            "memory_mib": properties.total_memory >> 20,
            "visible": os.environ.get("CUDA_VISIBLE_DEVICES"),
        }

    def synchronize(self) -> None:
        torch.cuda.synchronize()

    def memory(self) -> int | None:
        return int(torch.cuda.memory_allocated(0))


class Rocm(Cuda):
    """AMD: PyTorch's ROCm build answers to the name cuda."""

    kind = "rocm"

    def absent(self) -> str | None:
        if getattr(torch.version, "hip", None) is None:
            return f"PyTorch {torch.__version__} is a build without ROCm"
        return None if torch.cuda.is_available() else "torch.cuda.is_available() is False"

    def facts(self) -> dict[str, Any]:
        gfx = getattr(torch.cuda.get_device_properties(0), "gcnArchName", None)
        return {"gfx": gfx, "arch_list": torch.cuda.get_arch_list(), "visible": os.environ.get("HIP_VISIBLE_DEVICES")}


class Xpu(Cpu):
    """Intel GPUs."""

    kind = "xpu"
    torch_name = "xpu:0"

    def absent(self) -> str | None:
        module = getattr(torch, "xpu", None)
        return None if module is not None and module.is_available() else "torch.xpu.is_available() is False"

    def count(self) -> int:
        return int(torch.xpu.device_count())

    def name(self) -> str:
        return str(torch.xpu.get_device_name(0))

    def synchronize(self) -> None:
        torch.xpu.synchronize()

    def memory(self) -> int | None:
        return int(torch.xpu.memory_allocated(0))


class Mps(Cpu):
    """Apple GPUs."""

    kind = "mps"
    torch_name = "mps:0"

    def absent(self) -> str | None:
        module = getattr(torch.backends, "mps", None)
        return None if module is not None and module.is_available() else "torch.backends.mps.is_available() is False"

    def synchronize(self) -> None:
        torch.mps.synchronize()

    def memory(self) -> int | None:
        return int(torch.mps.current_allocated_memory())


ADAPTERS: dict[str, type[Cpu]] = {adapter.kind: adapter for adapter in (Rocm, Cuda, Xpu, Mps, Cpu)}


def build() -> dict[str, Any]:
    """What this PyTorch was built for."""
    return {"cuda": torch.version.cuda, "hip": getattr(torch.version, "hip", None)}


def choose(asked: str) -> tuple[Cpu, str | None]:
    """The adapter for `asked` (or, for auto, the first that is there), and why it cannot be used."""
    if asked != "auto":
        adapter = ADAPTERS[asked]()
        return adapter, adapter.absent()
    return next((a, None) for a in (kind() for kind in ADAPTERS.values()) if a.absent() is None)


def exact_arithmetic(kind: str) -> None:
    """Full float32 and reproducible algorithms: parity is judged without TF32 and without a race between algorithms."""
    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    if kind != "cpu":  # on a CPU nothing would change, and it imports the compiler: a second
        torch.use_deterministic_algorithms(mode=True, warn_only=True)
