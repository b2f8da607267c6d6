"""Operating system, architecture and C library."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.model.machine import Libc, Machine, OperatingSystem
from envsetup.model.maybe import UNKNOWN, Maybe

if TYPE_CHECKING:
    from envsetup.probe.look import Look

SYSTEMS = {"linux": "linux", "darwin": "macos", "win32": "windows", "cygwin": "windows"}
ARCHITECTURES = {"amd64": "x86_64", "x64": "x86_64", "x86_64": "x86_64", "aarch64": "aarch64", "arm64": "arm64"}
REBOOT = "/run/reboot-required"
MUSL_LOADER = re.compile(r"ld-musl-\w+\.so\.1")


def probe_system(look: Look) -> Machine:
    """Facts `os`, `arch`, `libc` and `tegra`."""
    platform = str(look.system("platform") or "")
    system = SYSTEMS.get(platform, platform) or look.unknown("os.system", "the platform has no name")
    machine = str(look.system("machine") or "")
    return Machine(
        os=_operating_system(look, system),
        arch=ARCHITECTURES.get(machine.lower(), machine) or look.unknown("arch", "the kernel names no architecture"),
        libc=_libc(look) if system == "linux" else UNKNOWN,
        tegra=_tegra(look) if system == "linux" else None,
    )


def _operating_system(look: Look, system: Maybe[str]) -> OperatingSystem:
    release = str(look.system("release") or "")
    kernel = look.text("/proc/version").lower()
    wsl = "microsoft" in kernel or "microsoft" in release.lower()
    return OperatingSystem(
        system=system,
        distro=_distribution(look) if system == "linux" else None,
        kernel=release or UNKNOWN,
        version=_version(look, system),
        wsl=wsl,
        wsl_version=(2 if "wsl2" in kernel + release.lower() else 1) if wsl else UNKNOWN,
        uptime_s=_uptime(look),
        reboot_required=_reboot_required(look) if system == "linux" else UNKNOWN,
    )


def _distribution(look: Look) -> Maybe[str | None]:
    text = look.text("/etc/os-release") or look.text("/usr/lib/os-release")
    values = dict(re.findall(r'^(ID|VERSION_ID)="?([^"\n]*)"?$', text, re.MULTILINE))
    if "ID" not in values:
        return look.unknown("os.distro", "/etc/os-release is missing or names no distribution")
    return f"{values['ID']} {values.get('VERSION_ID', '')}".strip()


def _version(look: Look, system: Maybe[str]) -> Maybe[str]:
    if system == "macos":
        return str(look.system("mac_version") or "") or UNKNOWN
    if system == "windows":
        return str(look.system("os_version") or "") or UNKNOWN
    return UNKNOWN


def _uptime(look: Look) -> Maybe[int]:
    found = re.match(r"\d+", look.text("/proc/uptime"))
    return int(found[0]) if found else UNKNOWN


def _reboot_required(look: Look) -> list[str]:
    """The packages that Debian and Ubuntu note here when they wait for a reboot."""
    return list(dict.fromkeys(look.text(f"{REBOOT}.pkgs").split())) or (["?"] if look.exists(REBOOT) else [])


def _libc(look: Look) -> Libc:
    """Which C library: glibc names itself; musl does not, and is known by its loader and by Alpine's packages."""
    name, _, version = str(look.system("confstr_libc") or "").partition(" ")
    if name == "glibc":
        return Libc(name=name, version=version)
    if not any(MUSL_LOADER.fullmatch(name) for name in look.names("/lib")):
        return Libc(name=look.unknown("libc.name", "neither glibc nor musl answers"))
    found = re.search(r"^P:musl\nV:([\d.]+)", look.text("/lib/apk/db/installed", limit=8 << 20), re.MULTILINE)
    return Libc(
        name="musl",
        version=found[1] if found else look.unknown("libc.version", "musl tells its version only to its own loader"),
    )


def _tegra(look: Look) -> str | None:
    """A Jetson's L4T release, e.g. 36.2.0."""
    found = re.search(r"R(\d+) \(release\), REVISION: ([\d.]+)", look.text("/etc/nv_tegra_release"))
    return f"{found[1]}.{found[2]}" if found else None
