"""One environment on many hosts: look, sort into classes, let a canary of each class go first, then the others.

A canary plans and locks with its own package sources; the others of its class install exactly that lock. Where a canary
fails, its class is left alone; where too many fail, nobody is begun any more.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from envsetup.build.create import summary
from envsetup.fleet.bundle import with_lock
from envsetup.fleet.classes import MachineClass, holds, sort
from envsetup.fleet.engine import Job
from envsetup.fleet.merge import Merge
from envsetup.fleet.reading import Answer, bad, refused, silent
from envsetup.model.fleet import ClassPlan, HostRow, Outcome
from envsetup.model.hostrange import fold, natural
from envsetup.model.maybe import known

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envsetup.fleet.engine import Engine
    from envsetup.fleet.journal import Journal
    from envsetup.model.fleet import FleetReport, HostCreated
    from envsetup.model.machine import Machine
    from envsetup.model.plan import Request

    Watch = Callable[[HostRow, int, int], None]

DONE: frozenset[Outcome] = frozenset({"ok"})  # what a run that goes on need not do again


class AtMost(NamedTuple):
    """How many hosts may fail: a number of them, or percent of all that answered."""

    number: float
    percent: bool

    def of(self, total: int) -> float:
        """The number of hosts."""
        return self.number * total / 100 if self.percent else self.number


class Wish(NamedTuple):
    """What is wanted. `path` is on the hosts; when more than `max_fail` hosts failed, nobody is begun any more."""

    request: Request
    path: str
    verify: bool
    canaries: int  # hosts of each class that go first, one by one
    max_fail: AtMost
    look: Job
    forks: int
    host_timeout: int

    def arguments(self) -> list[str]:
        """The agent's."""
        request = self.request
        given = [
            *(part for name in request.frameworks for part in ("--framework", name)),
            *(part for name in request.extras for part in ("--with", name)),
            *(["--python", request.python] if request.python else []),
            *(["--source", request.source] if request.source else []),
            *([] if self.verify else ["--no-verify"]),
        ]
        return ["create", self.path, "--json", "--device", request.device, *given]


class _Group(msgspec.Struct):
    """A class while it is worked on. `waiting` are the hosts that nobody began."""

    kind: str
    hosts: list[str]
    waiting: list[str]
    plan: str
    warnings: list[str]
    canary: str
    made: HostCreated | None = None
    stopped: str = ""  # why its hosts are left alone


class Rollout:
    """A run over the hosts of an engine. `bundle` makes what hosts run, for the platforms that there turn out to be."""

    def __init__(self, engine: Engine, wish: Wish, bundle: Callable[[set[str]], str], watch: Watch) -> None:
        self._engine, self._wish, self._bundle, self._watch = engine, wish, bundle, watch
        self._hosts = engine.hosts()
        self._merge = Merge(self._hosts)
        self._machines: dict[str, Machine] = {}
        self._done: dict[str, Answer] = {}
        self._failed = 0
        self._groups: list[_Group] = []
        self._journal: Journal | None = None

    def look(self) -> None:
        """Ask every host what it is, and sort them. Raises InputError for a request that cannot be understood."""
        self._engine.run(self._wish.look, self._hosts, self._seen)
        found = sort(self._machines, self._wish.request)
        for host, plan in found.impossible.items():
            why = plan.impossible
            self._end(refused(host, f"impossible ({why.constraint}): {why.text}" if why else "impossible"))
        self._groups = [_group(part) for part in found.classes]

    def _seen(self, answer: Answer) -> None:
        machine = known(answer.doctor.machine) if answer.doctor else None
        if machine is not None:
            self._machines[answer.row.host] = machine
        else:
            self._end(answer if answer.kind in {"agent", "bad"} else bad(answer.row.host, "it says nothing of itself"))

    def would(self) -> None:
        """Make nothing, and say what each host would get."""
        for group in self._groups:
            for host in group.waiting:
                row = HostRow(host=host, outcome="ok", reason=f"would get {group.plan}; nothing was made (--dry-run)")
                self._end(Answer(row, "agent"))

    def make(self, journal: Journal | None) -> None:
        """Make the environments. What the journal holds is not made again."""
        self._journal = journal
        before = {a.row.host: a for a in (journal.received(DONE) if journal else []) if a.row.host in self._machines}
        for group in self._groups:
            for host in [host for host in group.waiting if host in before]:
                self._took(group, before[host])
        if not any(group.waiting for group in self._groups):
            return
        bundle = self._bundle({platform(self._machines[host]) for group in self._groups for host in group.waiting})
        self._canaries(bundle, [group for group in self._groups if group.made is None])
        with tempfile.TemporaryDirectory(prefix="envsetup-fleet-") as folder:
            for group in self._groups:
                if group.made is not None and group.made.locked and group.waiting:
                    self._others(group, with_lock(bundle, group.made.locked, Path(folder)))
        self._leave()

    def _canaries(self, bundle: str, groups: Sequence[_Group]) -> None:
        """The first host of every class at once: they have nothing to do with each other."""
        of = {group.canary: group for group in groups}

        def deliver(answer: Answer) -> None:
            group = of[answer.row.host]
            self._keep(group, answer)
            if answer.row.outcome != "ok":
                group.stopped = f"its canary {answer.row.host} failed: {answer.row.reason}"

        if of:
            self._engine.run(self._job(bundle), list(of), deliver)

    def _others(self, group: _Group, bundle: str) -> None:
        """The class's other canaries one by one, then as many hosts at once as there are forks."""
        self._fitting(group)
        for number in range(self._wish.canaries - 1):
            if group.waiting and not group.stopped:
                host = group.waiting[0]
                self._run(group, bundle, [host])
                if self._done[host].row.outcome != "ok":
                    group.stopped = f"canary {number + 2}, {host}, failed: {self._done[host].row.reason}"
        while group.waiting and not group.stopped and self._failed <= self._allowed():
            self._run(group, bundle, group.waiting[: self._wish.forks])

    def _run(self, group: _Group, bundle: str, hosts: Sequence[str]) -> None:
        self._engine.run(self._job(bundle), list(hosts), lambda answer: self._keep(group, answer))

    def _keep(self, group: _Group, answer: Answer) -> None:
        if self._journal:
            self._journal.add(answer.row)
        self._took(group, answer)

    def _allowed(self) -> float:
        return self._wish.max_fail.of(len(self._machines))

    def _fitting(self, group: _Group) -> None:
        """What a source really offered may be another build than the data said: it must run on the others too."""
        if group.made is None:
            return
        for host in list(group.waiting):
            plan = holds(self._wish.request, group.made.plan, self._machines[host])
            if plan.impossible:
                said = f"{summary(group.made.plan)}, made on {group.canary}, does not run here: {plan.impossible.text}"
                self._took(group, refused(host, said))

    def _job(self, bundle: str) -> Job:
        return Job(bundle, self._wish.arguments(), self._wish.host_timeout, self._wish.forks)

    def _took(self, group: _Group, answer: Answer) -> None:
        host = answer.row.host
        if host in group.waiting:
            group.waiting.remove(host)
        if answer.row.outcome != "ok":
            self._failed += 1
        elif answer.created and answer.created.locked:
            group.made = answer.created
            group.canary, group.plan, group.warnings = host, summary(answer.created.plan), answer.created.plan.warnings
        self._end(answer)

    def _end(self, answer: Answer) -> None:
        self._done[answer.row.host] = answer
        self._merge.add(answer)
        self._watch(answer.row, len(self._done), len(self._hosts))

    def _leave(self) -> None:
        """Hosts that nobody began are told why."""
        limit = f"{self._failed} hosts failed, more than --max-fail allows ({self._allowed():g})"
        for group in self._groups:
            for host in list(group.waiting):
                group.waiting.remove(host)
                self._end(silent(host, "not-run", group.stopped or limit))

    def report(self) -> FleetReport:
        """Every host with its outcome, and what each class got or would get."""
        plans = [
            ClassPlan(
                kind=group.kind,
                hosts=fold(sorted(group.hosts, key=natural)),
                count=len(group.hosts),
                plan=group.plan,
                canary=group.canary,
                lock=group.made.lock if group.made else None,
                warnings=group.warnings,
            )
            for group in self._groups
        ]
        return msgspec.structs.replace(self._merge.report(), plans=plans)


def platform(machine: Machine) -> str:
    """What uv must be made for: x86_64-glibc."""
    libc = known(machine.libc)
    return f"{known(machine.arch)}-{(known(libc.name) if libc else None) or 'glibc'}"


def _group(part: MachineClass) -> _Group:
    hosts = list(part.hosts)
    return _Group(part.kind, hosts, list(hosts), summary(part.plan), list(part.plan.warnings), hosts[0])
