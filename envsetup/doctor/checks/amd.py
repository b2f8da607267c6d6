"""AMD GPUs: kernel driver, permission, and whether the build has their target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.compat import gpus as names
from envsetup.doctor.builds import variant_of
from envsetup.doctor.check import Check, NotApplicable, Outcome, Unknown, finding, fix, seen
from envsetup.doctor.checks.versions import build_evidence
from envsetup.doctor.when import (
    AMD,
    LINUX,
    TORCH,
    WSL,
    framework,
    gpus,
    in_container,
    pci_gpus,
    subject,
    wants_vendor,
)
from envsetup.model.maybe import UNKNOWN, known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case
    from envsetup.model.finding import Severity

ROCM_INDEX = "https://download.pytorch.org/whl/"


def _severity(case: Case) -> Severity | None:
    """An integrated AMD GPU beside an NVIDIA card, or without any ROCm build, is nobody's compute device."""
    return None if wants_vendor(case, "amd") else "info"


def module(case: Case) -> Outcome:
    if case.amd.kfd is not None and case.amd.kfd is not UNKNOWN:
        return None
    if not pci_gpus(case, "amd"):
        return NotApplicable("no AMD GPU on the PCI bus")
    device = pci_gpus(case, "amd")[0]
    loaded = case.amd.module_loaded
    title = "The container was started without the AMD GPU" if in_container(case) is True and loaded is True else None
    return finding(
        "rocm-module-missing",
        seen("GPU on the PCI bus", known(device.name) or device.device_id, f"/sys/bus/pci/devices/{device.address}"),
        seen("module amdgpu", "loaded" if loaded is True else "not loaded", "/sys/module/amdgpu"),
        seen("/dev/kfd", "missing", "/dev"),
        severity=_severity(case),
        title=title,
    )


def permission(case: Case) -> Outcome:
    nodes = [known(case.amd.kfd), *(known(case.amd.render_nodes) or [])]
    closed = [node for node in nodes if node and node.exists and (node.readable is False or node.writable is False)]
    kfd = known(case.amd.kfd)
    if not closed or (kfd is not None and kfd not in closed and len(closed) < len([n for n in nodes if n]) - 1):
        return None
    group = known(closed[0].group)
    remedies = None
    if in_container(case) is not True and group and not group.isdecimal() and group != "root":
        remedies = [fix(f"Join the group {group}, then log in again", f'sudo usermod -aG {group} "$USER"', "root")]
    return finding(
        "rocm-no-kfd-permission",
        *[
            seen(n.path, f"mode {known(n.mode) or '?'}, group {known(n.group) or '?'}", f"stat {n.path}")
            for n in closed
        ],
        severity=_severity(case),
        remedies=remedies,
    )


def target(case: Case) -> Outcome:
    """An HSA_OVERRIDE_GFX_VERSION that is set is the user's own answer to this."""
    build = framework(case, "torch")
    variant = variant_of(case, build) if build else None
    if build is None or not (known(build.hip) or (variant or "").startswith("rocm")):
        return NotApplicable("not a ROCm build")
    if "HSA_OVERRIDE_GFX_VERSION" in case.variables:
        return None
    compiled = [entry.split(":")[0] for entry in known(build.arch_list) or []]
    official = variant if variant and variant.startswith("rocm") else None
    found, unknown = [], []
    for gpu in gpus(case, "amd"):
        name, gfx = known(gpu.name) or "AMD GPU", known(gpu.gfx)
        row = names.amd_by_gfx(gfx) if gfx else names.amd_gfx(name)
        gfx = (gfx or (row.gfx if row else "")).split(":")[0]
        if compiled and gfx:
            served: bool | None = gfx in compiled
        else:
            # A build of somebody's own has whatever targets it was made for.
            served = names.rocm_serves(row, official) if row and official else None
        if served is None:
            unknown.append(name)
        elif not served:
            choices = (
                [
                    fix(
                        f"Install a ROCm build that has {gfx}: {row.wheels[-1]}",
                        f"python -m pip install --force-reinstall torch --index-url {ROCM_INDEX}{row.wheels[-1]}",
                    )
                ]
                if row and row.wheels
                else []
            )
            hint = (
                [fix("At your own risk, treat it as its relative", f"export HSA_OVERRIDE_GFX_VERSION={row.override}")]
                if row and row.override
                else []
            )
            found.append(
                finding(
                    "rocm-gfx-unsupported",
                    seen("GPU", f"{name} ({gfx})", case.source("/sys/class/kfd")),
                    build_evidence(case, build),
                    seen("it has code for", " ".join(compiled) or f"not {gfx}", names.cite(row) if row else "build"),
                    subject=subject(gpu),
                    confidence="certain" if compiled else "likely",
                    remedies=[*choices, *hint] or None,
                )
            )
    if not found and unknown:
        return Unknown(f"whether this build has code for {unknown[0]} is not known")
    return found if len(found) == len(gpus(case, "amd")) else None


def on_wsl(case: Case) -> Outcome:
    """Inside WSL, ROCm serves fewer cards than under native Linux."""
    build = framework(case, "torch")
    if build is None or not (known(build.hip) or (variant_of(case, build) or "").startswith("rocm")):
        return NotApplicable("not a ROCm build")
    served = names.table().rocm_on_wsl
    for gpu in gpus(case, "amd"):
        row = names.amd_gfx(known(gpu.name) or "")
        gfx = known(gpu.gfx) or (row.gfx if row else None)
        if gfx is None or gfx.startswith(tuple(served.gfx)):
            continue
        return finding(
            "rocm-gfx-unsupported",
            seen("GPU", f"{known(gpu.name) or 'AMD GPU'} ({gfx})", case.source("/sys/class/kfd")),
            seen("ROCm inside WSL serves", ", ".join(f"{prefix}xx" for prefix in served.gfx), names.cite(served)),
            subject=subject(gpu),
            title=f"ROCm does not serve the {known(gpu.name) or 'GPU'} inside WSL",
            confidence="likely",
            remedies=[fix("Use this card under native Linux, or the DirectML or CPU build inside Windows")],
        )
    return None


def no_intel_compute(case: Case) -> Outcome:
    """Level Zero is needed only by XPU builds."""
    build = framework(case, "torch")
    variant = variant_of(case, build) if build else None
    if not (variant or "").startswith("xpu"):
        return NotApplicable("not an XPU build")
    if case.intel.level_zero is None:
        return finding("xpu-driver-missing", seen("Level Zero loader", "not found", "loader"))
    nodes = known(case.intel.render_nodes) or []
    closed = [n for n in nodes if n.exists and (n.readable is False or n.writable is False)]
    if nodes and len(closed) == len(nodes):
        return finding(
            "xpu-render-permission",
            *[
                seen(n.path, f"mode {known(n.mode) or '?'}, group {known(n.group) or '?'}", f"stat {n.path}")
                for n in closed
            ],
        )
    return None


HERE = AMD & LINUX
CHECKS = (
    Check("rocm-module-missing", "rocm", module, HERE, ("pci", "amd.kfd")),
    Check("rocm-no-kfd-permission", "rocm", permission, HERE, ("amd.kfd|amd.render_nodes",)),
    Check("rocm-gfx-unsupported", "rocm", target, AMD & TORCH, ("gpus",)),
    Check("rocm-on-wsl", "rocm", on_wsl, AMD & TORCH & WSL, ("gpus",)),
    Check("xpu-driver", "xpu", no_intel_compute, TORCH, ("intel.level_zero|intel.render_nodes",)),
)
