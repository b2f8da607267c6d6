"""Facts that tell one meaning of a message from another: each is true only when the machine is known to be so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.compat import arch, gpus, older, tensorflow, torch
from envsetup.compat.tables import at_least, key
from envsetup.doctor.builds import archs, capability, cuda_of, floor, processor, system
from envsetup.doctor.memory import memory_of_others, small_memory
from envsetup.doctor.when import framework, has_any_gpu, pci_gpus
from envsetup.doctor.when import gpus as gpus_of
from envsetup.model.maybe import known

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.doctor.case import Case
    from envsetup.doctor.symptoms import Rules

_MISSING = re.compile(r"No module named ['\"]?(\w{2,60})", re.IGNORECASE)


def _rules() -> Rules:
    from envsetup.doctor.symptoms import rules  # noqa: PLC0415 - a live look is spared the text readers

    return rules()


def _limit(name: str) -> str:
    return _rules().limits[name].value


def _nvidia_ccs(case: Case) -> list[str]:
    return [cc for gpu in gpus_of(case, "nvidia") if (cc := capability(gpu))]


def _standing(case: Case, cc: str) -> str | None:
    """How a GPU stands to the installed torch: covered, newer or older than its code; None when nothing tells.

    Without a list of the build's architectures its CUDA version bounds them, and without any build the newest
    release does: what even that has dropped is old.
    """
    build = framework(case, "torch")
    code = archs(case, build) if build else None
    if code is not None:
        if arch.covers(code.entries, cc):
            return "covered"
        oldest = min(key(arch.capability(entry)) for entry in code.entries)
        return "newer" if oldest < key(cc) else "older"
    cuda = cuda_of(case, build) if build else None
    last = older.toolkit_last_cc(cuda) if cuda else None
    if last is not None and key(cc) > key(last.cc):
        return "newer"
    if key(cc) < key(_rules().wheels_from.capability):
        return "older"
    if last is not None:
        return "covered"
    return "older" if build is None and key(cc) < _oldest_served() else None


def _oldest_served() -> tuple[int, ...]:
    """The oldest capability that the newest release's default build has code for."""
    newest = torch.releases()[0]
    variant = torch.default_variant(newest.version, "linux", "x86_64")
    row = torch.arch_list(newest.version, variant) if variant else None
    return min((key(arch.capability(entry)) for entry in row.archs), default=(0,)) if row else (0,)


def gpu_newer_than_wheel(case: Case) -> bool:
    return any(_standing(case, cc) == "newer" for cc in _nvidia_ccs(case))


def gpu_older_than_wheel(case: Case) -> bool:
    return any(_standing(case, cc) == "older" for cc in _nvidia_ccs(case))


def wheel_covers_gpu(case: Case) -> bool:
    """The framework has code for every GPU, so what has none is something else."""
    ccs = _nvidia_ccs(case)
    return bool(ccs) and all(_standing(case, cc) == "covered" for cc in ccs)


def gpu_below_library(case: Case) -> bool:
    """An installed library does not support a GPU this old at all."""
    minima = [row.capability for name, row in _rules().library_minimum.items() if name in case.packages]
    return any(key(cc) < key(minimum) for cc in _nvidia_ccs(case) for minimum in minima)


def _driver_fits(case: Case) -> bool | None:
    build, driver = framework(case, "torch"), known(case.driver.nvidia)
    cuda = cuda_of(case, build) if build else None
    need = floor(cuda, system(case)) if cuda else None
    return at_least(driver, need.minor_compat) if need and driver else None


def driver_too_old(case: Case) -> bool:
    return _driver_fits(case) is False


def driver_covers_build(case: Case) -> bool:
    """The driver is native for the CUDA that the build states, not only compatible within its major."""
    build, driver = framework(case, "torch"), known(case.driver.nvidia)
    cuda = cuda_of(case, build) if build and (known(build.cuda) or known(build.variant)) else None
    need = floor(cuda, system(case)) if cuda else None
    return bool(need and need.native and driver and at_least(driver, need.native))


def no_gpu(case: Case) -> bool:
    """Only a look at the machine shows that it has none; a text that names none leaves it open."""
    return case.kind != "text" and has_any_gpu(case) is False


def driver_below_nvcc(case: Case) -> bool:
    """Code that the local nvcc compiled is newer than the driver."""
    nvcc, driver = known(case.cuda.nvcc_version), known(case.driver.nvidia)
    need = floor(".".join(nvcc.split(".")[:2]), system(case)) if nvcc else None
    return bool(need and need.native and driver and not at_least(driver, need.native))


def container(case: Case) -> bool:
    return known(case.container.runtime) is not None


def apptainer(case: Case) -> bool:
    return known(case.container.runtime) in ("apptainer", "singularity")


def not_container(case: Case) -> bool:
    return case.container.runtime is None


def container_without_driver(case: Case) -> bool:
    return container(case) and not gpus_of(case, "nvidia") and known(case.driver.nvidia) is None


def wsl(case: Case) -> bool:
    return case.os.wsl is True


def wsl_windows_preview(case: Case) -> bool:
    """WSL on a Windows build without working GPU support: before 21H2, or an insider preview between the releases."""
    found = re.match(r"10\.0\.(\d{5})", known(case.os.version) or "")
    if not wsl(case) or found is None:
        return False
    build = int(found.group(1))
    preview = int(_limit("wsl-preview-from")) <= build < int(_limit("wsl-preview-to"))
    return preview or build < int(_limit("wsl-first-build"))


def windows(case: Case) -> bool:
    return case.os.system == "windows"


def macos(case: Case) -> bool:
    return case.os.system == "macos"


def intel_mac(case: Case) -> bool:
    return macos(case) and case.machine.arch == "x86_64"


def desktop_linux(case: Case) -> bool:
    """Linux on a machine that may sleep: no container, no WSL, and no data centre GPU."""
    rows = [gpus.compute_capability(known(gpu.name) or "") for gpu in gpus_of(case, "nvidia")]
    server = any(row is not None and row.kind == "datacenter" for row in rows)
    return case.os.system == "linux" and not server and not wsl(case) and not container(case)


def amd_only(case: Case) -> bool:
    amd = gpus_of(case, "amd") or pci_gpus(case, "amd")
    return bool(amd) and not gpus_of(case, "nvidia") and not pci_gpus(case, "nvidia")


def nvidia_only(case: Case) -> bool:
    return bool(gpus_of(case, "nvidia")) and not gpus_of(case, "amd") and not pci_gpus(case, "amd")


def needs_open_module(case: Case) -> bool:
    """A GPU for which there are only the open kernel modules."""
    return any(key(cc) >= key(_limit("open-modules-only-from")) for cc in _nvidia_ccs(case))


def windows_gpu_named(case: Case) -> bool:
    return windows(case) and nvidia_gpu(case)


def nvidia_gpu(case: Case) -> bool:
    return bool(gpus_of(case, "nvidia") or pci_gpus(case, "nvidia"))


def framework_sees_gpu(case: Case) -> bool:
    """Where the report was made, the framework saw a GPU; so the failing process differs, not the machine."""
    build = framework(case, "torch")
    return build is not None and build.cuda_available is True


def geforce(case: Case) -> bool:
    """GPUs of desktops and workstations alone, which have no NVSwitch."""
    names = [(known(gpu.name) or "").lower() for gpu in gpus_of(case, "nvidia")]
    return bool(names) and all("geforce" in name or re.search(r"\b[rg]tx\b", name) for name in names)


def mig_without_instance(case: Case) -> bool:
    cards = gpus_of(case, "nvidia")
    return any(gpu.mig_mode == "enabled" and not known(gpu.mig_instances) for gpu in cards)


def smi_failed(case: Case) -> bool:
    return case.nvidia.smi in ("error", "missing")


def torch_cpu(case: Case) -> bool:
    build = framework(case, "torch")
    return build is not None and (build.variant == "cpu" or (build.cuda is None and build.hip is None))


def torch_cuda_build(case: Case) -> bool:
    """The build is one for CUDA as a file or report says; what the index gives by default is no proof here."""
    build = framework(case, "torch")
    return build is not None and bool(known(build.cuda))


def torch_cpu_gpu_known(case: Case) -> bool:
    return torch_cpu(case) and bool(_nvidia_ccs(case))


def torch_rocm(case: Case) -> bool:
    build = framework(case, "torch")
    return build is not None and (bool(known(build.hip)) or (known(build.variant) or "").startswith("rocm"))


def stubs_on_path(case: Case) -> bool:
    """The linker's stand-in for the driver is where programs look for the driver."""
    return "/stubs" in case.variables.get("LD_LIBRARY_PATH", "")


def tf_windows_dropped(case: Case) -> bool:
    """The installed release of TensorFlow has no GPU support on Windows."""
    row = tensorflow.release(case.packages.get("tensorflow", ""))
    return windows(case) and row is not None and not row.windows_gpu


def torch_without_libomp(case: Case) -> bool:
    """Torch 2.4.0 for Windows needed a libomp140.x86_64.dll that it did not bring."""
    return (known(build.version) if (build := framework(case, "torch")) else None) == _limit("torch-without-libomp")


def extension_other_major(case: Case) -> bool:
    """The framework brings CUDA of one major; the missing library is one of another, so an extension wants it."""
    build = framework(case, "torch")
    cuda = known(build.cuda) if build else None
    libraries = re.compile(r"lib(?:cudart|cublas|cublaslt|nvrtc)\.so\.(\d{2})", re.IGNORECASE)
    wanted = {major for hit in case.symptoms for major in libraries.findall(hit.text)}
    return bool(cuda and wanted) and str(key(cuda or "0")[0]) not in wanted


def missing_is_listed(case: Case) -> bool:
    """The module that was not found is installed somewhere: another Python looked for it."""
    wanted = {name.lower() for hit in case.symptoms for name in _MISSING.findall(hit.text)}
    listed = {*case.packages, *(known(case.environment.conda_packages) or {})}
    return any(name in listed or (name == "torch" and "pytorch" in listed) for name in wanted)


def conda_cpu(case: Case) -> bool:
    return "cpu" in (known(case.environment.conda_packages) or {}).get("pytorch", "")


def jetson(case: Case) -> bool:
    names = [(known(gpu.name) or "").lower() for gpu in gpus_of(case, "nvidia")]
    return bool(known(case.machine.tegra)) or any("jetson" in name or "orin" in name for name in names)


def no_avx(case: Case) -> bool:
    flags = known(case.cpu.flags)
    return flags is not None and "avx" not in flags and processor(case) == "x86_64"


def python_32bit(case: Case) -> bool:
    return case.python.bits == 32  # noqa: PLR2004 - its name


def musl(case: Case) -> bool:
    return case.libc.name == "musl" or (known(case.os.distro) or "").startswith("alpine")


def rare_arch(case: Case) -> bool:
    return known(case.machine.arch) not in (None, "x86_64", "aarch64", "arm64")


def old_glibc(case: Case) -> bool:
    have, build = known(case.libc.version), torch.releases()[0]
    need = torch.libc_floor(build.version, arch=processor(case))
    return bool(have and need and case.libc.name == "glibc" and key(have) < key(need))


def old_pip(case: Case) -> bool:
    have = case.packages.get("pip")
    return bool(have) and not at_least(have or "", _limit("pip-manylinux2014"))


def numpy_1(case: Case) -> bool:
    return case.packages.get("numpy", "").startswith("1.")


def numpy_2(case: Case) -> bool:
    return case.packages.get("numpy", "").startswith("2.")


# The names that data/symptoms.json uses.
FACTS: dict[str, Callable[[Case], bool]] = {
    "amd-only": amd_only,
    "apptainer": apptainer,
    "conda-cpu": conda_cpu,
    "container": container,
    "container-without-driver": container_without_driver,
    "desktop-linux": desktop_linux,
    "driver-below-nvcc": driver_below_nvcc,
    "driver-covers-build": driver_covers_build,
    "driver-too-old": driver_too_old,
    "extension-other-major": extension_other_major,
    "framework-sees-gpu": framework_sees_gpu,
    "geforce": geforce,
    "gpu-below-library": gpu_below_library,
    "gpu-newer-than-wheel": gpu_newer_than_wheel,
    "gpu-older-than-wheel": gpu_older_than_wheel,
    "intel-mac": intel_mac,
    "jetson": jetson,
    "macos": macos,
    "memory-of-others": memory_of_others,
    "mig-without-instance": mig_without_instance,
    "missing-is-listed": missing_is_listed,
    "musl": musl,
    "no-avx": no_avx,
    "needs-open-module": needs_open_module,
    "no-gpu": no_gpu,
    "not-container": not_container,
    "numpy-1": numpy_1,
    "numpy-2": numpy_2,
    "nvidia-gpu": nvidia_gpu,
    "nvidia-only": nvidia_only,
    "old-glibc": old_glibc,
    "old-pip": old_pip,
    "python-32bit": python_32bit,
    "rare-arch": rare_arch,
    "small-memory": small_memory,
    "smi-failed": smi_failed,
    "stubs-on-path": stubs_on_path,
    "tf-windows-dropped": tf_windows_dropped,
    "torch-without-libomp": torch_without_libomp,
    "torch-cpu": torch_cpu,
    "torch-cpu-gpu-known": torch_cpu_gpu_known,
    "torch-cuda-build": torch_cuda_build,
    "torch-rocm": torch_rocm,
    "wheel-covers-gpu": wheel_covers_gpu,
    "windows": windows,
    "windows-gpu-named": windows_gpu_named,
    "wsl": wsl,
    "wsl-windows-preview": wsl_windows_preview,
}
