"""The long run: the checks of level soak in rounds, each written down before the next, so that a death has a verdict.

A journal holds one JSON line per event, forced to the disk: `begin` (what is asked, which boot), `round` before and
`done` after every round. Read again, it tells how many minutes are left, and how the last run ended.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from envsetup.model.codec import convert
from envsetup.model.errors import InputError
from envsetup.model.proof import Metric, SmokeCheck, SmokeReport
from envsetup.smoke.catalogue import catalogue
from envsetup.smoke.verdict import decide

if TYPE_CHECKING:
    from collections.abc import Callable

BOOT = Path("/proc/sys/kernel/random/boot_id")
RANKING = ("PASS", "SKIP", "WARN", "TIMEOUT", "ERROR", "FAIL")  # the worst of all rounds stands
ENOUGH = 8  # rounds, before their first quarter is compared with their last


class Journal:
    """The file of one soak. Raises InputError when it cannot be written, or is something else."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events: list[dict[str, Any]] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"--journal {path}: {error}") from error
        # The last line may have been cut by the death that it is to tell of.
        self.events = [event for number, line in enumerate(lines, 1) if (event := self._read(line, number, len(lines)))]
        if self.events and self.events[0].get("event") != "begin":
            raise InputError(f"--journal {path}:1: not the journal of a soak")

    def _read(self, line: str, number: int, last: int) -> dict[str, Any] | None:
        try:
            event: dict[str, Any] = json.loads(line)
        except ValueError as error:
            if number == last:
                return None
            raise InputError(f"--journal {self.path}:{number}: not a line of a soak's journal") from error
        return event

    def write(self, event: str, **fields: Any) -> None:  # noqa: ANN401 - JSON
        """Append an event and wait until the disk has it."""
        entry = {"event": event, "at": time.time(), "boot": _boot(), **fields}
        self.events.append(entry)
        try:
            with self.path.open("ab") as file:
                file.truncate(self._whole())
                file.write(json.dumps(entry).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise InputError(f"--journal {self.path}: {error.strerror}") from error

    def _whole(self) -> int:
        """Bytes up to the end of the last whole line."""
        return self.path.read_bytes().rfind(b"\n") + 1

    def spent_s(self) -> float:
        """Seconds that rounds have taken, those of earlier runs included."""
        return float(sum(event["seconds"] for event in self.events if event["event"] == "done"))

    def interruptions(self) -> list[dict[str, Any]]:
        """Rounds that began and never ended, with whether the machine started anew meanwhile."""
        found = []
        for number, event in enumerate(self.events):
            after = self.events[number + 1] if number + 1 < len(self.events) else None
            if event["event"] == "round" and (after is None or after["event"] != "done"):
                boot = after["boot"] if after else _boot()
                found.append({"round": event["round"], "at": event["at"], "rebooted": boot != event["boot"]})
        return found

    def rounds(self) -> list[SmokeReport]:
        """The reports of all rounds that ended."""
        return [convert(event["report"], SmokeReport) for event in self.events if event["event"] == "done"]


def _boot() -> str:
    """What changes with every start of the machine; empty where nothing tells."""
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def soak(once: Callable[[], SmokeReport], journal: Journal, minutes: float, *, asked: str) -> SmokeReport:
    """Rounds of `once` until `minutes` have been worked in all, or a check fails; the report over all of them.

    With no minute left and rounds in the journal nothing is run: the journal's verdict is told.
    """
    if not journal.events:
        journal.write("begin", minutes=minutes)
    else:
        journal.write("resume", minutes=minutes)
    done = len(journal.rounds())
    while journal.spent_s() < minutes * 60 or (not done and minutes > 0):
        done += 1
        began = time.monotonic()
        journal.write("round", round=done)
        report = once()
        seconds = time.monotonic() - began
        journal.write("done", round=done, seconds=seconds, report=msgspec.to_builtins(_without_curves(report)))
        if report.verdict == "fail":
            break  # an Xid or a wrong number: going on could only hide what came first
    return together(journal, minutes, asked=asked)


def _without_curves(report: SmokeReport) -> SmokeReport:
    """What a round must keep: numbers and statuses, not every sample."""
    checks = [msgspec.structs.replace(check, evidence=_short(check.evidence)) for check in report.checks]
    return msgspec.structs.replace(report, checks=checks, telemetry={})


def _short(evidence: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in evidence.items() if not isinstance(value, (dict, list)) or name == "named"}


def together(journal: Journal, minutes: float, *, asked: str) -> SmokeReport:
    """One report over all rounds: of every check the worst status; its rates over the rounds; and `survival`."""
    rounds = journal.rounds()
    if not rounds:
        raise InputError(f"--journal {journal.path}: no round has ended, nothing can be said yet")
    checks = [_worst(rounds, check.id) for check in rounds[-1].checks]
    checks.append(_survival(journal, minutes, rounds))
    subject = f"{rounds[-1].framework.get('name')} {rounds[-1].framework.get('version')} over {len(rounds)} round(s)"
    verdict, headline = decide(checks, asked=asked, device=rounds[-1].device, subject=subject, partial=True)
    return msgspec.structs.replace(
        rounds[-1],
        level="soak",
        checks=checks,
        verdict=verdict,
        headline=headline,
        started=rounds[0].started,
        duration_s=round(journal.spent_s(), 3),
    )


def _worst(rounds: list[SmokeReport], check_id: str) -> SmokeCheck:
    found = [(number, c) for number, report in enumerate(rounds, 1) for c in report.checks if c.id == check_id]
    number, worst = max(found, key=lambda item: (RANKING.index(item[1].status), item[0]))
    spec = next((spec for spec in catalogue().checks if spec.id == check_id), None)
    series: dict[str, list[float | None]] = {}
    for rate in spec.rates if spec else ():
        values = [c.metrics[rate].value for _, c in found if rate in c.metrics]
        if values:
            series[rate] = values
    reason = worst.reason if worst.status == "PASS" or len(rounds) == 1 else f"in round {number}: {worst.reason}"
    return msgspec.structs.replace(worst, reason=reason, evidence={**worst.evidence, "rounds": series})


def _survival(journal: Journal, minutes: float, rounds: list[SmokeReport]) -> SmokeCheck:
    """Whether the machine came through: no round was cut off by a restart, and no rate sagged."""
    cut = journal.interruptions()
    restarts = sum(event["rebooted"] for event in cut)
    worked = journal.spent_s() / 60
    metrics = {
        "restarts": Metric(
            value=restarts, limit=0, op="==", limit_source="a machine that starts anew under load is no machine to use"
        ),
        "interruptions": Metric(value=len(cut), limit=0, op="==", limit_source="somebody ended the run, or it died"),
        "minutes": Metric(value=round(worked, 3), unit="min"),
        "rounds": Metric(value=len(rounds)),
    }
    sagged = _sagging(rounds)
    for name, ratio in sagged.items():
        metrics[f"last_over_first.{name}"] = Metric(
            value=ratio, limit=0.95, op=">=", limit_source="the last quarter of the rounds against the first"
        )
    slow = {name: ratio for name, ratio in sagged.items() if ratio < 0.95}  # noqa: PLR2004 - the limit above
    if restarts:
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(cut[-1]["at"]))
        status, reason = "FAIL", f"the machine started anew during round {cut[-1]['round']}, which began at {when}"
    elif cut or slow:
        status = "WARN"
        reason = f"round {cut[-1]['round']} was cut off" if cut else f"slower towards the end: {', '.join(slow)}"
    elif worked < minutes and rounds[-1].verdict == "fail":
        status, reason = "PASS", f"stopped after {worked:.1f} of {minutes:g} min, when a check failed"
    else:
        status, reason = "PASS", f"{worked:.1f} min in {len(rounds)} rounds"
    return SmokeCheck(
        id="survival",
        title="the machine came through",
        status=status,  # type: ignore[arg-type]
        reason=reason,
        device=rounds[-1].device,
        framework=rounds[-1].framework.get("name"),
        metrics=metrics,
    )


def _sagging(rounds: list[SmokeReport]) -> dict[str, float]:
    """The mean of every rate in the last quarter of the rounds over that in the first; of devices, not of hosts."""
    if len(rounds) < ENOUGH or rounds[-1].device == "cpu":
        return {}
    quarter = len(rounds) // 4
    ratios = {}
    for spec in catalogue().checks:
        for rate in spec.rates:
            values: list[float] = [
                c.metrics[rate].value or 0.0 for r in rounds for c in r.checks if c.id == spec.id and rate in c.metrics
            ]
            first = sum(values[:quarter])
            if len(values) == len(rounds) and first > 0:
                ratios[f"{spec.id}.{rate}"] = sum(values[-quarter:]) / first
    return ratios
