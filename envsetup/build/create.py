"""`create` as one function: look, decide, lock, build. Result: schema `envsetup.create/1`, additive only."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Optional

import msgspec

from envsetup import __version__
from envsetup.build import decide, locking, registry, targets
from envsetup.build.draft import Prepared
from envsetup.build.inherit import Inherited
from envsetup.build.manifest import Manifest, machine_digest
from envsetup.build.stage import Stage
from envsetup.build.steps import Step, Timing, perform
from envsetup.build.venv import Job
from envsetup.model.plan import Plan, Request
from envsetup.model.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.build.decide import Decision
    from envsetup.build.draft import Draft
    from envsetup.build.steps import Progress
    from envsetup.build.targets import Kind
    from envsetup.model.lock import Lock
    from envsetup.model.machine import Machine
    from envsetup.model.offers import Offers

SCHEMA = "envsetup.create/1"
TITLES = {"torch": "PyTorch", "tensorflow": "TensorFlow", "jax": "JAX"}


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asked for, read."""

    target: Path
    request: Request  # its `python` is left to `python`
    python: Optional[str] = None  # as typed: a version or a path
    name: Optional[str] = None
    machine: Optional[Path] = None
    lock: Optional[Path] = None
    check: bool = True
    dry_run: bool = False
    files_only: bool = False
    base_image: Optional[str] = None
    starter: Optional[Path] = None  # the folder of the starter project
    template: Optional[Path] = None  # a folder of the user's; the request's target is then targets.TEMPLATE
    fresh: bool = False  # ask the sources even where a lock for the same question was made before

    @property
    def kind(self) -> Kind:
        """The target that is asked for."""
        asked = self.request
        return targets.kind(asked.target, self.base_image, folder=self.template, develop=asked.develop)


class Created(msgspec.Struct, frozen=True, kw_only=True, rename={"schema_": "schema"}):
    """How it ended. `files` (dry run only) maps path to content; `verified` is None when nobody looked.

    `activate` is a line for the shell; `image` was built with `engine`; `not_built` says why there are only files;
    `starter` is the folder of the starter project.
    """

    schema_: str = SCHEMA
    version: str = __version__
    status: Literal["created", "rendered", "planned", "impossible"]
    path: str
    plan: Plan
    python: Optional[str] = None
    lock: Optional[str] = None
    lock_reused: bool = False
    packages: dict[str, str] = {}
    verified: Optional[list[str]] = None
    activate: Optional[str] = None
    image: Optional[str] = None
    engine: Optional[str] = None
    not_built: Optional[str] = None
    starter: Optional[str] = None
    notes: list[str] = []  # what was done otherwise than asked for, and why
    steps: list[str] = []
    files: dict[str, str] = {}
    timings: list[Timing] = []
    unreachable: dict[str, str] = {}


class _Seen(msgspec.Struct):
    """What the first steps leave for the next ones."""

    machine: Optional[Machine] = None
    offers: Optional[Offers] = None
    decision: Optional[Decision] = None
    lock: Optional[Lock] = None
    reused: bool = False

    @property
    def looked_at(self) -> Machine:
        """The machine, once it has been looked at."""
        if self.machine is None:
            raise AssertionError
        return self.machine


def create(order: Order, progress: Progress) -> Created:
    """Do it. Raises EnvsetupError with one line; then nothing was changed."""
    if order.starter is None:
        return _create(order, progress)
    from envsetup.build import starter  # noqa: PLC0415 - only where it is asked for

    order = starter.ordered(order, order.starter)
    return starter.beside(_create(order, progress), order, progress)


def _create(order: Order, progress: Progress) -> Created:
    draft = prepare(order, progress)
    if draft.result.status == "impossible" or order.dry_run:
        return draft.result
    return carry_out(order, draft, Inherited(), progress)


def prepare(order: Order, progress: Progress) -> Draft:
    """Look, decide and lock. Raises EnvsetupError with one line."""
    _check_names(order)
    if targets.engines(targets.find(order.request.target, order.template)) & targets.CONDA:
        from envsetup.build.conda import prepare as prepare_conda  # noqa: PLC0415 - no uv, no wheels

        return prepare_conda(order, lambda: _machine(order), progress)
    return _from_wheels(order, progress)


def carry_out(order: Order, draft: Draft, inherited: Inherited, progress: Progress) -> Created:
    """Build what was prepared. Raises EnvsetupError with one line; then nothing was changed."""
    made = draft.build(inherited, progress)
    if made.status in {"created", "rendered"}:
        registry.note(order.target)
    return made


def _from_wheels(order: Order, progress: Progress) -> Prepared:
    seen = _Seen()
    timings = perform(_preparation(order, seen), progress)
    decision = seen.decision
    if decision is None:
        raise AssertionError
    path = str(order.target)
    unreachable = seen.offers.unreachable if seen.offers else {}
    if decision.plan.status == "impossible":
        result = Created(status="impossible", path=path, plan=decision.plan, unreachable=unreachable)
        return Prepared(order=order, result=result)
    decide.in_one_environment(decision.plan, order.request)
    timings += perform([_locking(order, seen)], progress) if seen.lock is None else []
    job = _job(order, decision, seen)
    result = Created(
        status="planned" if order.dry_run else "rendered" if order.files_only else "created",
        path=path,
        plan=decision.plan,
        python=decision.interpreter.version,
        lock=job.lock.digest(),
        lock_reused=seen.reused,
        packages={package.name: package.version for package in job.lock.packages},
        unreachable=unreachable,
        timings=timings,
    )
    if order.dry_run:
        planned = order.kind.maker(job, Stage(order.target)).steps()
        result = msgspec.structs.replace(
            result,
            steps=[step.line for step in planned],
            files={name: content.decode() for name, content in order.kind.files(job).items()},
            timings=[],
        )
    question = decide.question_of(decision, order.request.extras) if seen.reused else None
    return Prepared(order=order, result=result, job=job, question=question)


def _check_names(order: Order) -> None:
    if order.request.frameworks:
        from envsetup.resolve.asked import read  # noqa: PLC0415 - a given lock needs no tables

        read(order.request)  # a name that does not exist ends here, before anything is looked at


def _preparation(order: Order, seen: _Seen) -> list[Step]:
    if order.lock is not None:
        lock = seen.lock = locking.given_lock(order.lock)

        def read(_: Callable[[], None]) -> str:
            seen.decision = decide.decide_by_lock(order.request, lock, order.kind.choose(order.python)[0])
            if order.request.device == "gpu":
                machine = _machine(order)
                plan = decide.hopeless(order.request, machine) or seen.decision.plan
                seen.decision = msgspec.structs.replace(seen.decision, plan=plan, machine=machine)
            return f"{len(lock.packages)} packages"

        return [Step(id="lock", title="read lock", run=read)]

    def look(_: Callable[[], None]) -> str:
        seen.machine = order.kind.inside(_machine(order))
        return ""

    def ask(_: Callable[[], None]) -> str:
        if decide.hopeless(order.request, seen.looked_at):
            return "not asked"
        seen.offers = decide.look_at_sources(order.request)
        if seen.offers is None:
            return "not asked (--offline)"
        lost = [f"{name} unreachable: {reason}" for name, reason in seen.offers.unreachable.items()]
        return "; ".join([", ".join(seen.offers.sources) or "none answered", *lost])

    def settle(_: Callable[[], None]) -> str:
        machine = seen.looked_at
        python = order.python or (decide.wanted_python(machine) if order.machine else None)
        choice, others = order.kind.choose(python)
        request = msgspec.structs.replace(order.request, python=choice.short if python else None)
        seen.decision = decide.decide(request, machine, seen.offers, choice, others)
        return summary(seen.decision.plan) if seen.decision.plan.status == "ok" else "impossible"

    return [
        Step(id="probe", title="look at the machine", run=look),
        Step(id="sources", title="ask the sources", run=ask),
        Step(id="plan", title="decide", run=settle),
    ]


def _locking(order: Order, seen: _Seen) -> Step:
    def lock(tick: Callable[[], None]) -> str:
        if seen.decision is not None:
            seen.lock, seen.reused = decide.lock_for(seen.decision, order.request.extras, tick, fresh=order.fresh)
        count = len(seen.lock.packages) if seen.lock else 0
        return f"{count} packages" + (", made before" if seen.reused else "")

    return Step(id="lock", title="lock versions and hashes", run=lock)


def _machine(order: Order) -> Machine:
    if order.machine is not None:
        from envsetup.probe.snapshot import read_snapshot  # noqa: PLC0415 - as below

        return read_snapshot(str(order.machine))
    from envsetup.probe.collect import probe  # noqa: PLC0415
    from envsetup.world.live import LiveWorld  # noqa: PLC0415

    return probe(LiveWorld())


def _job(order: Order, decision: Decision, seen: _Seen) -> Job:
    if seen.lock is None:
        raise AssertionError
    manifest = Manifest(
        tool=__version__,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        target=targets.made_as(targets.find(order.request.target, order.template)),
        python=decision.interpreter.version,
        request=msgspec.structs.replace(
            order.request,
            python=decision.interpreter.short,
            source=redact(order.request.source, decision.sources.secrets) if order.request.source else None,
        ),
        plan=decision.plan,
        lock=seen.lock.digest(),
        sources=[source.name for source in decision.sources.all],
        probe=machine_digest(decision.machine) if decision.machine else None,
        name=order.name,
        base_image=order.base_image,
        described=order.machine is not None,
    )
    common = Job(
        target=order.target,
        name=order.name,
        summary=summary(decision.plan),
        plan=decision.plan,
        lock=seen.lock,
        manifest=manifest,
        interpreter=decision.interpreter,
        uv=decision.uv,
        spare=decision.spare,
        check=order.check,
        files_only=order.files_only,
    )
    return order.kind.job(common, decision)


def summary(plan: Plan) -> str:
    """What a plan installs, in a few words."""
    named = [f"{TITLES.get(p.name, p.name)} {p.version}{f'+{p.variant}' if p.variant else ''}" for p in plan.packages]
    return ", ".join(named) or "the packages of the lock"
