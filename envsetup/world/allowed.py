"""What of a machine may stand in a recording: an allow-list of files, of their lines, and of names in folders."""

from __future__ import annotations

import re
from posixpath import basename
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

KERNEL_LINE = re.compile(
    r"NVRM|amdgpu|[Oo]ut of memory|oom-kill|blocked for more than|unsigned module|module verification failed|Lockdown:"
    r"|I/O error|nvme nvme\d+: I/O|PM: (?:suspend|hibernation)"
)
NAME = re.compile(
    r"nvidia.*|nouveau|nova_core|amdgpu|xe|i915|kfd|dri|dxg|shm|renderD\d+|card\d+|cuda.*|rocm.*|torch|lib|lib64"
    r"|lib(?:cu|nv|nc|amd|hip|roc|rccl|hsa|ze_|stdc|gomp|MIOpen|sycl|torch).*|ld-musl.*|pyvenv\.cfg|conda-meta|bin"
    r"|python[\d.t]*|pypy.*|activate|pip3?|torchrun|jupyter|ipython|tensorboard|(?:site|dist)-packages|[\da-f:.]+"
)
PACKAGES = ("/site-packages", "/dist-packages", "/conda-meta", "/site-packages/nvidia")


def whole(text: str) -> str:
    """A file that says nothing about a person."""
    return text


def lines(pattern: str) -> Callable[[str], str]:
    """Only the lines that match."""
    kept = re.compile(pattern)
    return lambda text: "".join(line for line in text.splitlines(keepends=True) if kept.match(line))


def kernel_log(text: str) -> str:
    """Only what speaks of accelerators and memory."""
    return "".join(line for line in text.splitlines(keepends=True) if KERNEL_LINE.search(line))


def _groups(text: str) -> str:
    """Group names and numbers of the groups that own devices, without members."""
    return re.sub(r"^((?:root|video|render|users):[^:\n]*:\d+:).*$|^.*\n?", r"\1", text, flags=re.MULTILINE)


def _mounts(text: str) -> str:
    """Mount points and kinds, without the server or device behind them."""
    return re.sub(r"^\S+ (\S+ \S+) .*$", r"none \1 - 0 0", text, flags=re.MULTILINE)


def _version(text: str) -> str:
    """Kernel's own words, without who built it where."""
    return re.sub(r"\([\w.-]+@[\w.-]+\)", "(builder@host)", text)


def _pci_ids(text: str) -> str:
    """The vendors whose devices compute: without the sixty thousand others."""
    parts = re.split(r"^(?=[0-9a-f]{4}  )", text, flags=re.MULTILINE)
    return "\n" + "".join(part for part in parts if part.startswith(("10de", "1002", "8086")))


FILES: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = tuple(
    (re.compile(pattern), keep)
    for pattern, keep in (
        (r"/proc/cpuinfo", lines(r"processor|vendor_id|model name|siblings|cpu cores|flags|Features|$")),
        (
            r"/proc/(?:meminfo|uptime|modules|self/cgroup|1/cgroup|sys/kernel/dmesg_restrict|sys/vm/max_map_count|driver/nvidia/version)",
            whole,
        ),
        (r"/proc/driver/nvidia/gpus/[\w:.]+/information", lines(r"Model|Bus Location|Device Minor")),
        (r"/proc/version", _version),
        (r"/proc/mounts", _mounts),
        (r"/sys/.*", whole),
        (r"/etc/group", _groups),
        (r"/(?:etc|usr/lib)/os-release|/etc/nv_tegra_release|/run/systemd/container|/run/reboot-required\.pkgs", whole),
        (r"/lib/apk/db/installed", lines(r"(?:P|V):|$")),
        (r".*/pyvenv\.cfg", lines(r"\s*(?:home|implementation|version|version_info|uv|include-system\S*)\s*=")),
        (r".*/bin/activate", lines(r"\s*(?:export )?VIRTUAL_ENV=")),
        (r".*/bin/[\w.-]+", lambda text: "\n".join(text.split("\n", 3)[:2]) + "\n" if text.startswith("#!") else ""),
        (r".*\.(?:dist|egg)-info/(?:METADATA|PKG-INFO)", lines(r"Name:|Version:|Requires-Dist:|$")),
        (r".*\.dist-info/INSTALLER|.*/torch/version\.py|.*/build_info\.py|.*/version\.(?:json|txt)", whole),
        (r"/usr/share/(?:misc|hwdata)/pci\.ids", _pci_ids),
        (r".*/patchlevel\.h", lines(r"#define PY_VERSION\s")),
        (r".*/\.python-version|.*/\.pyenv/version|/opt/rocm/\.info/version", lines(r"[\w.\s/-]+$")),
    )
)


def file_content(path: str, text: str) -> str | None:
    """What of a file may be recorded, None when the file is not on the list."""
    return next((keep(text) for pattern, keep in FILES if pattern.fullmatch(path)), None)


def folder_names(path: str, names: list[str]) -> list[str]:
    """The names of a folder that may be recorded: of an environment's packages all, elsewhere what probes look for."""
    return names if path.endswith(PACKAGES) else [name for name in names if NAME.fullmatch(basename(name))]
