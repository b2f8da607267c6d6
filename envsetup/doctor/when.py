"""Situations that checks are about, and the readings of a machine that several checks share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.doctor.check import When
from envsetup.model.maybe import UNKNOWN, Maybe, known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case
    from envsetup.model.hardware import Gpu, PciDevice
    from envsetup.model.software import Framework

VENDOR_IDS = {"nvidia": "10de", "amd": "1002", "intel": "8086"}
# PCI classes of GPUs: VGA, 3D and other display controllers, and processing accelerators (AMD Instinct).
GPU_CLASSES = ("0300", "0302", "0380", "1200")


def pci_gpus(case: Case, vendor: str) -> list[PciDevice]:
    """The vendor's GPUs on the PCI bus, not their audio and USB functions."""
    devices = known(case.machine.pci) or []
    return [d for d in devices if d.vendor_id == VENDOR_IDS[vendor] and d.class_id[:4] in GPU_CLASSES]


def gpus(case: Case, vendor: str) -> list[Gpu]:
    """The vendor's GPUs that a driver or a text described."""
    return [gpu for gpu in known(case.machine.gpus) or [] if gpu.vendor == vendor]


def frameworks(case: Case, name: str | None = None) -> list[Framework]:
    """The framework builds in the environment."""
    found = known(case.environment.frameworks) or []
    return [framework for framework in found if name in (None, framework.name)]


def framework(case: Case, name: str) -> Framework | None:
    """The build of one framework, if it is installed."""
    return next(iter(frameworks(case, name)), None)


def has_gpu(case: Case, vendor: str) -> Maybe[bool]:
    """Whether the machine has a GPU of this vendor; False only when somebody looked everywhere it can show."""
    if gpus(case, vendor) or pci_gpus(case, vendor):
        return True
    if vendor == "nvidia" and (case.nvidia.smi == "timeout" or (case.nvml and case.nvml.status == "timeout")):
        return True
    # A driver means a GPU, save in a container, which sees the module of its host.
    if vendor == "nvidia" and isinstance(case.driver.nvidia, str) and in_container(case) is not True:
        return True
    # So does an Xid, which only NVIDIA's driver reports.
    xid = any(event.kind == "xid" for event in known(case.machine.kernel_events) or [])
    if vendor == "nvidia" and xid and in_container(case) is not True:
        return True
    if vendor == "nvidia" and case.os.wsl is True and case.nvml and case.nvml.status in ("error", "crashed"):
        return UNKNOWN  # under WSL only the driver shows the GPU, and it is there but does not answer
    if case.machine.gpus is not UNKNOWN and case.kind != "text":
        return False  # a probe lists the GPUs only when bus or driver answered; a description says what there is
    # The bus alone proves only presence: WSL and some virtual machines have GPUs that are not on it.
    asked = case.machine.gpus is not UNKNOWN or (case.nvml is not None and case.nvml.status == "missing")
    return False if asked and case.machine.pci is not UNKNOWN else UNKNOWN


def has_any_gpu(case: Case) -> Maybe[bool]:
    """Whether there is a GPU that a framework could use, of any vendor. Integrated Intel GPUs do not count."""
    answers = [has_gpu(case, "nvidia"), has_gpu(case, "amd"), bool(gpus(case, "intel") or gpus(case, "apple"))]
    if True in answers:
        return True
    return UNKNOWN if UNKNOWN in answers else False


def is_gpu_build(build: Framework) -> bool:
    """Whether the framework build is one for a GPU, as far as is known."""
    variant = known(build.variant) or ""
    return bool(known(build.cuda) or known(build.hip)) or bool(re.match(r"cu\d|rocm|xpu", variant))


def vendor_of(build: Framework) -> str | None:
    """Whose GPUs a build is for; None where it is for none, or that is not known."""
    variant = known(build.variant) or ""
    if known(build.hip) or variant.startswith("rocm"):
        return "amd"
    if variant.startswith("xpu"):
        return "intel"
    return "nvidia" if is_gpu_build(build) else None


def wants_gpu(case: Case) -> bool:
    """Whether a GPU was asked for: by --require, or by a GPU build that somebody installed."""
    if case.require is not None:
        return case.require != "none"
    return any(is_gpu_build(build) for build in frameworks(case))


def wants_vendor(case: Case, vendor: str) -> bool:
    """As `wants_gpu`, for one vendor."""
    if case.require in ("cuda", "rocm"):
        return (case.require == "cuda") == (vendor == "nvidia")
    if case.require is not None:
        return case.require == "gpu"
    builds = frameworks(case)
    if vendor == "nvidia":
        return any(known(build.cuda) or (known(build.variant) or "").startswith("cu") for build in builds)
    mark = {"amd": "rocm", "intel": "xpu"}[vendor]
    return any(
        known(build.hip) if vendor == "amd" else (known(build.variant) or "").startswith(mark) for build in builds
    )


def resumed(case: Case) -> bool:
    """Whether the kernel log tells of a sleep in this boot."""
    return any(event.kind == "resume" for event in known(case.machine.kernel_events) or [])


def driver_works(case: Case) -> Maybe[bool]:
    """Whether the NVIDIA driver answers: NVML did, or a text shows a version next to described GPUs."""
    if case.nvml is not None:
        return case.nvml.status == "ok"
    if known(case.driver.nvidia) and gpus(case, "nvidia"):
        return True
    return UNKNOWN


def framework_saw_gpu(case: Case, name: str = "torch") -> Maybe[bool]:
    """What the framework itself said about its GPU (texts and deep looks only)."""
    build = framework(case, name)
    return UNKNOWN if build is None else build.cuda_available


def subject(gpu: Gpu) -> str:
    """How a finding names a GPU."""
    return f"gpu:{gpu.index}" if isinstance(gpu.index, int) else "gpu"


def env_subject(case: Case) -> str:
    """How a finding names the environment."""
    path = known(case.environment.path)
    return f"env:{path}" if path else "env"


def in_container(case: Case) -> Maybe[bool]:
    """Whether this is a container."""
    runtime = case.container.runtime
    return UNKNOWN if runtime is UNKNOWN else runtime is not None


def _system(name: str) -> When:
    labels = {"linux": "Linux", "windows": "Windows", "macos": "macOS"}

    def holds(case: Case) -> Maybe[bool]:
        return UNKNOWN if case.os.system is UNKNOWN else case.os.system == name

    return When(holds, f"not {labels[name]}")


def _installed(name: str) -> When:
    def holds(case: Case) -> Maybe[bool]:
        if framework(case, name) is not None:
            return True
        return UNKNOWN if case.environment.frameworks is UNKNOWN else False

    return When(holds, f"{name} is not installed")


NVIDIA = When(lambda case: has_gpu(case, "nvidia"), "no NVIDIA GPU")
AMD = When(lambda case: has_gpu(case, "amd"), "no AMD GPU")
INTEL = When(lambda case: bool(gpus(case, "intel")) or wants_vendor(case, "intel"), "no Intel GPU in use")
LINUX, WINDOWS, MACOS = _system("linux"), _system("windows"), _system("macos")
TORCH, TENSORFLOW, JAX = _installed("torch"), _installed("tensorflow"), _installed("jax")
CONTAINER = When(in_container, "not a container")
WSL = When(lambda case: case.os.wsl, "not WSL")
NOT_WSL = When(
    lambda case: UNKNOWN if case.os.wsl is UNKNOWN else not case.os.wsl,
    "WSL takes its driver from Windows",
)
ENVIRONMENT = When(
    lambda case: UNKNOWN if case.machine.environment is UNKNOWN else True,
    "no environment",
)
CONDA = When(
    lambda case: (
        UNKNOWN
        if case.machine.environment is UNKNOWN
        else case.environment.kind == "conda" or bool(known(case.environment.conda_packages))
    ),
    "not a conda environment",
)
