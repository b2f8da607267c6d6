"""What a rate is held against: the reference of this model of device, and a run that was saved on this machine."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec

from envsetup.model.codec import decode, from_json
from envsetup.model.errors import InputError
from envsetup.model.proof import SmokeReport
from envsetup.smoke.catalogue import CheckSpec, Gate
from envsetup.world.files import INPUT_LIMIT, read_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from envsetup.model.proof import SmokeCheck


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """One model: `match` is a pattern for the whole of the name that the framework reports; rates by `check.rate`."""

    name: str
    match: str
    peak: dict[str, float]
    achieved: dict[str, float]
    confidence: str
    sources: list[str]


class Floor(msgspec.Struct, frozen=True, kw_only=True):
    """Fractions of a reference below which a rate is a warning or a failure; `rates` is a shell pattern."""

    rates: str
    warn: float
    fail: float
    source: str


class Own(msgspec.Struct, frozen=True, kw_only=True):
    """As `Floor`, for a run of the same machine."""

    warn: float
    fail: float
    source: str


class Lanes(msgspec.Struct, frozen=True, kw_only=True):
    """GB/s that one lane carries in one direction, by generation."""

    by_generation: dict[str, float]


class References(msgspec.Struct, frozen=True, kw_only=True):
    """The shipped file."""

    date: str
    sources: dict[str, str]
    floors: list[Floor]
    baseline: Own
    pcie_gbps_per_lane: Lanes
    gpus: list[Device]

    def find(self, name: str | None) -> Device | None:
        """The model with this name."""
        return next((gpu for gpu in self.gpus if name and re.fullmatch(gpu.match, name)), None)


@lru_cache(maxsize=1)
def references() -> References:
    """The shipped reference rates."""
    return decode((resources.files("envsetup.data") / "smoke_reference.json").read_bytes(), References)


class Yardstick:
    """References and baseline for one run; `baseline` is an earlier report and the name of its file.

    One that was not `asked` for but found is passed over when it is that of another device.
    """

    def __init__(self, baseline: tuple[SmokeReport, str] | None = None, *, asked: bool = True) -> None:
        self._baseline, self._asked = baseline, asked
        self._device: Device | None = None

    def of(self, name: str | None, kind: str, framework: str) -> None:
        """The device is known.

        Raises InputError when the baseline is that of another device or framework: nothing could be learned from it.
        """
        self._device = references().find(name)
        if self._baseline is None:
            return
        report, file = self._baseline
        was = (report.framework.get("name"), report.device, report.host.get("device_name"))
        if was != (framework, kind, name):
            if not self._asked:
                self._baseline = None
                return
            then, now = (" on ".join(str(part) for part in (f, n or k)) for f, k, n in (was, (framework, kind, name)))
            raise InputError(
                f"--baseline {file}: measured with {then}, this is {now}; two machines are compared with --compare"
            )

    def sharpen(self, spec: CheckSpec) -> CheckSpec:
        """The check with a gate for every rate that something is known about."""
        gates = [
            gate for rate in spec.rates for gate in (*self._by_reference(spec, rate), *self._by_baseline(spec, rate))
        ]
        return msgspec.structs.replace(spec, gates=[*spec.gates, *gates]) if gates else spec

    def _by_reference(self, spec: CheckSpec, rate: str) -> list[Gate]:
        key = f"{spec.id}.{rate}"
        known = self._device.achieved.get(key) if self._device else None
        if self._device is None or known is None:
            return []
        floor = next(floor for floor in references().floors if fnmatch(key, floor.rates))
        sources = ", ".join(references().sources[source] for source in self._device.sources)
        why = f"of {known:g} {spec.rates[rate]} reached by a healthy {self._device.name} ({sources}); {floor.source}"
        return _floors(rate, known, floor.warn, floor.fail, why)

    def _by_baseline(self, spec: CheckSpec, rate: str) -> list[Gate]:
        was = _rate(self._baseline[0], spec.id, rate) if self._baseline else None
        if self._baseline is None or was is None:
            return []
        report, file = self._baseline
        own = references().baseline
        why = f"of {was:.4g} {spec.rates[rate]} saved on {report.started} ({file}); {own.source}"
        # A host's processor is shared with whatever else runs there: slower is said, and no fault.
        return _floors(rate, was, own.warn, own.fail if report.device != "cpu" else None, why)

    def adorn(self, spec: CheckSpec, check: SmokeCheck) -> SmokeCheck:
        """The check whose rates stand beside the device's peak, its reference and the saved rate."""
        metrics = dict(check.metrics)
        for rate in spec.rates:
            if rate in metrics:
                key, device = f"{check.id}.{rate}", self._device
                metrics[rate] = msgspec.structs.replace(
                    metrics[rate],
                    peak=device.peak.get(key) if device else None,
                    reference=device.achieved.get(key) if device else None,
                    baseline=_rate(self._baseline[0], check.id, rate) if self._baseline else None,
                )
        return msgspec.structs.replace(check, metrics=metrics)


def _floors(rate: str, known: float, warn: float, fail: float | None, why: str) -> list[Gate]:
    made = [Gate(metrics=[rate], op=">=", limit=warn * known, source=f"{warn:g} {why}", severity="warn", optional=True)]
    if fail is not None:
        made.append(Gate(metrics=[rate], op=">=", limit=fail * known, source=f"{fail:g} {why}", optional=True))
    return made


def _rate(report: SmokeReport, check: str, rate: str) -> float | None:
    found = next((c.metrics.get(rate) for c in report.checks if c.id == check), None)
    return found.value if found is not None else None


def read_report(path: Path, *, option: str) -> SmokeReport:
    """An earlier `--json` of the smoke test.

    Raises InputError naming option and file when it cannot be read or is something else.
    """
    name = f"{option} {path}"
    try:
        text = read_bytes(str(path), INPUT_LIMIT)
    except OSError as error:
        raise InputError(f"{name}: {error.strerror or error}") from error
    probe: Any = from_json(text, dict[str, Any], name=name)
    if probe.get("schema") != "envsetup.smoke/1":
        raise InputError(f"{name}: schema is {probe.get('schema')}; accepted: envsetup.smoke/1, the --json of smoke")
    return from_json(text, SmokeReport, name=name)
