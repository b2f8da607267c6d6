"""Ask NVML everything and print one JSON object. Runs as a program, in its own process, under a deadline.

Keys are those of the model: `status` (ok, missing, error), `error`, `code`, `driver`, `cuda`, `library`, `gpus`.
Every question is asked on its own: what a card or a driver does not support, or does not let this user see, is
left out. An argument names a library that is to be loaded where the loader would not find one.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pynvml as nvml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 1 << 20
COMPUTE_MODES = {0: "default", 1: "exclusive-thread", 2: "prohibited", 3: "exclusive"}
VIRTUALIZATION = {0: "none", 1: "passthrough", 2: "vgpu", 3: "host-vgpu", 4: "host-vsga"}
THROTTLE = {
    0x001: "idle",
    0x002: "application-clocks",
    0x004: "sw-power-cap",
    0x008: "hw-slowdown",
    0x010: "sync-boost",
    0x020: "sw-thermal",
    0x040: "hw-thermal",
    0x080: "hw-power-brake",
    0x100: "display-clocks",
}
UNCORRECTED, VOLATILE, AGGREGATE = 1, 0, 1
NOT_SUPPORTED = 3
CLOCK_SM = 1
PR_SET_PDEATHSIG = 1
Facts = dict[str, Any]


def text(value: str | bytes) -> str:
    """Old bindings give bytes, new ones text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def words(error: nvml.NVMLError) -> str:
    """What the library itself says: the text that users meet and search for, where the binding has its own."""
    try:
        return text(nvml.nvmlErrorString(error.value))
    except nvml.NVMLError:
        return str(error)


class Ask:
    """Collects answers under their names; a question that is refused leaves no trace."""

    def __init__(self) -> None:
        self.facts: Facts = {}

    def __call__(self, name: str, question: Callable[[], Any], *, none_if_unsupported: bool = False) -> None:
        try:
            self.facts[name] = question()
        except nvml.NVMLError as error:
            if none_if_unsupported and error.value == NOT_SUPPORTED:
                self.facts[name] = None
        except (AttributeError, TypeError, ValueError, KeyError, UnicodeError):
            return  # an older binding without this function, or an answer out of its range


def on_off(value: int) -> str:
    """NVML's enable state."""
    return "enabled" if value else "disabled"


def device(index: int) -> Facts:
    """The facts of one GPU, by the names of `model.hardware.Gpu`."""
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
    except nvml.NVMLError as error:
        return {"vendor": "nvidia", "index": index, "error": words(error)}
    ask = Ask()
    identity(ask, handle)
    load(ask, handle)
    health(ask, handle)
    mode(ask, handle)
    return {"vendor": "nvidia", "index": index, **ask.facts}


def identity(ask: Ask, handle: Any) -> None:  # noqa: ANN401 - an opaque handle of the library
    """Name, architecture, place on the bus."""
    ask("name", lambda: text(nvml.nvmlDeviceGetName(handle)))
    ask("compute_capability", lambda: "{}.{}".format(*nvml.nvmlDeviceGetCudaComputeCapability(handle)))
    ask("pci_address", lambda: address(text(nvml.nvmlDeviceGetPciInfo(handle).busId)))


def address(bus_id: str) -> str:
    """NVML writes the domain with eight digits, the kernel with four, in lower case."""
    domain, _, rest = bus_id.lower().partition(":")
    return f"{domain[-4:]}:{rest}"


def load(ask: Ask, handle: Any) -> None:  # noqa: ANN401
    """What it does at the moment."""
    with contextlib.suppress(nvml.NVMLError):
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        ask("memory_mib", lambda: memory.total // MIB)
        ask("memory_used_mib", lambda: memory.used // MIB)
    ask("utilization_pct", lambda: nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    ask("temperature_c", lambda: nvml.nvmlDeviceGetTemperature(handle, 0))
    ask("power_w", lambda: nvml.nvmlDeviceGetPowerUsage(handle) / 1000)
    ask("power_limit_w", lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000)
    ask("clock_sm_mhz", lambda: nvml.nvmlDeviceGetClockInfo(handle, CLOCK_SM))
    ask("clock_sm_max_mhz", lambda: nvml.nvmlDeviceGetMaxClockInfo(handle, CLOCK_SM))
    # The function's older name is the one that every driver knows.
    ask("throttle_reasons", lambda: throttle(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)))
    ask("processes", lambda: [process(item) for item in nvml.nvmlDeviceGetComputeRunningProcesses(handle)])


def throttle(mask: int) -> list[str]:
    """Names of the bits that are set."""
    return [name for bit, name in THROTTLE.items() if mask & bit]


def process(item: Any) -> Facts:  # noqa: ANN401
    """A process that holds memory: its base name, never its arguments."""
    facts: Facts = {"pid": item.pid, "alive": Path(f"/proc/{item.pid}").exists()}
    if item.usedGpuMemory is not None:
        facts["memory_mib"] = item.usedGpuMemory // MIB
    with contextlib.suppress(OSError):
        facts["name"] = Path(f"/proc/{item.pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    return facts


def health(ask: Ask, handle: Any) -> None:  # noqa: ANN401
    """ECC, remapped rows, the PCIe link."""
    ask("ecc_mode", lambda: on_off(nvml.nvmlDeviceGetEccMode(handle)[0]), none_if_unsupported=True)
    ask("ecc_mode_pending", lambda: on_off(nvml.nvmlDeviceGetEccMode(handle)[1]), none_if_unsupported=True)
    for name, counter in (("volatile", VOLATILE), ("aggregate", AGGREGATE)):
        ask(
            f"ecc_uncorrected_{name}", functools.partial(nvml.nvmlDeviceGetTotalEccErrors, handle, UNCORRECTED, counter)
        )
    ask("remapped_rows_pending", lambda: bool(nvml.nvmlDeviceGetRemappedRows(handle)[2]))
    ask("remapped_rows_failure", lambda: bool(nvml.nvmlDeviceGetRemappedRows(handle)[3]))
    ask("retired_pages_pending", lambda: bool(nvml.nvmlDeviceGetRetiredPagesPendingStatus(handle)))
    ask("pcie_gen", lambda: nvml.nvmlDeviceGetCurrPcieLinkGeneration(handle))
    ask("pcie_gen_max", lambda: nvml.nvmlDeviceGetMaxPcieLinkGeneration(handle))
    ask("pcie_width", lambda: nvml.nvmlDeviceGetCurrPcieLinkWidth(handle))
    ask("pcie_width_max", lambda: nvml.nvmlDeviceGetMaxPcieLinkWidth(handle))
    links = list(nvlinks(handle))
    if links:
        ask.facts["nvlinks"] = links


def nvlinks(handle: Any) -> Iterator[bool]:  # noqa: ANN401
    """Whether each link is up; a card without NVLink refuses the first question, one with it that after the last."""
    with contextlib.suppress(nvml.NVMLError):
        for link in range(nvml.NVML_NVLINK_MAX_LINKS):
            yield bool(nvml.nvmlDeviceGetNvLinkState(handle, link))


def mode(ask: Ask, handle: Any) -> None:  # noqa: ANN401
    """MIG, compute mode, persistence, virtualization."""
    ask("mig_mode", lambda: on_off(nvml.nvmlDeviceGetMigMode(handle)[0]), none_if_unsupported=True)
    ask("mig_mode_pending", lambda: on_off(nvml.nvmlDeviceGetMigMode(handle)[1]), none_if_unsupported=True)
    if ask.facts.get("mig_mode") == "enabled":
        ask("mig_instances", lambda: sum(1 for _ in instances(handle)))
    ask("compute_mode", lambda: COMPUTE_MODES[nvml.nvmlDeviceGetComputeMode(handle)])
    ask("persistence_mode", lambda: bool(nvml.nvmlDeviceGetPersistenceMode(handle)))
    ask("virtualization", lambda: VIRTUALIZATION[nvml.nvmlDeviceGetVirtualizationMode(handle)])


def instances(handle: Any) -> Iterator[Any]:  # noqa: ANN401
    """The MIG devices that exist; a slot without one answers NOT_FOUND."""
    for slot in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        with contextlib.suppress(nvml.NVMLError):
            yield nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, slot)


def ceiling(number: int) -> str:
    """12040 is CUDA 12.4."""
    return f"{number // 1000}.{number % 1000 // 10}"


def answer() -> Facts:
    """Everything, or why there is nothing."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        missing = isinstance(error, nvml.NVMLError_LibraryNotFound)
        return {"status": "missing" if missing else "error", "error": words(error), "code": error.value}
    ask = Ask()
    ask("driver", lambda: text(nvml.nvmlSystemGetDriverVersion()))
    ask("library", lambda: text(nvml.nvmlSystemGetNVMLVersion()))
    ask("cuda", lambda: ceiling(nvml.nvmlSystemGetCudaDriverVersion_v2()))
    try:
        count = nvml.nvmlDeviceGetCount()
    except nvml.NVMLError as error:
        return {"status": "error", "error": words(error), "code": error.value, **ask.facts}
    return {"status": "ok", **ask.facts, "gpus": [device(index) for index in range(count)]}


def end_with_parent() -> None:
    """Have the kernel kill us when who waits for us is gone: a call that hangs would outlive it for ever."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    end_with_parent()
    with contextlib.suppress(OSError):
        if sys.argv[1:]:
            ctypes.CDLL(sys.argv[1], mode=ctypes.RTLD_GLOBAL)
    sys.stdout.write(json.dumps(answer()))
