"""The table of `nvidia-smi`, old and new, whole or in pieces; its "CUDA Version" is the driver's ceiling."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envsetup.importers.facts import Facts
    from envsetup.importers.page import Page

_HEAD = re.compile(r"NVIDIA-SMI\s+(\d{3}\.\d{1,3}(?:\.\d{1,3})?)")
_DRIVER = re.compile(r"(?:Driver|KMD) Version:?\s*(\d{3}\.\d{1,3}(?:\.\d{1,3})?)")
_CUDA = re.compile(r"CUDA (?:UMD )?Version:?\s*(\d{1,2}\.\d)")
_FIRST = re.compile(
    r"\|\s*(\d{1,3})\s+([A-Za-z][^|]{2,40}?)\s*(?:\s(On|Off|TCC|WDDM|MCDM)\s*)?\|"
    r"(?:\s*((?:[0-9A-Fa-f]{4,8}:)?[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.\d)\s+(On|Off|N/A)\s*\|\s*(\S+)\s*\|?)?"
)
_SECOND = re.compile(
    r"\|\s*\S+\s+(N/A|ERR!|\d{1,3}C?)\s+(P\d{1,2}|N/A|ERR!)\s+(\S+)\s*/\s*(\S+)\s*\|"
    r"\s*(\d{1,7})\s?MiB\s*/\s*(\d{1,7})\s?MiB\s*\|\s*(N/A|ERR!|\d{1,3}%)\s+(Default|E\. Process|E\. Thread|"
    r"Prohibited|N/A)"
)
_MIG = re.compile(r"\|[^|]{0,80}\|[^|]{0,80}\|\s*(Enabled\*?|Disabled\*?|N/A)\s*\|")
_INSTANCE = re.compile(r"\|\s*(\d{1,3})\s+\d{1,3}\s+\d{1,3}\s+\d{1,3}\s+\|")
_PROCESS = re.compile(
    r"\|\s*(\d{1,3})\s+(?:\S{1,4}\s+\S{1,4}\s+)?(\d{1,8})\s+([CGM+]{1,3})\s+(\S.{0,200}?)\s+(\d{1,7}|N/A)(?:MiB|\s)*\|"
)
_MODES = {"Default": "default", "E. Process": "exclusive", "E. Thread": "exclusive", "Prohibited": "prohibited"}
_MIG_MODES = {"Enabled": "enabled", "Enabled*": "enabled", "Disabled": "disabled", "Disabled*": "disabled", "N/A": None}


def read(page: Page, facts: Facts) -> bool:
    """Fill in driver, ceiling and GPUs; True when the table's head or a row of it is in the text."""
    if "|" not in page.joined and "NVIDIA-SMI" not in page.joined:
        return False
    found = False
    current: int | None = None
    processes: dict[int, list[dict[str, Any]]] | None = None
    for number, raw in enumerate(page.lines):
        line = raw.lstrip("> \t")
        if not line.startswith(("|", "+")):
            found = _head(facts, line) or found
            continue
        if _head(facts, line):
            found = True
        elif "Processes:" in line:
            processes, current = {}, None
        elif "No MIG devices found" in line:
            facts.no_mig_instances()
        elif processes is not None:
            _process(line, processes)
        else:
            current = _row(facts, line, current)
        if found or current is not None:
            page.claim(number)
    if processes is not None and found:
        _processes(facts, processes)
    return found or current is not None


def _head(facts: Facts, line: str) -> bool:
    match = _HEAD.search(line)
    if match is None:
        return False
    driver = _DRIVER.search(line)
    facts.put("driver.nvidia", driver.group(1) if driver else match.group(1))
    facts.put("nvidia.smi", "ok")
    ceiling = _CUDA.search(line)
    if ceiling:
        facts.put("nvidia.cuda_ceiling", ceiling.group(1))
    return True


def _row(facts: Facts, line: str, current: int | None) -> int | None:
    """One line of the GPU block; the GPU that the next line speaks of."""
    instance = _INSTANCE.match(line)
    if instance:
        index = int(instance.group(1))
        count = facts.gpu_fact("nvidia", index, "mig_instances") or 0
        facts.set_gpu("nvidia", index, mig_instances=count + 1)
        return current
    second = _SECOND.match(line)
    if second and current is not None:
        facts.gpu("nvidia", current, **_state(second))
        return current
    first = _FIRST.match(line)
    if first:
        index = int(first.group(1))
        facts.gpu("nvidia", index, **_identity(first))
        return index
    mig = _MIG.match(line)
    if mig and current is not None:
        facts.gpu("nvidia", current, mig_mode=_MIG_MODES[mig.group(1)])
    return current


def _identity(match: re.Match[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": match.group(2).strip()}
    if match.group(3) in {"On", "Off"}:
        fields["persistence_mode"] = match.group(3) == "On"
    if match.group(4):
        fields["pci_address"] = match.group(4).lower()
    ecc = match.group(6)
    if ecc == "Off":
        fields["ecc_mode"] = "disabled"
    elif ecc == "N/A":
        fields["ecc_mode"] = None
    elif ecc and ecc.isdigit():
        fields["ecc_mode"] = "enabled"
        fields["ecc_uncorrected_volatile"] = int(ecc[:9])
    return fields


def _state(match: re.Match[str]) -> dict[str, Any]:
    temperature, _, power, cap, used, total, load, mode = match.groups()
    fields: dict[str, Any] = {"memory_used_mib": int(used), "memory_mib": int(total)}
    if temperature.rstrip("C").isdigit():
        fields["temperature_c"] = int(temperature.rstrip("C"))
    for name, text in (("power_w", power), ("power_limit_w", cap)):
        if text.rstrip("W").isdigit():
            fields[name] = float(text.rstrip("W"))
    if load.endswith("%"):
        fields["utilization_pct"] = int(load[:-1])
    if mode in _MODES:
        fields["compute_mode"] = _MODES[mode]
    return fields


def _process(line: str, processes: dict[int, list[dict[str, Any]]]) -> None:
    match = _PROCESS.match(line)
    if match is None:
        return
    index, pid, _, command, memory = match.groups()
    row: dict[str, Any] = {"pid": int(pid), "name": re.split(r"[/\\]", command)[-1].split(" ")[0]}
    if memory.isdigit():
        row["memory_mib"] = int(memory)
    processes.setdefault(int(index), []).append(row)


def _processes(facts: Facts, processes: dict[int, list[dict[str, Any]]]) -> None:
    """A table that lists processes says of every GPU who uses it; one that lists none says so only of an idle one."""
    for index, rows in processes.items():
        if facts.gpu_fact("nvidia", index, "name") is not None:
            facts.gpu("nvidia", index, processes=rows)
