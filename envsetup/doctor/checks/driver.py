"""The NVIDIA driver: there, the one in the kernel, and answering."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.compat import drivers
from envsetup.compat.tables import key
from envsetup.doctor.builds import capability
from envsetup.doctor.catalogue import entry
from envsetup.doctor.check import Check, NotApplicable, Outcome, Unknown, When, finding, fix, seen
from envsetup.doctor.when import LINUX, NOT_WSL, NVIDIA, driver_works, gpus, has_gpu, in_container, pci_gpus
from envsetup.model.maybe import UNKNOWN, known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case
    from envsetup.model.finding import Evidence, Severity
    from envsetup.model.hardware import PciDevice
    from envsetup.model.maybe import Maybe

OTHER_DRIVERS = ("vfio-pci", "pci-stub", "nova", "nova_core", "xen-pciback")
SOON_DAYS = 6  # before a known hang: time to plan a reboot
MANY = 4  # GPUs; without persistence mode a driver may take 10 to 40 seconds to wake so many
NOT_HERE = NotApplicable("in a container the driver comes from the host")


def _device(device: PciDevice) -> Evidence:
    name = known(device.name) or f"{device.vendor_id}:{device.device_id}"
    return seen("GPU on the PCI bus", f"{name} at {device.address}", f"/sys/bus/pci/devices/{device.address}")


def _severity(case: Case) -> Severity | None:
    return "info" if case.require == "none" else None


def nouveau(case: Case) -> Outcome:
    """Judged per device: nouveau may drive an old display card beside a compute card."""
    taken = [device for device in pci_gpus(case, "nvidia") if device.driver == "nouveau"]
    if not taken or any(device.driver == "nvidia" for device in pci_gpus(case, "nvidia")):
        return None
    return finding(
        "nouveau-loaded",
        *[_device(device) for device in taken],
        seen("kernel driver bound to it", "nouveau", f"/sys/bus/pci/devices/{taken[0].address}/driver"),
        severity=_severity(case),
    )


def other_driver(case: Case) -> Outcome:
    taken = [device for device in pci_gpus(case, "nvidia") if device.driver in OTHER_DRIVERS]
    if not taken or len(taken) < len(pci_gpus(case, "nvidia")):
        return None
    return finding(
        "gpu-bound-to-other-driver",
        *[_device(device) for device in taken],
        seen("kernel driver bound to it", taken[0].driver, f"/sys/bus/pci/devices/{taken[0].address}/driver"),
        severity="info" if case.require in (None, "none") else None,
    )


def not_installed(case: Case) -> Outcome:
    """No module and no library. With a library but no module the module could not be built or loaded."""
    if in_container(case) is True:
        return NOT_HERE
    if case.nvidia.module_loaded is not False:
        return None
    devices = pci_gpus(case, "nvidia")
    if not devices:
        return NotApplicable("no NVIDIA GPU on the PCI bus")
    if any(device.driver in ("nouveau", *OTHER_DRIVERS) for device in devices):
        return NotApplicable("another kernel driver holds the GPU")
    evidence = [*[_device(device) for device in devices], seen("NVIDIA module", "not loaded", "/sys/module/nvidia")]
    library = case.nvidia.library_version
    if library is None or (library is UNKNOWN and case.nvml is not None and case.nvml.status == "missing"):
        evidence.append(seen("libcuda.so.1", "not found", "loader"))
        return finding("driver-not-installed", *evidence, severity=_severity(case))
    if library is UNKNOWN:
        return Unknown("nvidia.library_version is not known")
    evidence.append(seen("driver libraries on disk", library, "libcuda.so"))
    if case.nvidia.secure_boot is True:
        evidence.append(seen("Secure Boot", "on", "efivars"))
        return finding("secure-boot-blocks-module", *evidence, confidence="possible", severity=_severity(case))
    return finding("kernel-module-not-built", *evidence, confidence="likely", severity=_severity(case))


def version_mismatch(case: Case) -> Outcome:
    """NVML's own word counts most; without it the version in the kernel against that of the library on disk."""
    nvml, module, library = case.nvml, known(case.nvidia.module_version), known(case.nvidia.library_version)
    said = known(nvml.error) if nvml else None
    evidence = [
        seen("module in the kernel", module, case.source("/sys/module/nvidia/version")) if module else None,
        seen("driver library", library, case.source("libnvidia-ml.so")) if library else None,
        seen("NVML", said, "nvml") if said else None,
    ]
    told = "version mismatch" in (said or "").lower()
    differ = bool(module and library and key(module) != key(library))  # TensorFlow writes 450.142.00 as 450.142.0
    if (nvml and nvml.status == "ok") or not (told or differ):
        return None
    return finding(
        "driver-library-version-mismatch",
        *[item for item in evidence if item],
        confidence="certain" if told else "likely",
    )


def hangs(case: Case) -> Outcome:
    """A look that did not come back is the finding, not a gap; many GPUs may only be slow to wake."""
    asked = []
    if case.nvml is not None and case.nvml.status == "timeout":
        took = known(case.nvml.ms)
        asked.append(seen("NVML", f"no answer{f' in {took / 1000:.1f} s' if took else ''}", "nvml in a child process"))
    if case.nvidia.smi == "timeout":
        asked.append(seen("nvidia-smi", known(case.nvidia.smi_text) or "no answer before its deadline", "nvidia-smi"))
    if not asked:
        return None
    if len(pci_gpus(case, "nvidia")) >= MANY and not known(case.machine.kernel_events):
        more = fix("Give it more time once", "envsetup doctor --timeout 60")
        remedies = [more, *entry("nvidia-smi-hangs").remedies]
        return finding("nvidia-smi-hangs", *asked, severity="error", confidence="likely", remedies=remedies)
    return finding("nvidia-smi-hangs", *asked)


def switched_off(case: Case) -> Outcome:
    """A sleeping GPU is normal, and asking the driver wakes it: off is one that does not come although asked."""
    cards = pci_gpus(case, "nvidia")
    asleep = [device for device in cards if known(device.power_state) == "D3cold"]
    shown = case.nvml is not None and case.nvml.status == "ok" and bool(gpus(case, "nvidia"))
    others = pci_gpus(case, "intel") or pci_gpus(case, "amd")
    if not asleep or len(asleep) < len(cards) or shown or not others:
        return None
    if case.nvidia.module_loaded is not True:
        return NotApplicable("no NVIDIA module is loaded: another check judges this")
    return finding(
        "hybrid-graphics-dgpu-off",
        *[_device(device) for device in asleep],
        seen("power state", "D3cold, and the driver shows no GPU", f"/sys/bus/pci/devices/{asleep[0].address}"),
        confidence="likely",
        severity=_severity(case),
    )


def long_uptime(case: Case) -> Outcome:
    """Only builds that are known for it, and only when the day is near."""
    driver, seconds = known(case.driver.nvidia), known(case.os.uptime_s)
    ccs = [cc for gpu in gpus(case, "nvidia") if (cc := capability(gpu))]
    row = drivers.hang(driver, ccs) if driver else None
    if row is None or seconds is None or seconds < (row.after_days - SOON_DAYS) * 86400:
        return None
    return finding(
        "uptime-66-day-driver-hang",
        seen("NVIDIA driver", driver, case.source("/proc/driver/nvidia/version")),
        seen("uptime", f"{seconds // 86400} days", case.source("/proc/uptime")),
        seen("hangs after about", f"{row.after_days} days", drivers.cite_hang(row)),
        confidence="likely",
    )


def answers(case: Case) -> Outcome:
    """No finding of its own: it says that nothing could be asked, so that silence is never taken for health."""
    works = driver_works(case)
    if works is UNKNOWN:
        return Unknown("NVML was not asked")
    if works is False and case.nvml is not None and case.nvml.status in ("crashed", "error"):
        return Unknown(f"NVML {case.nvml.status}: {known(case.nvml.error) or 'no reason given'}")
    return None


def _there_to_ask(case: Case) -> Maybe[bool]:
    """An NVIDIA GPU, or a driver that fails to say whether there is one."""
    here = has_gpu(case, "nvidia")
    failed = case.nvml is not None and case.nvml.status in ("error", "crashed")
    return True if here is UNKNOWN and failed else here


HOST = NVIDIA & LINUX & NOT_WSL
CHECKS = (
    Check("nvidia-smi-hangs", "driver", hangs, NVIDIA, needs=("nvidia.nvml.status|nvidia.smi",)),
    Check("nouveau-loaded", "driver", nouveau, HOST, ("pci",)),
    Check("gpu-bound-to-other-driver", "driver", other_driver, HOST, ("pci",)),
    Check("driver-not-installed", "driver", not_installed, HOST, ("pci", "nvidia.module_loaded")),
    Check(
        "driver-library-version-mismatch",
        "driver",
        version_mismatch,
        NVIDIA & NOT_WSL,
        ("nvidia.nvml.status|nvidia.module_version", "nvidia.nvml.status|nvidia.library_version"),
    ),
    Check("hybrid-graphics-dgpu-off", "gpu-config", switched_off, HOST, ("pci", "nvidia.nvml.status")),
    Check("uptime-66-day-driver-hang", "driver", long_uptime, NVIDIA & LINUX, ("driver.nvidia", "os.uptime_s")),
    Check("driver-answers", "driver", answers, When(_there_to_ask, NVIDIA.otherwise)),
)
