"""Plays NVIDIA's binding for an imagined GPU, which in truth is the processor: it is busy when the checks' child is.

ENVSETUP_SMOKE_DRIVER names what is wrong with it; "healthy" for nothing.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

WRONG = os.environ["ENVSETUP_SMOKE_DRIVER"]
MIB = 1 << 20
SHARE = 0.03  # of the time that a process must work to be busy: others may keep it from working
REASONS = {"slowed": 0x8, "hot": 0x40, "braked": 0x80, "warm": 0x20, "capped": 0x4}
state: dict[str, Any] = {"pid": 0, "at": 0.0, "ticks": 0, "busy": False}


class NVMLError(Exception):
    """What the binding raises."""


def nvmlInit() -> None:  # noqa: N802 - the binding's name
    if WRONG == "silent":
        raise NVMLError("Driver Not Loaded")
    while WRONG == "hanging":
        time.sleep(1)


def child() -> int:
    """The process that works in our folder and is not this one; 0 when there is none."""
    here = os.getcwd()  # noqa: PTH109 - compared with a link's text
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdecimal() and int(entry.name) != os.getpid() and os.readlink(entry / "cwd") == here:  # noqa: PTH115
                return int(entry.name)
    return 0


def busy() -> bool:
    """Whether the child has worked since it was asked last, a tenth of a second ago or more."""
    now = time.monotonic()
    if now - state["at"] < 0.08:
        return bool(state["busy"])
    pid = state["pid"] or child()
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        ticks = int(fields[11]) + int(fields[12])
    except OSError:
        pid, ticks = 0, 0
    worked = (ticks - state["ticks"]) / os.sysconf("SC_CLK_TCK") if pid == state["pid"] else 0.0
    state.update(pid=pid, ticks=ticks, busy=worked > SHARE * (now - state["at"]), at=now)
    return bool(state["busy"])


def nvmlDeviceGetCount() -> int:  # noqa: N802
    return 1


def nvmlDeviceGetHandleByIndex(index: int) -> int:  # noqa: N802
    return index


def nvmlDeviceGetPciInfo(card: int) -> Any:  # noqa: N802
    return SimpleNamespace(busId=f"00000000:{card + 10:02X}:00.0")


def nvmlDeviceGetUtilizationRates(card: int) -> Any:  # noqa: N802
    del card
    return SimpleNamespace(gpu=97 if busy() and WRONG != "idle" else 0)


def nvmlDeviceGetMemoryInfo(card: int) -> Any:  # noqa: N802
    del card
    return SimpleNamespace(used=(3000 if busy() and WRONG != "empty" else 500) * MIB)


def nvmlDeviceGetPowerUsage(card: int) -> int:  # noqa: N802
    del card
    return 520_000 if busy() and WRONG != "unpowered" else 70_000


def nvmlDeviceGetEnforcedPowerLimit(card: int) -> int:  # noqa: N802
    del card
    return 700_000


def nvmlDeviceGetClockInfo(card: int, kind: int) -> int:  # noqa: N802
    del card, kind
    return 1980 if busy() or WRONG == "locked" else 345


def nvmlDeviceGetTemperature(card: int, sensor: int) -> int:  # noqa: N802
    del card, sensor
    return 62 if busy() else 31


def nvmlDeviceGetCurrentClocksThrottleReasons(card: int) -> int:  # noqa: N802
    del card
    return REASONS.get(WRONG, 0) if busy() else 1


def nvmlDeviceGetComputeRunningProcesses(card: int) -> list[Any]:  # noqa: N802
    del card
    pid = 1 if WRONG == "elsewhere" else state["pid"]
    return [SimpleNamespace(pid=pid)] if pid else []


def nvmlDeviceGetCurrPcieLinkGeneration(card: int) -> int:  # noqa: N802
    del card
    return 6 if WRONG == "fast-slot" else 1


def nvmlDeviceGetCurrPcieLinkWidth(card: int) -> int:  # noqa: N802
    del card
    return {"fast-slot": 16, "narrow": 1}.get(WRONG, 2)


def nvmlDeviceGetMaxPcieLinkWidth(card: int) -> int:  # noqa: N802
    del card
    return 16 if WRONG == "fast-slot" else 2
