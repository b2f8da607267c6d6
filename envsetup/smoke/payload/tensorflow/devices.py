"""One small adapter per kind of device: is it there, what is it, wait for it, how much does it hold."""

from __future__ import annotations

import os
import platform
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # its advice on processors is not evidence

import tensorflow as tf

BUILD = tf.sysconfig.get_build_info()


class Cpu:
    """The host processor: always there."""

    kind = "cpu"
    type = "CPU"  # TensorFlow's name for this kind of device
    number = 0

    @property
    def place(self) -> str:
        """The device in TensorFlow's words."""
        return f"/{self.type}:{self.number}"

    def absent(self) -> str | None:
        """Why this device cannot be used, None when it can."""
        return None if self._listed() else f"TensorFlow {tf.__version__} lists no {self.type}"

    def _listed(self) -> list[Any]:
        return list(tf.config.list_physical_devices(self.type))

    def count(self) -> int:
        return len(self._listed())

    def name(self) -> str:
        return platform.processor() or platform.machine()

    def facts(self) -> dict[str, Any]:
        """What the framework says about the device."""
        return {"devices": [device.name for device in self._listed()]}

    def synchronize(self) -> None:
        """Wait until the device has done what it was asked."""

    def memory(self) -> int | None:
        """Bytes that tensors hold on the device, None where nobody counts."""
        return None


class Cuda(Cpu):
    """NVIDIA through CUDA."""

    kind = "cuda"
    type = "GPU"
    built = "is_cuda_build"

    def absent(self) -> str | None:
        if not BUILD.get(self.built):
            return f"TensorFlow {tf.__version__} is a build without {'CUDA' if self.kind == 'cuda' else 'ROCm'}"
        return super().absent()

    def name(self) -> str:
        return str(self._details().get("device_name", self.type))

    def _details(self) -> dict[str, Any]:
        return dict(tf.config.experimental.get_device_details(self._listed()[0]))

    def facts(self) -> dict[str, Any]:
        capability = self._details().get("compute_capability")
        found = {**super().facts(), "visible": os.environ.get("CUDA_VISIBLE_DEVICES")}
        if capability and BUILD.get("cuda_compute_capabilities"):
            found["compute_capability"] = "{}.{}".format(*capability)
            found["arch_list"] = list(BUILD["cuda_compute_capabilities"])
        return found

    def synchronize(self) -> None:
        tf.test.experimental.sync_devices()

    def memory(self) -> int | None:
        return int(tf.config.experimental.get_memory_info(f"{self.type}:{self.number}")["current"])


class Rocm(Cuda):
    """AMD: TensorFlow's ROCm build calls its devices GPU too."""

    kind = "rocm"
    built = "is_rocm_build"

    def facts(self) -> dict[str, Any]:
        return {**Cpu.facts(self), "visible": os.environ.get("HIP_VISIBLE_DEVICES")}


class Mps(Cpu):
    """Apple GPUs, through the plugin tensorflow-metal."""

    kind = "mps"
    type = "GPU"

    def absent(self) -> str | None:
        return super().absent() if platform.system() == "Darwin" else "Apple's GPUs are found under macOS only"


class Xpu(Cpu):
    """Intel GPUs, through the plugin intel-extension-for-tensorflow."""

    kind = "xpu"
    type = "XPU"


ADAPTERS: dict[str, type[Cpu]] = {adapter.kind: adapter for adapter in (Rocm, Cuda, Xpu, Mps, Cpu)}


def build() -> dict[str, Any]:
    """What this TensorFlow was built for, and the Keras it uses."""
    hip = BUILD.get("rocm_version") if BUILD.get("is_rocm_build") else None
    return {"cuda": BUILD.get("cuda_version"), "hip": hip, "keras": getattr(tf.keras, "__version__", None)}


def choose(asked: str) -> tuple[Cpu, str | None]:
    """The adapter for `asked` (or, for auto, the first that is there), and why it cannot be used."""
    for device in tf.config.list_physical_devices():
        if device.device_type != "CPU":
            tf.config.experimental.set_memory_growth(device, True)  # noqa: FBT003 - it takes no keyword
    if asked != "auto":
        adapter = ADAPTERS[asked]()
        return adapter, adapter.absent()
    return next((a, None) for a in (kind() for kind in ADAPTERS.values()) if a.absent() is None)


def exact_arithmetic(kind: str) -> None:
    """Full float32, reproducible algorithms, and an error instead of a quiet move to the CPU."""
    tf.config.experimental.enable_tensor_float_32_execution(False)  # noqa: FBT003 - it takes no keyword
    tf.config.set_soft_device_placement(enabled=False)
    if kind != "cpu":  # on a CPU the bits are the same anyway, and it would cost time
        tf.keras.utils.set_random_seed(0)  # without a seed the next line makes every initialiser an error
        tf.config.experimental.enable_op_determinism()
