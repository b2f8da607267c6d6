"""`nvidia-smi -q`: an indented tree of `key : value`, one branch per GPU."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from envsetup.importers import words

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.importers.facts import Facts
    from envsetup.importers.page import Page

_GPU = re.compile(r"GPU ([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.\d)$")
_PAIR = re.compile(r"(\s*)(\S[^:]{0,60}?)\s*:\s(.*)$|(\s*)(\S.{0,60})$")
_SLOWDOWNS = {
    "HW Thermal Slowdown": "hw-thermal",
    "SW Thermal Slowdown": "sw-thermal",
    "HW Power Brake Slowdown": "hw-power-brake",
    "HW Slowdown": "hw-slowdown",
    "SW Power Cap": "sw-power-cap",
}

_UNCORRECTED = {"SRAM Uncorrectable", "DRAM Uncorrectable", "SRAM Uncorrectable Parity", "SRAM Uncorrectable SEC-DED"}


def read(page: Page, facts: Facts) -> bool:
    """Fill in driver, ceiling and the state of each GPU; True when the text holds such a log."""
    if "NVSMI LOG" not in page.joined and "Product Name" not in page.joined:
        return False
    path: list[tuple[int, str]] = []
    index = -1
    for number, line in enumerate(page.lines):
        if not line.strip():
            continue
        gpu = _GPU.match(line.strip())
        if gpu:
            index += 1
            path = []
            facts.gpu("nvidia", index, pci_address=gpu.group(1).lower())
            page.claim(number)
            continue
        match = _PAIR.match(line)
        if match is None:
            continue
        indent = len(match.group(1) if match.group(2) else match.group(4))
        key = match.group(2) or match.group(5)
        path = [*(part for part in path if part[0] < indent), (indent, key)]
        if match.group(2) and _value(facts, index, [name for _, name in path], match.group(3).strip()):
            page.claim(number)
    return index >= 0


def _value(facts: Facts, index: int, path: list[str], value: str) -> bool:
    """One leaf; True when it was understood."""
    if index < 0:
        return _driver(facts, path[-1], value)
    parent = path[-2] if len(path) > 1 else ""
    if parent.startswith(("Clocks Throttle Reasons", "Clocks Event Reasons")):
        return _slowdown(facts, index, path[-1], value)
    if parent == "Volatile" and path[-1] in _UNCORRECTED and value.isdigit():
        before = facts.gpu_fact("nvidia", index, "ecc_uncorrected_volatile") or 0
        facts.set_gpu("nvidia", index, ecc_uncorrected_volatile=before + int(value[:9]))
        return True
    reader = _LEAVES.get((parent, path[-1])) or _LEAVES.get(("", path[-1]))
    if reader is None:
        return False
    facts.gpu("nvidia", index, **reader(value))
    return True


def _driver(facts: Facts, key: str, value: str) -> bool:
    number = words.version(value)
    if key == "Driver Version" and number:
        facts.put("driver.nvidia", number)
        facts.put("nvidia.smi", "ok")
    elif key in {"CUDA Version", "CUDA UMD Version"} and number:
        facts.put("nvidia.cuda_ceiling", number)
    else:
        return False
    return True


def _slowdown(facts: Facts, index: int, key: str, value: str) -> bool:
    if key not in _SLOWDOWNS:
        return False
    reasons = facts.gpu_fact("nvidia", index, "throttle_reasons") or []
    if value == "Active":
        facts.set_gpu("nvidia", index, throttle_reasons=[*reasons, _SLOWDOWNS[key]])
    return True


def _mib(field: str) -> Callable[[str], dict[str, Any]]:
    def convert(value: str) -> dict[str, Any]:
        number = value.split(" ", maxsplit=1)[0]
        return {field: int(number)} if number.isdigit() and len(number) < 10 else {}  # noqa: PLR2004 - a sane size

    return convert


def _yes(field: str) -> Callable[[str], dict[str, Any]]:
    return lambda value: {field: value == "Yes"} if value in {"Yes", "No"} else {}


def _mode(field: str) -> Callable[[str], dict[str, Any]]:
    modes = {"Enabled": "enabled", "Disabled": "disabled", "N/A": None}
    return lambda value: {field: modes[value]} if value in modes else {}


def _watts(field: str) -> Callable[[str], dict[str, Any]]:
    def convert(value: str) -> dict[str, Any]:
        number = words.version(value)
        return {field: float(number)} if number and number.count(".") == 1 else {}

    return convert


def _compute(value: str) -> dict[str, Any]:
    names = {
        "Default": "default",
        "Exclusive_Process": "exclusive",
        "Exclusive Process": "exclusive",
        "Prohibited": "prohibited",
    }
    return {"compute_mode": names[value]} if value in names else {}


def _virtual(value: str) -> dict[str, Any]:
    names = {"None": "none", "Pass-Through": "passthrough", "VGPU": "vgpu", "Host VGPU": "vgpu", "Host VSGA": "vgpu"}
    return {"virtualization": names[value]} if value in names else {}


_LEAVES: dict[tuple[str, str], Callable[[str], dict[str, Any]]] = {
    ("", "Product Name"): lambda value: {"name": value},
    ("", "Persistence Mode"): lambda value: {"persistence_mode": value == "Enabled"},
    ("", "Compute Mode"): _compute,
    ("MIG Mode", "Current"): _mode("mig_mode"),
    ("MIG Mode", "Pending"): _mode("mig_mode_pending"),
    ("ECC Mode", "Current"): _mode("ecc_mode"),
    ("Ecc Mode", "Current"): _mode("ecc_mode"),
    ("ECC Mode", "Pending"): _mode("ecc_mode_pending"),
    ("Ecc Mode", "Pending"): _mode("ecc_mode_pending"),
    ("Aggregate", "DRAM Uncorrectable"): _mib("ecc_uncorrected_aggregate"),
    ("Remapped Rows", "Pending"): _yes("remapped_rows_pending"),
    ("Retired Pages", "Pending Page Blacklist"): _yes("retired_pages_pending"),
    ("Remapped Rows", "Remapping Failure Occurred"): _yes("remapped_rows_failure"),
    ("FB Memory Usage", "Total"): _mib("memory_mib"),
    ("FB Memory Usage", "Used"): _mib("memory_used_mib"),
    ("Utilization", "Gpu"): _mib("utilization_pct"),
    ("Temperature", "GPU Current Temp"): _mib("temperature_c"),
    ("PCIe Generation", "Max"): _mib("pcie_gen_max"),
    ("PCIe Generation", "Current"): _mib("pcie_gen"),
    ("Virtualization Mode", "Virtualization Mode"): _virtual,
    ("GPU Virtualization Mode", "Virtualization Mode"): _virtual,
    ("", "Current Power Limit"): _watts("power_limit_w"),
}
