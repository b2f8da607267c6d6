"""Drivers and the system's CUDA: what stands between the hardware and a framework."""

from __future__ import annotations

from typing import Optional

from envsetup.model.hardware import Fact
from envsetup.model.maybe import UNKNOWN, Maybe


class Driver(Fact, frozen=True, kw_only=True):
    """Driver versions in short; None means looked for and not there."""

    nvidia: Maybe[Optional[str]] = UNKNOWN
    rocm: Maybe[Optional[str]] = UNKNOWN


class DeviceNode(Fact, frozen=True, kw_only=True):
    """A device file and what this user may do with it."""

    path: str
    exists: bool = True
    mode: Maybe[str] = UNKNOWN  # octal text, e.g. 0666
    group: Maybe[str] = UNKNOWN
    readable: Maybe[bool] = UNKNOWN
    writable: Maybe[bool] = UNKNOWN


class Nvml(Fact, frozen=True, kw_only=True):
    """How NVML answered. status: ok, missing (no library), error, timeout, crashed."""

    status: str
    error: Maybe[Optional[str]] = UNKNOWN  # in NVML's own words
    code: Maybe[Optional[int]] = UNKNOWN  # nvmlReturn_t, e.g. 9 driver not loaded, 18 library and module differ
    ms: Maybe[int] = UNKNOWN
    library: Maybe[Optional[str]] = UNKNOWN


class NvidiaStack(Fact, frozen=True, kw_only=True):
    """The NVIDIA driver on disk, in the kernel and in user space."""

    module_loaded: Maybe[bool] = UNKNOWN
    module_version: Maybe[Optional[str]] = UNKNOWN
    module_open: Maybe[Optional[bool]] = UNKNOWN
    modules: Maybe[list[str]] = UNKNOWN  # of nvidia, nvidia_uvm, nvidia_modeset, nvidia_drm, nouveau, nova
    nouveau_loaded: Maybe[bool] = UNKNOWN
    module_on_disk: Maybe[bool] = UNKNOWN  # an nvidia.ko for the running kernel, loaded or not
    library_version: Maybe[Optional[str]] = UNKNOWN  # from libcuda.so.X / libnvidia-ml.so.X on disk
    cuda_ceiling: Maybe[Optional[str]] = UNKNOWN  # newest CUDA this driver can run, e.g. 13.0
    device_nodes: Maybe[list[DeviceNode]] = UNKNOWN
    nvml: Maybe[Nvml] = UNKNOWN
    smi: Maybe[str] = UNKNOWN  # ok, missing, error, timeout: only when nvidia-smi had to be asked
    tools_present: Maybe[bool] = UNKNOWN  # text only: a report's wording shows that nvidia-smi or nvcc answered
    smi_text: Maybe[str] = UNKNOWN  # first line of what it said instead of facts
    library_versions: Maybe[list[str]] = UNKNOWN  # every driver version whose libcuda or libnvidia-ml is on disk
    nvswitches: Maybe[int] = UNKNOWN  # NVSwitch bridges on the PCI bus
    fabric_manager: Maybe[Optional[str]] = UNKNOWN  # running, stopped; None when it is not installed
    secure_boot: Maybe[bool] = UNKNOWN
    modprobe_setuid: Maybe[bool] = UNKNOWN  # nvidia-modprobe is there and setuid root: it loads nvidia_uvm when needed


class AmdStack(Fact, frozen=True, kw_only=True):
    """AMD's kernel and user space driver."""

    module_loaded: Maybe[bool] = UNKNOWN
    kfd: Maybe[Optional[DeviceNode]] = UNKNOWN
    render_nodes: Maybe[list[DeviceNode]] = UNKNOWN
    rocm_version: Maybe[Optional[str]] = UNKNOWN


class IntelStack(Fact, frozen=True, kw_only=True):
    """Intel's kernel driver and the level zero loader."""

    driver: Maybe[Optional[str]] = UNKNOWN  # xe, i915
    render_nodes: Maybe[list[DeviceNode]] = UNKNOWN
    level_zero: Maybe[Optional[str]] = UNKNOWN


class CudaToolkit(Fact, frozen=True, kw_only=True):
    """A CUDA toolkit on disk."""

    path: str
    version: Maybe[str] = UNKNOWN
    nvcc: Maybe[bool] = UNKNOWN


class SharedLibrary(Fact, frozen=True, kw_only=True):
    """A library that the loader would find, and by which way (`via`: cache, LD_LIBRARY_PATH, default, wsl)."""

    soname: str
    path: str
    via: Maybe[str] = UNKNOWN
    version: Maybe[str] = UNKNOWN


class Cuda(Fact, frozen=True, kw_only=True):
    """CUDA as the system offers it (not what wheels bring)."""

    toolkits: Maybe[list[CudaToolkit]] = UNKNOWN
    nvcc_version: Maybe[Optional[str]] = UNKNOWN
    cudnn: Maybe[list[SharedLibrary]] = UNKNOWN
    libraries: Maybe[list[SharedLibrary]] = UNKNOWN  # libcuda, libcudart, libcublas, libnccl ... by loader order
    ld_library_path_libraries: Maybe[list[SharedLibrary]] = UNKNOWN


class KernelEvent(Fact, frozen=True, kw_only=True):
    """A line of the kernel log that speaks of an accelerator, e.g. an Xid."""

    kind: str  # xid, nvrm, oom, hung-task, amdgpu, secure-boot, io, resume
    text: str
    code: Maybe[int] = UNKNOWN
