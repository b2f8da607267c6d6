"""A framework that saw no GPU although driver, build and card fit each other: what is left between them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.compat import torch
from envsetup.doctor.builds import processor
from envsetup.doctor.check import Check, NotApplicable, Outcome, finding, seen
from envsetup.doctor.checks.versions import build_evidence
from envsetup.doctor.circumstances import driver_too_old, wheel_covers_gpu
from envsetup.doctor.when import NVIDIA, TORCH, WINDOWS, framework, gpus, in_container, is_gpu_build, resumed
from envsetup.model.maybe import UNKNOWN, known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case

# Boards whose GPUs talk through NVSwitch, as NVML names them; PCIe cards and bridged pairs need no fabric manager.
_NVSWITCH = re.compile(r"\bSXM\d?\b|-SXM|\bHBM3e?\b|\bH200\b|\bB[23]00\b")


def unseen(case: Case) -> Outcome:
    """Only where the framework itself said so, and everything that is judged elsewhere fits."""
    build = framework(case, "torch")
    if build is None or build.cuda_available is not False or not is_gpu_build(build) or not known(case.driver.nvidia):
        return NotApplicable("the framework did not say that it saw no GPU")
    if driver_too_old(case) or not wheel_covers_gpu(case) or "CUDA_VISIBLE_DEVICES" in case.variables:
        return NotApplicable("another check judges this")
    cards = [known(gpu.name) or "NVIDIA GPU" for gpu in gpus(case, "nvidia")]
    evidence = (
        build_evidence(case, build),
        seen("torch.cuda.is_available()", "False", case.source("the framework")),
        seen("GPUs", ", ".join(dict.fromkeys(cards)), case.source("nvml")),
        seen("NVIDIA driver", known(case.driver.nvidia), case.source("nvml")),
    )
    if case.nvidia.nvswitches != 0 and any(_NVSWITCH.search(name) for name in cards):
        return finding("fabric-manager-not-running", *evidence, confidence="likely")
    if resumed(case):
        slept = seen("kernel log", "the machine has slept since it started", "kernel log")
        return finding("uvm-broken-after-suspend", *evidence, slept, confidence="likely")
    return finding(
        "uvm-not-loaded",
        *evidence,
        severity="warning",
        confidence="possible",
        title="PyTorch saw no GPU although driver, build and card fit each other",
    )


def no_driver(case: Case) -> Outcome:
    """A report that looked for the driver and found none, of a CUDA build, where there should be a GPU."""
    build = framework(case, "torch")
    looked = case.driver.nvidia is None or case.nvidia.smi in ("missing", "error")
    if build is None or build.cuda_available is not False or not known(build.cuda) or not looked:
        return NotApplicable("no report of a CUDA build that looked for the driver")
    if known(case.driver.nvidia):
        return NotApplicable("the driver is there")
    evidence = (
        build_evidence(case, build),
        seen("torch.cuda.is_available()", "False", case.source("the framework")),
        seen("NVIDIA driver", "the report found none", case.source("nvidia-smi")),
    )
    if in_container(case) is True:
        return finding("container-no-gpu", *evidence, confidence="likely")
    if gpus(case, "nvidia"):
        return finding("driver-not-installed", *evidence, confidence="likely")
    return None


def windows_default(case: Case) -> Outcome:
    """A plain pip install on Windows gives the CPU build; where the text names no build, this is the usual reason."""
    build = framework(case, "torch")
    if build is None or build.cuda_available is not False or build.variant is not UNKNOWN or build.cuda is not UNKNOWN:
        return NotApplicable("which build this is, or whether it saw the GPU, is told otherwise")
    version = known(build.version)
    if version is None or torch.default_variant(version, "windows", processor(case)) != "cpu":
        return NotApplicable("the default build of this release is not known to be the CPU build")
    return finding(
        "windows-cpu-wheel-default",
        build_evidence(case, build),
        seen("torch.cuda.is_available()", "False", case.source("the framework")),
        confidence="likely",
    )


CHECKS = (
    Check("framework-sees-no-gpu", "pytorch", unseen, NVIDIA & TORCH, ("driver.nvidia", "gpus")),
    Check("report-without-driver", "driver", no_driver, TORCH),
    Check("windows-cpu-wheel-default", "windows", windows_default, NVIDIA & TORCH & WINDOWS),
)
