"""One small adapter per kind of device: is it there, what is it, wait for it, how much does it hold."""

from __future__ import annotations

import os
import platform
from typing import Any

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # else JAX takes most of a GPU's memory at once

import jax


def _devices(platform_name: str) -> list[Any]:
    try:
        return list(jax.local_devices(backend=platform_name))
    except RuntimeError:  # its way of saying that there is no such platform
        return []


class Cpu:
    """The host processor: always there."""

    kind = "cpu"
    backends: tuple[str, ...] = ("cpu",)  # JAX's names for the platform
    platforms: tuple[str, ...] = ("cpu",)  # what its devices may call themselves

    def _listed(self) -> list[Any]:
        return next((found for found in map(_devices, self.backends) if found), [])

    @property
    def device(self) -> Any:
        """The first device."""
        return self._listed()[0]

    @property
    def place(self) -> str:
        """The device in JAX's words."""
        return str(self.device)

    def absent(self) -> str | None:
        """Why this device cannot be used, None when it can."""
        if self._listed():
            return None
        return f"JAX {jax.__version__} has no {' or '.join(self.backends)} platform here, only {jax.default_backend()}"

    def count(self) -> int:
        return len(self._listed())

    def name(self) -> str:
        return str(self.device.device_kind)

    def facts(self) -> dict[str, Any]:
        """What the framework says about the device."""
        return {
            "devices": [str(device) for device in self._listed()],
            "visible": os.environ.get("CUDA_VISIBLE_DEVICES"),
        }

    def synchronize(self) -> None:
        """Wait until the device has done what it was asked."""
        jax.device_put(0.0, self.device).block_until_ready()

    def memory(self) -> int | None:
        """Bytes that tensors hold on the device, None where nobody counts."""
        stats = self.device.memory_stats()
        return int(stats["bytes_in_use"]) if stats else None


class Cuda(Cpu):
    """NVIDIA through CUDA."""

    kind = "cuda"
    backends = ("cuda",)
    platforms = ("gpu", "cuda")


class Rocm(Cpu):
    """AMD through ROCm."""

    kind = "rocm"
    backends = ("rocm",)
    platforms = ("gpu", "rocm")


class Xpu(Cpu):
    """Intel GPUs, through Intel's plugin."""

    kind = "xpu"
    backends = ("xpu",)
    platforms = ("xpu", "gpu")


class Mps(Cpu):
    """Apple GPUs, through the plugin jax-metal."""

    kind = "mps"
    backends = ("METAL", "mps")
    platforms = ("METAL", "mps", "gpu")


class Host(Cpu):
    """The host processor."""

    def name(self) -> str:
        return platform.processor() or platform.machine()

    def memory(self) -> int | None:
        return None


ADAPTERS: dict[str, type[Cpu]] = {adapter.kind: adapter for adapter in (Rocm, Cuda, Xpu, Mps, Host)}


def build() -> dict[str, Any]:
    """What this JAX was built for: the platform speaks for its plugin."""
    version = str(getattr(jax.devices()[0].client, "platform_version", ""))
    known = {kind: version if kind in version.lower() else None for kind in ("cuda", "rocm")}
    return {"cuda": known["cuda"], "hip": known["rocm"], "jaxlib": jax.lib.__version__}


def choose(asked: str) -> tuple[Cpu, str | None]:
    """The adapter for `asked` (or, for auto, the first that is there), and why it cannot be used."""
    if asked != "auto":
        adapter = ADAPTERS[asked]()
        return adapter, adapter.absent()
    return next((a, None) for a in (kind() for kind in ADAPTERS.values()) if a.absent() is None)


def exact_arithmetic(kind: str) -> None:
    """Full float32: JAX's default on a GPU is TF32."""
    del kind
    jax.config.update("jax_default_matmul_precision", "highest")
