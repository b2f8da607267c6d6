"""Driver against CUDA, GPU against build: the pairs that decide whether a GPU build runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from envsetup.compat import arch, drivers, older
from envsetup.compat import gpus as names
from envsetup.compat.tables import at_least, key
from envsetup.doctor.builds import (
    Archs,
    archs,
    capability,
    cuda_of,
    fitting,
    floor,
    label,
    reinstall,
    system,
    variant_of,
)
from envsetup.doctor.check import Check, NotApplicable, Outcome, Unknown, finding, fix, seen
from envsetup.doctor.when import NVIDIA, TORCH, env_subject, framework, frameworks, gpus, subject
from envsetup.model.maybe import known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case
    from envsetup.model.finding import Evidence, Finding, Remedy
    from envsetup.model.hardware import Gpu
    from envsetup.model.software import Framework

NAMES = {"torch": "PyTorch", "tensorflow": "TensorFlow", "jax": "JAX"}


def build_name(case: Case, build: Framework) -> str:
    """A build as a person names it: PyTorch 2.14.1+cu126."""
    variant = variant_of(case, build)
    return f"{NAMES.get(build.name, build.name)} {known(build.version) or '?'}{f'+{variant}' if variant else ''}"


def build_evidence(case: Case, build: Framework) -> Evidence:
    """What is installed, and which file said so."""
    where = known(build.source) or known(build.path) or "installed distributions"
    return seen("installed build", build_name(case, build), case.source(where))


def other_build(case: Case) -> Remedy | None:
    """The PyTorch build that would run here, as a command."""
    choice = fitting(case)
    if choice is None:
        return None
    return fix(f"Install the build that fits: PyTorch {choice.version}+{choice.variant}", reinstall(case, choice))


def driver_command(case: Case, minimum: str) -> Remedy:
    """How to get a newer driver; the branch is the one that is needed at least."""
    branch = minimum.split(".", 1)[0]
    if case.os.wsl is True or case.os.system == "windows":
        return fix(f"Update the NVIDIA driver of Windows to {minimum} or newer", None, "reboot")
    if known(case.container.runtime):
        return fix(f"On the host, update the NVIDIA driver to {minimum} or newer", None, "reboot")
    distro = known(case.os.distro) or ""
    command = f"sudo apt install nvidia-driver-{branch} && sudo reboot" if distro.startswith("ubuntu") else None
    return fix(f"Update the NVIDIA driver to {minimum} or newer, then reboot", command, "reboot")


def _forward_compatible(case: Case) -> bool:
    """A cuda-compat libcuda on the loader path, on GPUs that may use it, lifts the driver's limit."""
    libraries = known(case.cuda.libraries) or []
    compat = any(lib.soname.startswith("libcuda.so") and "/compat" in lib.path for lib in libraries)
    rows = [names.compute_capability(known(gpu.name) or "") for gpu in gpus(case, "nvidia")]
    return compat and any(row and drivers.forward_compatible(row.kind) for row in rows)


def driver_too_old(case: Case) -> Outcome:
    """With minor-version compatibility, so no alarm for an older driver of the same CUDA major."""
    driver = known(case.driver.nvidia)
    if driver is None:
        return NotApplicable("no NVIDIA driver")
    if _forward_compatible(case):
        return None
    found: list[Finding] = []
    builds = [build for build in frameworks(case) if cuda_of(case, build)]
    if not builds:
        return NotApplicable("no CUDA build is installed")
    for build in builds:
        cuda = cuda_of(case, build) or ""
        need = floor(cuda, system(case))
        if need is None or at_least(driver, need.minor_compat) or build.cuda_available is True:
            continue
        other = other_build(case) if build.name == "torch" else None
        found.append(
            finding(
                "driver-too-old-for-cuda",
                seen("NVIDIA driver", driver, case.source("/proc/driver/nvidia/version")),
                build_evidence(case, build),
                seen(f"oldest driver for CUDA {cuda}", need.minor_compat, need.table),
                subject=env_subject(case),
                title=f"NVIDIA driver {driver} is too old for {build_name(case, build)}",
                confidence="certain" if known(build.cuda) or known(build.variant) else "likely",
                remedies=[driver_command(case, need.minor_compat), *([other] if other else [])],
            )
        )
    return found


def _direction(entries: list[str], cc: str) -> Literal["old", "new"]:
    """Builds drop GPUs from the low end, so what is missing in between is one that later builds add."""
    have = [key(arch.capability(entry)) for entry in entries]
    return "new" if have and min(have) < key(cc) else "old"


def gpu_arch(case: Case) -> Outcome:
    """Binary code runs on the same major and a higher minor; PTX on anything newer, if the driver can compile it."""
    build = framework(case, "torch")
    if build is None:
        return NotApplicable("torch is not installed")
    cuda = cuda_of(case, build)
    code = archs(case, build)
    if cuda is None:
        return NotApplicable("not a CUDA build")
    if code is None:
        return _by_toolkit(case, build, cuda)
    driver, need = known(case.driver.nvidia), floor(cuda, system(case))
    native = driver is None or need is None or need.native is None or at_least(driver, need.native)
    found: list[Finding] = []
    unnamed = [gpu for gpu in gpus(case, "nvidia") if capability(gpu) is None]
    for gpu in gpus(case, "nvidia"):
        cc = capability(gpu)
        if cc is None or arch.covers(code.entries, cc, native_driver=native):
            continue
        if not native and arch.covers(code.entries, cc):
            found.append(_needs_ptx(case, build, gpu, code.source))
            continue
        found.append(_no_code(case, build, gpu, cc, code))
    if not found and unnamed:
        return Unknown(f"the compute capability of {known(unnamed[0].name) or 'a GPU'} is not known")
    return found


def _by_toolkit(case: Case, build: Framework, cuda: str) -> Outcome:
    """Without the list of a build its CUDA bounds it: no code for generations that came after the toolkit.

    Within a generation code of a lower minor runs too, so only the major counts.
    """
    last = older.toolkit_last_cc(cuda)
    newer = [gpu for gpu in gpus(case, "nvidia") if last and key(capability(gpu) or "")[:1] > key(last.cc)[:1]]
    if last is None or not newer:
        return Unknown(f"the architectures of {build_name(case, build)} are not known")
    other = other_build(case)
    return [
        finding(
            "gpu-arch-too-new-for-wheel",
            seen("GPU", label(gpu), case.source("nvml")),
            build_evidence(case, build),
            seen(f"newest GPU of CUDA {last.cuda}", f"compute capability {last.cc}", older.cite(last.source)),
            subject=subject(gpu),
            title=f"{build_name(case, build)} is older than the {known(gpu.name) or 'GPU'}",
            confidence="likely",
            remedies=[other] if other else None,
        )
        for gpu in newer
    ]


def _no_code(case: Case, build: Framework, gpu: Gpu, cc: str, code: Archs) -> Finding:
    direction = _direction(code.entries, cc)
    other = other_build(case)
    nothing = fix("No published build has all the GPUs of this machine: hide one with CUDA_VISIBLE_DEVICES", None)
    return finding(
        f"gpu-arch-too-{direction}-for-wheel",
        seen("GPU", label(gpu), case.source("nvml")),
        build_evidence(case, build),
        seen("it has code for", " ".join(code.entries), code.source),
        subject=subject(gpu),
        title=f"{build_name(case, build)} has no code for the {known(gpu.name) or 'GPU'} (sm_{cc.replace('.', '')})",
        confidence="certain" if code.certain else "likely",
        remedies=[other or nothing],
    )


def _needs_ptx(case: Case, build: Framework, gpu: Gpu, source: str) -> Finding:
    need = floor(cuda_of(case, build) or "", system(case))
    newer = [driver_command(case, need.native)] if need and need.native else []
    other = other_build(case)
    return finding(
        "ptx-jit-newer-than-driver",
        seen("GPU", label(gpu), case.source("nvml")),
        seen("NVIDIA driver", known(case.driver.nvidia), case.source("/proc/driver/nvidia/version")),
        seen(build_name(case, build), "has only PTX for this GPU", source),
        subject=subject(gpu),
        confidence="likely",
        remedies=[*newer, *([other] if other else [])],
    )


def _before_gpu(case: Case, gpu: Gpu, drive: drivers.Drive) -> Finding:
    return finding(
        "driver-too-old-for-cuda",
        seen("GPU", f"{label(gpu)}, {drive.architecture}", case.source("/proc/driver/nvidia/gpus")),
        seen("NVIDIA driver", known(case.driver.nvidia), case.source("/proc/driver/nvidia/version")),
        seen(f"first branch for {drive.architecture}", drive.first, drive.table),
        subject=subject(gpu),
        title=f"NVIDIA driver {known(case.driver.nvidia)} is older than the {known(gpu.name) or 'GPU'}",
        confidence="likely",
        consequence="The driver does not know this GPU and cannot start it.",
        remedies=[driver_command(case, str(drive.first))],
    )


def branch_dropped(case: Case) -> Outcome:
    """Also the other way round: a driver from before the GPU existed."""
    driver = known(case.driver.nvidia)
    if driver is None:
        return NotApplicable("no NVIDIA driver")
    if case.nvml is not None and case.nvml.status == "ok":
        return None
    for gpu in gpus(case, "nvidia"):
        cc = capability(gpu)
        drive = drivers.drives(driver, cc) if cc else None
        if drive is None or drive.ok:
            continue
        if drive.last is None or drive.branch <= drive.last:
            return _before_gpu(case, gpu, drive)
        return finding(
            "driver-branch-dropped-gpu",
            seen("GPU", f"{label(gpu)}, {drive.architecture}", case.source("/proc/driver/nvidia/gpus")),
            seen("NVIDIA driver", driver, case.source("/proc/driver/nvidia/version")),
            seen(f"last branch for {drive.architecture}", drive.last, drive.table),
            subject=subject(gpu),
            confidence="likely",
            remedies=[fix(f"Install a driver of branch {drive.last}, then reboot", None, "reboot")],
        )
    return None


CHECKS = (
    Check("driver-too-old-for-cuda", "driver", driver_too_old, NVIDIA, ("driver.nvidia", "environment.frameworks")),
    Check("driver-branch-dropped-gpu", "driver", branch_dropped, NVIDIA, ("driver.nvidia", "gpus")),
    Check("gpu-arch", "pytorch", gpu_arch, NVIDIA & TORCH, ("gpus",)),
)
