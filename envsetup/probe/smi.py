"""nvidia-smi: asked only when NVML itself gave no answer, because it hangs where NVML hangs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.model.drivers import Driver, NvidiaStack
from envsetup.model.hardware import Gpu
from envsetup.model.machine import Machine
from envsetup.model.maybe import UNKNOWN, Maybe

if TYPE_CHECKING:
    from envsetup.probe.look import Look

FIELDS = ("index", "name", "driver_version", "memory.total", "pci.bus_id", "compute_cap")


def ask_smi(look: Look) -> Machine:
    """Facts `nvidia.smi`, and GPUs with the few facts that a query gives."""
    answer = look.run("nvidia-smi", f"--query-gpu={','.join(FIELDS)}", "--format=csv,noheader,nounits")
    if answer.timed_out:
        look.unknown("gpus", f"nvidia-smi gave no answer in {answer.ms / 1000:.1f} s")
        return Machine(nvidia=NvidiaStack(smi="timeout"))
    if answer.missing:
        return Machine(nvidia=NvidiaStack(smi="missing"))
    cells = [[cell.strip() for cell in line.split(",")] for line in answer.stdout.splitlines()]
    rows = [row for row in cells if len(row) == len(FIELDS)]
    if not answer.ok or not rows:
        said = (answer.stdout.strip() or answer.stderr.strip()).split("\n")[0]
        return Machine(nvidia=NvidiaStack(smi="error", smi_text=said or f"ended with {answer.returncode}"))
    return Machine(
        driver=Driver(nvidia=_value(rows[0][2])),
        nvidia=NvidiaStack(smi="ok"),
        gpus=[_gpu(row) for row in rows],
    )


def _gpu(row: list[str]) -> Gpu:
    index, name, _, memory, bus, capability = row
    return Gpu(
        vendor="nvidia",
        index=int(index) if index.isdecimal() else UNKNOWN,
        name=_value(name),
        memory_mib=int(memory) if memory.isdecimal() else UNKNOWN,
        pci_address=bus.lower()[4:] if bus.startswith("0000") else _value(bus),
        compute_capability=_value(capability),
    )


def _value(text: str) -> Maybe[str]:
    """nvidia-smi writes what it does not know in brackets: [N/A], [Not Supported]."""
    return UNKNOWN if not text or text.startswith("[") else text
