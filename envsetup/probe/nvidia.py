"""The NVIDIA driver in the kernel, its device files, and its libraries on disk. Nothing here touches the GPU."""

from __future__ import annotations

import re
from posixpath import dirname, join
from typing import TYPE_CHECKING

from envsetup.model.drivers import DeviceNode, Driver, NvidiaStack
from envsetup.model.hardware import Gpu
from envsetup.model.machine import Machine
from envsetup.model.maybe import UNKNOWN, Maybe
from envsetup.probe.loader import NIXOS, WSL
from envsetup.probe.nodes import device_node

if TYPE_CHECKING:
    from envsetup.probe.look import Look

MODULES = ("nvidia", "nvidia_uvm", "nvidia_modeset", "nvidia_drm", "nvidia_peermem", "nouveau", "nova_core")
PROC = "/proc/driver/nvidia"
NODE = re.compile(r"nvidia(\d+|ctl|-uvm|-uvm-tools|-modeset)")
DRIVER_FILES = re.compile(r"lib(?:cuda|nvidia-ml)\.so\.(\d+\.\d+(?:\.\d+)*)")
SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
FABRIC_MANAGER = ("/usr/bin/nv-fabricmanager", "/usr/share/nvidia/nvswitch")
FABRIC_PID = "/run/nvidia-fabricmanager/nv-fabricmanager.pid"
MODULE_FOLDERS = (
    "updates/dkms",
    "updates",
    "extra",
    "extra/nvidia",
    "kernel/drivers/video",
    "kernel/nvidia",
    "weak-updates",
)
MODPROBE = "/usr/bin/nvidia-modprobe"
NVSWITCH_CLASS = "0x068000"


def probe_nvidia(look: Look) -> Machine:
    """Facts `nvidia`, `driver.nvidia`, and the GPUs that the kernel module names in /proc."""
    modules = _modules(look)
    banner = look.text(f"{PROC}/version").split("\n", 1)[0]
    version = _module_version(look, banner)
    on_disk = _versions_on_disk(look)
    return Machine(
        driver=Driver(nvidia=_driver(look, version)),
        nvidia=NvidiaStack(
            modules=modules,
            module_loaded="nvidia" in modules or bool(banner) if isinstance(modules, list) else bool(banner) or UNKNOWN,
            module_version=version,
            module_open="Open Kernel Module" in banner if banner else UNKNOWN,
            nouveau_loaded="nouveau" in modules if isinstance(modules, list) else UNKNOWN,
            module_on_disk=_module_on_disk(look),
            library_version=_library_version(look, on_disk),
            library_versions=on_disk,
            device_nodes=_device_nodes(look, expected=bool(banner) or isinstance(version, str)),
            fabric_manager=_fabric_manager(look),
            nvswitches=_nvswitches(look),
            secure_boot=_secure_boot(look),
            modprobe_setuid=_modprobe_setuid(look),
        ),
        gpus=_named_by_kernel(look),
    )


def _modules(look: Look) -> Maybe[list[str]]:
    loaded = look.listing("/sys/module", "nvidia.modules")
    if loaded is None:
        loaded = re.findall(r"^(\w+) ", look.text("/proc/modules"), re.MULTILINE) or None
    if loaded is None:
        return look.unknown("nvidia.modules", "neither /sys/module nor /proc/modules is there")
    return [name for name in MODULES if name in loaded] if isinstance(loaded, list) else UNKNOWN


def _module_on_disk(look: Look) -> Maybe[bool]:
    """Whether the running kernel has an nvidia.ko to load.

    A container sees its own /lib/modules, mostly none: that is no fact about the host, nor worth a word.
    """
    release = str(look.system("release") or "")
    root = f"/lib/modules/{release}"
    if not release or not look.exists(root):
        return UNKNOWN
    names = {name.split(".ko")[0] for folder in MODULE_FOLDERS for name in look.names(join(root, folder))}
    return "nvidia" in names or any(name.startswith("nvidia-") for name in names)


def _module_version(look: Look, banner: str) -> Maybe[str | None]:
    """`NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 ...`, or sysfs."""
    found = re.search(r"Kernel Module\D*?(?:for \S+)?\s+(\d+\.\d+(?:\.\d+)?)", banner)
    if found:
        return found[1]
    return look.read("/sys/module/nvidia/version", "nvidia.module_version") and (
        look.text("/sys/module/nvidia/version").strip() or UNKNOWN
    )


def _driver(look: Look, version: Maybe[str | None]) -> Maybe[str | None]:
    """The kernel module's version. Under WSL the driver is Windows', and only NVML knows it."""
    if version is None and look.exists("/dev/dxg"):
        return look.unknown("driver.nvidia", "the driver is Windows': only NVML can tell its version")
    return version


def _versions_on_disk(look: Look) -> list[str]:
    """Versions of every libcuda and libnvidia-ml beside those that the loader finds, newest first."""
    libraries = [look.loader.find(name) for name in ("libcuda.so.1", "libnvidia-ml.so.1")]
    folders = {dirname(library.path) for library in libraries if library} | {WSL, NIXOS}
    names = [name for folder in folders for name in look.names(folder)]
    versions = {found[1] for found in map(DRIVER_FILES.fullmatch, names) if found}
    return sorted(versions, key=lambda text: [int(part) for part in text.split(".")], reverse=True)


def _library_version(look: Look, on_disk: list[str]) -> Maybe[str | None]:
    """The version that a program gets: of the libcuda or libnvidia-ml that wins for the loader."""
    for soname in ("libcuda.so.1", "libnvidia-ml.so.1"):
        library = look.loader.find(soname)
        if library is not None and isinstance(library.version, str):
            return library.version
        if library is not None and not on_disk:
            return look.unknown("nvidia.library_version", f"{library.path} has no version in its name")
    return on_disk[0] if on_disk else None


def _device_nodes(look: Look, *, expected: bool) -> Maybe[list[DeviceNode]]:
    """The nodes that are there, and those that a loaded driver needs and that are not."""
    names = look.listing("/dev", "nvidia.device_nodes")
    if not isinstance(names, list):
        return UNKNOWN
    paths = {f"/dev/{name}" for name in names if NODE.fullmatch(name)}
    if expected:
        count = len(look.names(f"{PROC}/gpus"))
        paths |= {"/dev/nvidiactl", "/dev/nvidia-uvm", *(f"/dev/nvidia{index}" for index in range(count or 1))}
    if "dxg" in names:
        paths.add("/dev/dxg")
    return [device_node(look, path) for path in sorted(paths)]


def _fabric_manager(look: Look) -> str | None:
    if not any(look.exists(path) for path in FABRIC_MANAGER):
        return None
    pid = look.text(FABRIC_PID, limit=64).strip()
    return "running" if pid.isdecimal() and look.exists(f"/proc/{pid}") else "stopped"


def _nvswitches(look: Look) -> int:
    """NVSwitch chips: NVIDIA bridges on the PCI bus."""
    bus = "/sys/bus/pci/devices"
    bridges = [
        name for name in look.names(bus) if look.text(join(bus, name, "class"), limit=64).strip() == NVSWITCH_CLASS
    ]
    return sum(look.text(join(bus, name, "vendor"), limit=64).strip() == "0x10de" for name in bridges)


def _secure_boot(look: Look) -> Maybe[bool]:
    """The last byte of the firmware's variable; without EFI there is no Secure Boot."""
    if not look.exists("/sys/firmware/efi"):
        return False if look.exists("/sys/firmware") else look.unknown("nvidia.secure_boot", "no /sys/firmware here")
    try:
        return look.world.read_bytes(SECURE_BOOT)[-1:] == b"\x01"
    except OSError as error:
        return look.unknown("nvidia.secure_boot", f"{SECURE_BOOT}: {error.strerror or error}")


def _modprobe_setuid(look: Look) -> bool:
    """Whether a user's program may load nvidia_uvm and make its device file through NVIDIA's helper."""
    stat = look.stat(MODPROBE)
    return stat is not None and stat.uid == 0 and bool(stat.mode & 0o4000)


def _named_by_kernel(look: Look) -> Maybe[list[Gpu]]:
    """GPUs as /proc names them: known even when NVML cannot answer."""
    gpus = []
    for address in look.names(f"{PROC}/gpus"):
        found = re.search(r"^Model:\s*(\S.*)$", look.text(join(PROC, "gpus", address, "information")), re.MULTILINE)
        gpus.append(Gpu(vendor="nvidia", name=found[1].strip() if found else UNKNOWN, pci_address=address))
    return gpus or UNKNOWN
