"""Whether the installed build is one for the GPU that is here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.compat import gpus as names
from envsetup.compat.arch import TEGRA
from envsetup.doctor.builds import capability, computes, fitting, pip, reinstall, variant_of
from envsetup.doctor.check import Check, NotApplicable, Outcome, Unknown, finding, fix, seen
from envsetup.doctor.checks.versions import build_evidence, build_name
from envsetup.doctor.when import (
    ENVIRONMENT,
    TORCH,
    driver_works,
    env_subject,
    framework,
    gpus,
    has_gpu,
    is_gpu_build,
    pci_gpus,
    wants_gpu,
    wants_vendor,
)
from envsetup.model.maybe import UNKNOWN, known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case
    from envsetup.model.finding import Evidence, Remedy
    from envsetup.model.software import Framework

XPU_INDEX = "https://download.pytorch.org/whl/xpu"


def _is_cpu_build(build: Framework) -> bool:
    """A build without variants (macOS) is no CPU build."""
    return build.variant == "cpu" or (build.cuda is None and build.hip is None and not is_gpu_build(build))


def _gpu_evidence(case: Case) -> list[Evidence]:
    """What GPU is here, and whether its driver answers."""
    for vendor in ("nvidia", "amd"):
        for gpu in gpus(case, vendor)[:2]:
            driver = known(case.driver.nvidia if vendor == "nvidia" else case.driver.rocm)
            working = driver_works(case) is True and vendor == "nvidia"
            return [
                seen(
                    "GPU",
                    f"{known(gpu.name) or vendor}{f', driver {driver}' if driver else ''}{' works' if working else ''}",
                    case.source("nvml" if vendor == "nvidia" else "/sys/class/kfd"),
                )
            ]
        for device in pci_gpus(case, vendor)[:1]:
            name = known(device.name) or f"{device.vendor_id}:{device.device_id}"
            return [seen("GPU on the PCI bus", name, f"/sys/bus/pci/devices/{device.address}")]
    return []


def _torch_remedies(case: Case) -> list[Remedy]:
    choice = fitting(case) if has_gpu(case, "nvidia") is True else None
    if choice is None:
        return [fix("Make an environment with the build for this GPU", "envsetup create --framework pytorch --gpu")]
    why = f"Install the build for this GPU and driver: PyTorch {choice.version}+{choice.variant}"
    return [
        fix(why, reinstall(case, choice)),
        fix("Or make a new environment beside this one", "envsetup create --framework pytorch --gpu"),
    ]


def cpu_build(case: Case) -> Outcome:
    """A missing tag proves nothing: the CUDA wheel that a plain install gives on Linux has none."""
    build = framework(case, "torch")
    if build is None or case.require == "none":
        return NotApplicable("no GPU was asked for")
    unread = build.variant is UNKNOWN and build.cuda is UNKNOWN
    if unread and not _cpu_by_default(case, build):
        return Unknown("which build of torch this is could not be read")
    if not unread and not _is_cpu_build(build):
        return None
    here = [computes(case, vendor) for vendor in ("nvidia", "amd")]
    conda = (known(case.environment.conda_packages) or {}).get("pytorch", "")
    toolkit = {"cudatoolkit", "pytorch-cuda", "cuda-version"} & set(known(case.environment.conda_packages) or {})
    if True not in here and not toolkit and case.nvidia.tools_present is not True:
        if UNKNOWN in here:
            return Unknown("whether this machine has a GPU is not known")
        return None
    evidence = [build_evidence(case, build), *_gpu_evidence(case)]
    if known(case.machine.tegra) or any(capability(gpu) in TEGRA for gpu in gpus(case, "nvidia")):
        release = known(case.machine.tegra)
        evidence += [seen("Jetson", release, case.source("/etc/nv_tegra_release"))] if release else []
        return finding("jetson-generic-wheel", *evidence, subject=env_subject(case))
    if "cpu" in conda:
        evidence.append(seen("conda package", f"pytorch {conda}", case.source("conda-meta")))
        return finding("conda-cpu-build", *evidence, subject=env_subject(case))
    names = [known(gpu.name) for vendor in ("nvidia", "amd") for gpu in gpus(case, vendor)]
    gpu = next((name for name in names if name), None)
    if True not in here and case.nvidia.tools_present is True:
        evidence.append(seen("NVIDIA tools", "answered when the report was made", case.source("report")))
    return finding(
        "cpu-wheel-on-gpu-machine",
        *evidence,
        subject=env_subject(case),
        title=f"{build_name(case, build)} is the CPU build{f': the {gpu} will not be used' if gpu else ''}",
        confidence="certain" if True in here and not unread else "likely",
        remedies=_torch_remedies(case),
    )


def _cpu_by_default(case: Case, build: Framework) -> bool:
    """On Arm servers the package index had CPU builds alone for years: there a missing tag says something."""
    return known(case.machine.arch) == "aarch64" and variant_of(case, build) == "cpu"


def wrong_vendor(case: Case) -> Outcome:
    """Only where every GPU is of another vendor: laptops have two."""
    for vendor, other in (("nvidia", "amd"), ("amd", "nvidia")):
        if not (wants_vendor(case, vendor) and case.require is None) or computes(case, other) is not True:
            continue
        if has_gpu(case, vendor) is not False and not (case.kind == "text" and not gpus(case, vendor)):
            continue
        builds = [build for build in (framework(case, "torch"),) if build and is_gpu_build(build)]
        if builds:
            return finding(
                "wrong-accelerator-build",
                build_evidence(case, builds[0]),
                *_gpu_evidence(case),
                subject=env_subject(case),
                confidence="certain" if case.kind != "text" else "likely",
            )
    return None


def no_gpu_at_all(case: Case) -> Outcome:
    """A GPU build on a machine without a GPU is how PyTorch comes from the package index: no fault unless asked."""
    here = [has_gpu(case, vendor) for vendor in ("nvidia", "amd")]
    others = gpus(case, "intel") or gpus(case, "apple")
    if case.require in ("gpu", "cuda", "rocm"):
        vendors = {"gpu": ("nvidia", "amd"), "cuda": ("nvidia",), "rocm": ("amd",)}[case.require]
        asked = [computes(case, vendor) for vendor in vendors]
        if True in asked or (case.require == "gpu" and others):
            return None
        if UNKNOWN in asked:
            return Unknown("whether this machine has a GPU could not be found out")
        return finding("no-supported-gpu", seen("GPUs", "none found", "PCI bus and drivers"))
    if True in here or others or not wants_gpu(case):
        return NotApplicable("no GPU was asked for")
    if UNKNOWN in here:
        return NotApplicable("whether this machine has a GPU is not known")
    return finding(
        "no-supported-gpu",
        seen("GPUs", "none found", "PCI bus and drivers"),
        severity="info",
        title="There is no GPU here: the installed GPU build runs on the CPU",
    )


def xpu_build(case: Case) -> Outcome:
    build = framework(case, "torch")
    if build is None or not gpus(case, "intel") or has_gpu(case, "nvidia") is True or case.require == "none":
        return NotApplicable("no Intel GPU in use")
    if build.variant is UNKNOWN or (known(build.variant) or "").startswith("xpu"):
        return None
    rows = [names.intel(known(gpu.name) or "") for gpu in gpus(case, "intel")]
    if all(row is not None and not row.xpu for row in rows):
        return NotApplicable("PyTorch has no builds for this Intel GPU")
    # Processors have Intel graphics that nobody bought for deep learning; a card is another matter.
    card = any(row is not None and row.discrete for row in rows)
    return finding(
        "xpu-wheel-is-cpu",
        build_evidence(case, build),
        seen("GPU", known(gpus(case, "intel")[0].name) or "Intel GPU", case.source("/sys/class/drm")),
        subject=env_subject(case),
        severity=None if case.require or card else "warning",
        remedies=[fix("Install the XPU build", f"{pip(case)} --force-reinstall torch --index-url {XPU_INDEX}")],
    )


CHECKS = (
    Check("cpu-wheel-on-gpu-machine", "pytorch", cpu_build, TORCH),
    Check("wrong-accelerator-build", "rocm", wrong_vendor, ENVIRONMENT),
    Check("no-supported-gpu", "gpu-config", no_gpu_at_all),
    Check("xpu-wheel-is-cpu", "xpu", xpu_build, TORCH),
)
