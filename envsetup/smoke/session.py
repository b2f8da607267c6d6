"""What is known so far in one run: events in, judged checks out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

from envsetup.model.errors import InputError
from envsetup.smoke.judge import Measured, judge, unmeasured

if TYPE_CHECKING:
    from envsetup.model.proof import SmokeCheck, Status
    from envsetup.smoke.catalogue import CheckSpec
    from envsetup.smoke.child import Deadline
    from envsetup.smoke.rates import Yardstick


class Watcher(Protocol):
    """Someone who looks on while the checks run."""

    def doing(self, check: str, what: str) -> None:
        """A stretch of work begins."""
        ...

    def progress(self, event: dict[str, Any]) -> None:
        """One training step: step, of, loss, accuracy."""
        ...

    def checked(self, check: SmokeCheck) -> None:
        """A check has its status."""
        ...


class Session:
    """Collects the events of one child after the other."""

    def __init__(
        self,
        specs: list[CheckSpec],
        *,
        asked: str,
        data: str,
        facts: dict[str, Any],
        watcher: Watcher,
        yardstick: Yardstick,
    ) -> None:
        self.specs = {spec.id: spec for spec in specs}
        self.results: dict[str, SmokeCheck] = {}
        self.held: dict[str, Measured] = {}  # measured in the target, waiting for the host's part
        self.device = "cpu" if asked == "auto" else asked
        self.device_name: str | None = None
        self.absent: str | None = None
        self.framework: dict[str, Any] = {}
        self.current = "import"
        self.what = "starting the interpreter"
        self.ready_at: float | None = None  # when the device was found, on the monotonic clock
        self.spans: dict[str, tuple[float, float]] = {}  # when each check ran
        self._began = 0.0
        self._data, self._facts, self._watcher, self._yardstick = data, facts, watcher, yardstick

    def take(self, event: dict[str, Any], deadline: Deadline) -> None:
        """One event of the child.

        Raises InputError when the environment or the data cannot be used at all.
        """
        kind = event["event"]
        if kind == "start":
            self.current, self.what, self._began = event["check"], "starting", time.monotonic()
            if event["check"] in self.specs:
                deadline.within(self.specs[event["check"]].deadline_s)
        elif kind == "doing":
            self.what = event["what"]
            self._watcher.doing(self.current, self.what)
        elif kind == "progress":
            self.what = f"taking training step {event['step']} of {event['of']}"
            self._watcher.progress(event)
        elif kind == "ready":
            self.framework = event["framework"]
            self.device, self.device_name = event["device"]["kind"], event["device"]["name"]
            self.absent = event["device"]["absent"]
            self.ready_at = self.ready_at or time.monotonic()
            self._yardstick.of(self.device_name, self.device, self.framework["name"])
            self.specs = {check: self._yardstick.sharpen(spec) for check, spec in self.specs.items()}
        elif kind == "result":
            self._measured(event)
        elif kind == "skip":
            spec = self.specs[event["check"]]
            self.settle(spec.id, "SKIP", event["reason"], required=spec.essential)
        elif kind == "error":
            status: Status = "FAIL" if event["refused"] else "ERROR"
            self.settle(event["check"], status, event["reason"], evidence={"traceback": event["traceback"]})
        elif kind == "unusable":
            raise InputError(event["reason"])

    def _measured(self, event: dict[str, Any]) -> None:
        check = event["check"]
        self.spans[check] = (self._began, time.monotonic())
        found = Measured(
            metrics=event["metrics"],
            evidence={**event["evidence"], **self._facts.get(check, {})},
            duration_s=event.get("duration_s", 0.0),
        )
        if check in self.specs and self.specs[check].where == "both":
            self.held[check] = found
        else:
            self.judge(check, found)

    def judge(self, check: str, found: Measured) -> None:
        """Give a check its status by its numbers."""
        if check in self.specs and check not in self.results:
            self._settle(judge(self.specs[check], found, device=self.device, data=self._data))

    def settle(
        self,
        check: str,
        status: Status,
        reason: str,
        *,
        required: bool = True,
        evidence: dict[str, Any] | None = None,
    ) -> None:
        """Give a check its status without numbers."""
        if check in self.specs and check not in self.results:
            self._settle(
                unmeasured(
                    self.specs[check], status, reason, device=self.device, required=required, evidence=evidence or {}
                )
            )

    def _settle(self, check: SmokeCheck) -> None:
        self.results[check.id] = check
        self._watcher.checked(check)

    def open_checks(self) -> list[str]:
        """The checks of the target that have not reported, in order; until the device is known, all that may apply."""
        done = {"import", *self.results, *self.held}
        return [
            spec.id
            for spec in self.specs.values()
            if spec.where != "host" and spec.id not in done and (not self.framework or self.applies(spec))
        ]

    def applies(self, spec: CheckSpec) -> bool:
        """Whether a check makes sense on the device in use."""
        return not spec.on or self.device in spec.on
