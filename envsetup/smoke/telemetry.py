"""What the driver saw beside the work: starts the sampler, and reads from its looks what the checks need to know."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OUTERMOST = "pid:[4026531836]"  # the first PID namespace of every Linux kernel (PROC_PID_INIT_INO)
COLUMNS = ("utilisation", "memory_mib", "power_w", "clock_mhz", "temperature_c")
LOAD = ("busy", "matmul", "memory", "link", "throughput", "repeatability", "learning")
POINTS = 600  # of a strip in the report
FEW = 20.0  # W: what a small card's power rises at least


class Looks(msgspec.Struct, kw_only=True):
    """The looks at one card in the order of time, and when each check ran (seconds of the monotonic clock)."""

    samples: list[tuple[float, dict[str, Any]]] = []
    spans: dict[str, tuple[float, float]] = {}
    ready: float | None = None  # when the framework had found the device
    missing: str | None = None  # why nobody answered

    def during(self, *checks: str) -> list[dict[str, Any]]:
        """The looks while any of these checks ran."""
        spans = [self.spans[check] for check in checks if check in self.spans]
        return [facts for at, facts in self.samples if any(start <= at <= end for start, end in spans)]

    def idle(self) -> list[dict[str, Any]]:
        """The looks before the framework had found the device."""
        return [facts for at, facts in self.samples if self.ready is None or at < self.ready]


class Sampler:
    """A running sampler; `looks` reads what it wrote about one card."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._file = folder / "telemetry"
        self._process: subprocess.Popen[bytes] | None = None
        program = folder / "sampler.py"
        program.write_bytes((resources.files("envsetup.smoke") / "sampler.py").read_bytes())
        with suppress(OSError):
            self._process = subprocess.Popen(  # noqa: S603 - an argv list, never a shell
                [sys.executable, str(program), str(self._file)],
                cwd=folder,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def wait(self, seconds: float) -> None:
        """Until the first look, at most `seconds`: what was before the work must be known."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and not (self._file.exists() and self._file.stat().st_size):
            time.sleep(0.02)

    def looks(self, pci: str | None, index: int) -> Looks:
        """What was written about the card at this PCI address; without one, about the card at this place."""
        looks = Looks(samples=[], spans={})
        if not self._file.exists():
            return looks
        for line in self._file.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError):  # the last line may be half written
                row = json.loads(line)
                looks.missing = row.get("missing", looks.missing)
                gpus = row.get("gpus") or {}
                address = pci if pci in gpus else next(iter(list(gpus)[index : index + 1]), None)
                if address is not None and gpus[address]:
                    looks.samples.append((row["t"], gpus[address]))
        return looks

    def stop(self) -> None:
        """End it, even if it hangs in the driver."""
        if self._process is None:
            return
        self._process.kill()
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self._process.returncode = -signal.SIGKILL  # in uninterruptible sleep: nobody can reap it


@contextmanager
def sampling(folder: Path, env: Mapping[str, str], *, wanted: bool) -> Iterator[Sampler | None]:
    """A sampler that is gone afterwards; None where there is no card to look at."""
    if not wanted:
        yield None
        return
    sampler = Sampler(folder, env)
    try:
        sampler.wait(2.0)
        yield sampler
    finally:
        sampler.stop()


def busy_numbers(looks: Looks, pid: int, held_mib: float) -> dict[str, float | None]:
    """What the driver saw of check `busy`; what it did not report is left out."""
    idle, load = looks.idle() or looks.during("import"), looks.during("busy")
    numbers: dict[str, float | None] = {"samples": len(load)}
    listed = [facts["pids"] for facts in load if "pids" in facts]
    if listed:
        seen = any(pid in pids for pids in listed)
        hidden = not seen and _in_container()
        numbers.update({"process_hidden": 1} if hidden else {"own_process": int(seen), "process_hidden": 0})
    before = {name: _values(idle, name) for name in (*COLUMNS, "power_limit_w")}
    during = {name: _values(load, name) for name in COLUMNS}
    if during["utilisation"]:
        numbers["utilisation_max"] = max(during["utilisation"])
    if before["memory_mib"] and during["memory_mib"]:
        numbers["memory_rise_share"] = (max(during["memory_mib"]) - min(before["memory_mib"])) / held_mib
    if before["power_w"] and during["power_w"]:
        rest = min(before["power_w"])
        limit = max(before["power_limit_w"], default=rest)
        numbers["power_rise_share"] = (max(during["power_w"]) - rest) / max(FEW, (limit - rest) / 10)
    if before["clock_mhz"] and during["clock_mhz"]:
        numbers["clock_rise_mhz"] = max(during["clock_mhz"]) - min(before["clock_mhz"])
    return numbers


def _values(looks: list[dict[str, Any]], name: str) -> list[float]:
    return [facts[name] for facts in looks if name in facts]


def _in_container() -> bool:
    """Whether our process numbers are not those of the driver."""
    try:
        return str(Path("/proc/self/ns/pid").readlink()) != OUTERMOST
    except OSError:
        return False


def link_numbers(looks: Looks, found: dict[str, float | None], per_lane: dict[str, float]) -> dict[str, float | None]:
    """Measured copies as a share of what the slot carried meanwhile (`per_lane`: GB/s by generation)."""
    load = looks.during("link")
    generation, width, whole = (_values(load, f"pcie_{name}") for name in ("generation", "width", "width_max"))
    if not generation or not width:
        return {}
    carries = per_lane.get(str(int(max(generation))), 0.0) * max(width)
    numbers: dict[str, float | None] = {}
    for way in ("h2d", "d2h"):
        speed = found.get(f"{way}_pinned_gbps")
        if speed is not None and carries:
            numbers[f"{way}_of_link"] = speed / carries
    if whole:
        numbers["lanes_missing"] = max(whole) - max(width)
    return numbers


def clock_numbers(looks: Looks) -> dict[str, float | None]:
    """How often which reason held the clocks back while the checks loaded the card."""
    load = [facts for facts in looks.during(*LOAD) if "reasons" in facts]
    count = max(len(load), 1)
    with_reason = {
        name: [facts for facts in load if name in facts["reasons"]]
        for name in ("hw-slowdown", "hw-thermal", "hw-power-brake", "sw-thermal", "sw-power-cap")
    }
    early = [f for f in with_reason["sw-power-cap"] if f.get("power_w", 0) < 0.9 * f.get("power_limit_w", 0)]
    return {
        "samples": len(load),
        "hw_slowdown": len(with_reason["hw-slowdown"]),
        "hw_thermal": len(with_reason["hw-thermal"]),
        "hw_power_brake": len(with_reason["hw-power-brake"]),
        "sw_thermal_share": len(with_reason["sw-thermal"]) / count,
        "power_cap_early_share": len(early) / count,
        "temperature_max": max(_values(load, "temperature_c"), default=0),
        "power_max": max(_values(load, "power_w"), default=0),
    }


def strip(looks: Looks) -> dict[str, Any]:
    """For the report: columns over seconds since the first look, at most `POINTS` of them, and the checks' spans."""
    if not looks.samples:
        return {}
    zero = looks.samples[0][0]
    step = max(1, -(-len(looks.samples) // POINTS))
    groups = [looks.samples[i : i + step] for i in range(0, len(looks.samples), step)]

    def column(name: str) -> list[float | None]:
        found = [[facts[name] for _, facts in group if name in facts] for group in groups]
        return [round(median(values), 2) if values else None for values in found]

    return {
        "seconds": [round(group[0][0] - zero, 2) for group in groups],
        **{name: column(name) for name in COLUMNS},
        "power_limit_w": max(_values([facts for _, facts in looks.samples], "power_limit_w"), default=None),
        "reasons": [sorted({r for _, facts in group for r in facts.get("reasons", [])}) for group in groups],
        "spans": {check: [round(start - zero, 2), round(end - zero, 2)] for check, (start, end) in looks.spans.items()},
    }
