"""Looks at every GPU ten times a second beside the work and appends a JSON line a look. Runs as a program of its own.

    python sampler.py FILE [SYSFS]

A line: {"t": seconds of the monotonic clock, "gpus": {PCI address: {utilisation, memory_mib, power_w, ...}}}; the
first line may be {"missing": why}. NVIDIA answers through NVML, AMD and Intel through the kernel's files under SYSFS.
What a card does not answer is left out. A call that hangs holds up only this process.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

HERTZ = 10
PCIE_EVERY = 10  # looks: NVML measures traffic for 20 ms in each direction
REASONS = {0x4: "sw-power-cap", 0x8: "hw-slowdown", 0x20: "sw-thermal", 0x40: "hw-thermal", 0x80: "hw-power-brake"}
PR_SET_PDEATHSIG = 1
MIB = 1 << 20
VENDORS = {"0x1002": "amd", "0x8086": "intel"}
# Name, file, and what one of its units is: relative to the card's folder, hwmon's own folder may have any number.
FILES = (
    ("utilisation", "gpu_busy_percent", 1),
    ("memory_mib", "mem_info_vram_used", 1 / MIB),
    ("power_w", "hwmon/hwmon*/power1_average", 1e-6),
    ("power_w", "hwmon/hwmon*/power1_input", 1e-6),
    ("power_limit_w", "hwmon/hwmon*/power1_cap", 1e-6),
    ("temperature_c", "hwmon/hwmon*/temp1_input", 1e-3),
    ("clock_mhz", "hwmon/hwmon*/freq1_input", 1e-6),
    ("clock_mhz", "tile0/gt0/freq0/act_freq", 1),
    ("pcie_width", "current_link_width", 1),
    ("pcie_width_max", "max_link_width", 1),
)
GENERATIONS = {"2.5": 1, "5.0": 2, "8.0": 3, "16.0": 4, "32.0": 5, "64.0": 6}  # GT/s as the kernel writes them


class Nvml:
    """NVIDIA's cards."""

    def __init__(self) -> None:
        import pynvml  # noqa: PLC0415 - machines without it have nothing to ask it about

        self._nvml = pynvml
        pynvml.nvmlInit()
        self._cards = {}
        for index in range(pynvml.nvmlDeviceGetCount()):
            with contextlib.suppress(pynvml.NVMLError):
                card = pynvml.nvmlDeviceGetHandleByIndex(index)
                bus = pynvml.nvmlDeviceGetPciInfo(card).busId
                text = (bus.decode() if isinstance(bus, bytes) else bus).lower()
                self._cards[text[-12:]] = card
        self._looks = 0

    def look(self) -> dict[str, dict[str, Any]]:
        """The facts of every card by its PCI address."""
        self._looks += 1
        return {address: self._card(card) for address, card in self._cards.items()}

    def _card(self, card: Any) -> dict[str, Any]:  # noqa: ANN401 - an opaque handle of the library
        nvml = self._nvml
        questions: dict[str, Callable[[], Any]] = {
            "utilisation": lambda: nvml.nvmlDeviceGetUtilizationRates(card).gpu,
            "memory_mib": lambda: nvml.nvmlDeviceGetMemoryInfo(card).used / MIB,
            "power_w": lambda: nvml.nvmlDeviceGetPowerUsage(card) / 1000,
            "power_limit_w": lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(card) / 1000,
            "clock_mhz": lambda: nvml.nvmlDeviceGetClockInfo(card, 1),
            "temperature_c": lambda: nvml.nvmlDeviceGetTemperature(card, 0),
            "reasons": lambda: _reasons(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(card)),
            "pids": lambda: [process.pid for process in nvml.nvmlDeviceGetComputeRunningProcesses(card)],
            "pcie_generation": lambda: nvml.nvmlDeviceGetCurrPcieLinkGeneration(card),
            "pcie_width": lambda: nvml.nvmlDeviceGetCurrPcieLinkWidth(card),
            "pcie_width_max": lambda: nvml.nvmlDeviceGetMaxPcieLinkWidth(card),
        }
        if self._looks % PCIE_EVERY == 1:
            questions["pcie_sent_mbps"] = lambda: nvml.nvmlDeviceGetPcieThroughput(card, 0) / 1000
            questions["pcie_received_mbps"] = lambda: nvml.nvmlDeviceGetPcieThroughput(card, 1) / 1000
        facts = {}
        for name, question in questions.items():
            with contextlib.suppress(nvml.NVMLError, AttributeError, TypeError, ValueError):
                facts[name] = question()
        return facts


def _reasons(mask: int) -> list[str]:
    return [name for bit, name in REASONS.items() if mask & bit]


class Sysfs:
    """AMD's and Intel's cards, as the kernel's drivers show them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._energy: dict[str, tuple[float, float]] = {}
        self._cards = {}
        for link in sorted((root / "class/drm").glob("card[0-9]*")):
            folder = link / "device"
            if "-" not in link.name and _read(folder / "vendor") in VENDORS:
                self._cards[folder.resolve().name] = folder

    def look(self) -> dict[str, dict[str, Any]]:
        """The facts of every card by its PCI address."""
        return {address: self._card(address, folder) for address, folder in self._cards.items()}

    def _card(self, address: str, folder: Path) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        for name, pattern, unit in FILES:
            for path in folder.glob(pattern):
                with contextlib.suppress(ValueError):
                    facts.setdefault(name, float(_read(path)) * unit)
        speed = re.match(r"[\d.]+", _read(folder / "current_link_speed"))
        if speed and speed.group() in GENERATIONS:
            facts["pcie_generation"] = GENERATIONS[speed.group()]
        for path in folder.glob("hwmon/hwmon*/energy1_input"):  # Intel counts microjoules
            with contextlib.suppress(ValueError):
                now, joules = time.monotonic(), float(_read(path)) * 1e-6
                before = self._energy.get(address)
                if before and now > before[0]:
                    facts.setdefault("power_w", (joules - before[1]) / (now - before[0]))
                self._energy[address] = now, joules
        processes = self._root / "class/kfd/kfd/proc"
        if _read(folder / "vendor") == "0x1002" and processes.is_dir():
            facts["pids"] = [int(entry.name) for entry in processes.iterdir() if entry.name.isdecimal()]
        return facts


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def main() -> None:
    """Look until who started us is gone, or ends us."""
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    sources: list[Nvml | Sysfs] = [Sysfs(Path(sys.argv[2] if sys.argv[2:] else "/sys"))]
    with Path(sys.argv[1]).open("a", encoding="utf-8") as out:
        try:
            sources.append(Nvml())
        except Exception as error:  # noqa: BLE001 - a missing binding, library or driver: all the same here
            out.write(json.dumps({"missing": f"NVML: {error}"}) + "\n")
            out.flush()
        due = time.monotonic()
        while os.getppid() == parent:
            gpus = {address: facts for source in sources for address, facts in source.look().items()}
            out.write(json.dumps({"t": time.monotonic(), "gpus": gpus}) + "\n")
            out.flush()
            due = max(due + 1 / HERTZ, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main()
