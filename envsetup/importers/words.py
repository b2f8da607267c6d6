"""How tools write values: versions, yes and no, "Could not collect", names of systems and of GPU makers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envsetup.importers.facts import Facts

# Nobody could look: collect_env and its kin write these where a command failed.
_UNREADABLE = {
    "",
    "could not collect",
    "n/a",
    "na",
    "unknown",
    "_no response_",
    "no response",
    "not set",
    "-",
    "?",
    "none found",
}

_VERSION = re.compile(r"\d{1,4}(?:\.\d{1,6}){1,4}")
_TAG = re.compile(r"\+(cu\d{2,3}|cpu|rocm[\d.]{1,10}|xpu)\b", re.IGNORECASE)

# Names as distributions write them to the ids of os-release.
_DISTROS = (
    ("red hat enterprise linux", "rhel"),
    ("redhat", "rhel"),
    ("rhel", "rhel"),
    ("centos", "centos"),
    ("rocky", "rocky"),
    ("almalinux", "almalinux"),
    ("oracle linux", "ol"),
    ("amazon linux", "amzn"),
    ("opensuse tumbleweed", "opensuse-tumbleweed"),
    ("opensuse", "opensuse-leap"),
    ("suse linux enterprise", "sles"),
    ("linux mint", "linuxmint"),
    ("pop!_os", "pop"),
    ("ubuntu", "ubuntu"),
    ("debian", "debian"),
    ("fedora", "fedora"),
    ("arch linux", "arch"),
    ("manjaro", "manjaro"),
    ("alpine", "alpine"),
    ("gentoo", "gentoo"),
    ("nixos", "nixos"),
    ("openeuler", "openeuler"),
    ("kali", "kali"),
)
_ARCHES = {"x86_64": "x86_64", "amd64": "x86_64", "x64": "x86_64", "aarch64": "aarch64", "arm64": "arm64"}
_ARCH = re.compile(r"\b(x86_64|amd64|aarch64|arm64|ppc64le|riscv64|s390x|armv7l|i[36]86)\b", re.IGNORECASE)
_WINDOWS = re.compile(r"windows|\bwin(?:7|8|10|11|32|64)\b", re.ASCII)
_SYSTEM_VERSION = re.compile(r"\d{1,4}(?:\.\d{1,3})?")


def unreadable(value: str) -> bool:
    """Whether a tool wrote that it could not look."""
    return value.strip().lower() in _UNREADABLE


def version(value: str) -> str | None:
    """The first dotted version in a value."""
    found = _VERSION.search(value)
    return found.group() if found else None


def tag(value: str) -> str | None:
    """The build variant in a local version: 2.6.0+cu124 gives cu124."""
    found = _TAG.search(value)
    return found.group(1).lower() if found else None


def cuda_of(variant: str) -> str | None:
    """cu124 gives 12.4; what is no CUDA variant gives None."""
    digits = variant[2:]
    return f"{digits[:-1]}.{digits[-1]}" if variant.startswith("cu") and digits.isdigit() else None


def yes(value: str) -> bool | None:
    """True, False, or None when it is neither."""
    word = value.strip().lower().split(" ")[0].rstrip(",.;")
    return {"yes": True, "true": True, "no": False, "false": False}.get(word)


def vendor(name: str) -> str:
    """The maker of a GPU by its name."""
    lower = name.lower()
    if any(word in lower for word in ("radeon", "amd ", "instinct", "gfx")):
        return "amd"
    if any(word in lower for word in ("intel", "arc(tm)", "arc ", "data center gpu max", "data center gpu flex")):
        return "intel"
    return "apple" if lower.startswith("apple") else "nvidia"


def arch(facts: Facts, value: str, weight: int) -> None:
    """The processor architecture named in a value."""
    found = _ARCH.search(value)
    if found:
        name = found.group(1).lower()
        facts.put("arch", _ARCHES.get(name, name), weight)


def system(facts: Facts, value: str, weight: int) -> None:
    """Operating system and distribution from a line such as `Ubuntu 22.04.5 LTS (x86_64)`."""
    lower = value.lower()
    arch(facts, value, weight)
    if "wsl" in lower:
        facts.put("os.wsl", True, weight)  # noqa: FBT003 - a fact's value
    if _WINDOWS.search(lower) and "wsl" not in lower:
        facts.put("os.system", "windows", weight)
        _windows_version(facts, value, weight)
        return
    if "macos" in lower or "mac os" in lower or "darwin" in lower or "osx" in lower:
        facts.put("os.system", "macos", weight)
        found = version(value)
        if found and "darwin" not in lower:
            facts.put("os.version", found, weight)
        return
    for name, ident in _DISTROS:
        if name in lower:
            facts.put("os.system", "linux", weight)
            number = _SYSTEM_VERSION.search(value, lower.index(name) + len(name))
            facts.put("os.distro", f"{ident} {number.group()}" if number else ident, weight)
            return
    if "linux" in lower:
        facts.put("os.system", "linux", weight)


def _windows_version(facts: Facts, value: str, weight: int) -> None:
    build = re.search(r"\b10\.0\.\d{5}(?:\.\d{1,6})?", value)
    name = re.search(
        r"win(?:dows)?(?:-|\s|server|enterprise|home|pro|microsoft){0,4}(\d{1,4}(?:\.\d)?)", value, re.IGNORECASE
    )
    found = build.group() if build else name.group(1) if name else None
    if found:
        facts.put("os.version", found, weight)


def platform(facts: Facts, value: str, weight: int) -> None:
    """Python's platform string: Linux-5.15.0-144-generic-x86_64-with-glibc2.35."""
    arch(facts, value, weight)
    if value.startswith("Linux-"):
        facts.put("os.system", "linux", weight)
        kernel = value[len("Linux-") :]
        found = _ARCH.search(kernel)
        kernel = kernel[: found.start()].rstrip("-.") if found else kernel
        facts.put("os.kernel", kernel, weight)
        wsl(facts, kernel, weight)
        if "tegra" in kernel:
            facts.put("tegra", kernel, weight)
    elif value.startswith(("Windows", "macOS", "Darwin")):
        system(facts, value.replace("-", " "), weight)
    libc = re.search(r"with-(glibc|musl)-?(\d{1,2}\.\d{1,3})", value)
    if libc:
        glibc(facts, libc.group(1), libc.group(2), weight)


def wsl(facts: Facts, kernel: str, weight: int) -> None:
    """WSL shows in the kernel's name; WSL 1 pretends to be 4.4 with a capital M."""
    lower = kernel.lower()
    if "microsoft" in lower:
        facts.put("os.wsl", True, weight)  # noqa: FBT003
        facts.put("os.wsl_version", 1 if kernel.startswith("4.4") else 2, weight)
    else:
        facts.put("os.wsl", False, weight)  # noqa: FBT003


def glibc(facts: Facts, name: str, number: str, weight: int) -> None:
    """The C library that a tool named."""
    facts.put("libc.name", name, weight)
    facts.put("libc.version", number, weight)


def python(facts: Facts, value: str, weight: int) -> None:
    """A Python version line: 3.13.3 experimental free-threading build (main, ...) [GCC 13] (64-bit runtime)."""
    number = re.search(r"\b([23]\.\d{1,2}(?:\.\d{1,2})?)(t)?(?![\d.])", value)
    if number is None:
        return
    facts.put("python.version", number.group(1), weight)
    if number.group(2) or "free-threading" in value:
        facts.put("python.free_threaded", True, weight)  # noqa: FBT003
    bits = re.search(r"\b(32|64)[- ]bit", value)
    if bits:
        facts.put("python.bits", int(bits.group(1)), weight)
    if "conda" in value.lower():
        facts.put("environment.kind", "conda", weight)
    if "MSC v." in value:
        facts.put("os.system", "windows", weight)


def torch(facts: Facts, value: str, weight: int) -> None:
    """A version of torch, with the build variant where the local version names it."""
    number = re.match(r"v?(\d{1,2}\.\d{1,3}(?:\.\d{1,3})?(?:(?:\.dev|a|b|rc)\d{1,10})?)", value.strip())
    if number is None:
        return
    facts.framework("torch", weight, version=number.group(1))
    variant = tag(value)
    if variant:
        facts.framework("torch", weight, variant=variant)
        facts.framework("torch", weight, cuda=cuda_of(variant))
        if not variant.startswith("rocm"):
            facts.framework("torch", weight, hip=None)
        elif variant != "rocm":
            facts.framework("torch", weight, hip=variant[4:])
