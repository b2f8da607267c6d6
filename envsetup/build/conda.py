"""A conda environment: solved and installed into a stage, verified, moved into place."""

from __future__ import annotations

import os
import re
import shlex
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup import __version__
from envsetup.build import condatool, edits, process, records, solvers
from envsetup.build.create import Created, summary
from envsetup.build.decide import in_one_environment
from envsetup.build.manifest import MANIFEST, Manifest, machine_digest
from envsetup.build.sources import address
from envsetup.build.stage import Stage
from envsetup.build.steps import Step, perform
from envsetup.compat import conda, drivers, stacks
from envsetup.model.codec import to_json
from envsetup.model.errors import BuildError, InputError
from envsetup.model.lock import Lock, LockedPackage
from envsetup.model.maybe import known
from envsetup.model.plan import PlannedPackage

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.build.create import Order
    from envsetup.build.rattler import CondaPackage, Solution
    from envsetup.build.solvers import Solver
    from envsetup.build.steps import Progress
    from envsetup.model.machine import Machine
    from envsetup.model.plan import Plan

_OVERRIDE = condatool.OVERRIDE
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[\w.-]+)*", re.ASCII)
_PYTHON = re.compile(r"3\.\d{1,2}")
_TOKEN = re.compile(r"/t/[^/]+/")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be solved: match specs, from where, and for which CUDA of the driver (None: no GPU)."""

    channel: str
    specs: list[str]
    cuda: Optional[str] = None


def create(order: Order, machine: Callable[[], Machine], progress: Progress) -> Created:
    """Make the environment. Raises EnvsetupError with one line; then nothing was changed."""
    maker = Conda(order, machine)
    timings = perform([maker.deciding()], progress)
    path = str(order.target)
    if maker.plan.status == "impossible":
        return Created(status="impossible", path=path, plan=maker.plan)
    if maker.solver is not None:
        timings += perform([maker.solving(maker.solver)], progress)
    building = maker.solver is not None and not order.files_only
    result = Created(
        status="planned" if order.dry_run else "created" if building else "rendered",
        path=path,
        plan=maker.plan,
        python=maker.python,
        packages={package.name: package.version for package in maker.packages},
    )
    if order.dry_run:
        files = {name: content.decode() for name, content in maker.files().items()}
        steps = [step.title if not step.command else f"{step.title}: {step.command}" for step in maker.steps()]
        return msgspec.structs.replace(result, steps=steps, files=files)
    with Stage(order.target) as maker.stage:
        timings += perform(maker.steps(), progress)
    override = f"{_OVERRIDE}={maker.wanted.cuda} " if maker.wanted.cuda else ""
    command = f"{override}conda env create --prefix ENV --file {shlex.quote(f'{path}/environment.yml')}"
    absent = f"neither {', '.join(condatool.NAMES)} nor py-rattler is installed"
    by_hand = f"{absent}; install py-rattler with envsetup[conda], or run: {command}"
    return msgspec.structs.replace(
        result,
        verified=maker.facts if building and order.check else None,
        activate=f"{maker.activator} activate {shlex.quote(path)}" if building else None,
        engine=f"{maker.solver.name} {maker.solver.version}" if maker.solver and building else None,
        not_built=None if building or order.files_only else by_hand,
        timings=timings,
    )


class Conda:
    """The steps of one order; each leaves what the next needs."""

    plan: Plan
    wanted: Wanted
    stage: Stage
    solution: Solution | None = None

    def __init__(self, order: Order, machine: Callable[[], Machine]) -> None:
        if order.lock is not None:
            raise InputError("--lock: a conda environment is made again with: conda create --file explicit.txt")
        self.order = order
        self.facts: list[str] = []
        self._look = machine
        self._machine: Machine | None = None
        self.solver = solvers.find()

    @property
    def activator(self) -> str:
        """Whose command activates it."""
        return self.solver.name if isinstance(self.solver, condatool.Tool) else "conda"

    @property
    def packages(self) -> list[CondaPackage]:
        """What was solved, or nothing."""
        return self.solution.packages if self.solution else []

    @property
    def python(self) -> str | None:
        """The version of the interpreter."""
        return next((p.version for p in self.packages if p.name == "python"), self.plan.python)

    def deciding(self) -> Step:
        """From the machine to match specs."""

        def decide(_: Callable[[], None]) -> str:
            from envsetup.resolve import resolve  # noqa: PLC0415 - tables are read only where something is planned

            self._machine = machine = self._look()
            python = self.order.python
            if python is not None and not _PYTHON.fullmatch(python):
                raise InputError(f"--python {python}: for a conda environment X.Y is accepted")
            channel = channel_of(self.order.request.source)
            # The table of wheels says what runs on this GPU; which packages there are, the channel says.
            request = msgspec.structs.replace(self.order.request, python=python, source=None)
            self.plan = resolve(request, machine, None)
            if self.plan.status == "impossible":
                return "impossible"
            in_one_environment(self.plan, self.order.request)
            self.wanted = wanted(self.order, self.plan, machine, channel)
            return ", ".join(self.wanted.specs)

        return Step(id="plan", title="look and decide", run=decide)

    def solving(self, solver: Solver) -> Step:
        """From match specs to packages."""

        def solve(tick: Callable[[], None]) -> str:
            asked = self.wanted
            self.solution = solvers.solve(solver, asked.channel, asked.specs, asked.cuda, tick)
            self.plan = _solved(self.plan, self.packages)
            return f"{len(self.packages)} packages"

        return Step(id="lock", title=f"solve with {solver.name}", run=solve)

    def steps(self) -> list[Step]:
        """From packages to the environment."""
        target = shlex.quote(str(self.order.target))
        steps = [
            Step(id="install", title=f"install {len(self.packages)} packages", run=self._install),
            Step(id="files", title="write files", run=self._write),
            Step(id="verify", title="verify", command="STAGE/bin/python -I self_check.py", run=self._verify),
            Step(id="place", title="put in place", command=f"mv STAGE {target}", run=self._place),
        ]
        left_out = set() if self.order.check else {"verify"}
        if self.order.files_only or self.solution is None:
            left_out = {"install", "verify"}
        return [step for step in steps if step.id not in left_out]

    def files(self) -> dict[str, bytes]:
        """The files that envsetup leaves in the environment."""
        from envsetup.build.targets import find, made_as  # noqa: PLC0415 - they know this module
        from envsetup.render.templates import assemble  # noqa: PLC0415 - jinja2 only where something is rendered

        template = find(self.order.request.target, self.order.template)
        order, explicit = self.order, self.solution.explicit() if self.solution else ""
        manifest = Manifest(
            tool=__version__,
            created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            target=made_as(template),
            python=self.python or "unknown",
            request=order.request,
            plan=self.plan,
            lock=_digest(explicit),
            sources=[self.wanted.channel],
            probe=machine_digest(self._machine) if self._machine else None,
        )
        made = assemble(
            template,
            {
                "name": order.name or order.target.name,
                "path": str(order.target),
                "channel": self.wanted.channel,
                "specs": self.wanted.specs + ([f"cuda-version <={self.wanted.cuda}"] if self.wanted.cuda else []),
                "cuda": self.wanted.cuda or "",
                "explicit": explicit,
                "manifest": to_json(manifest),
                "summary": summary(self.plan),
                "tool": __version__,
                "device": self.plan.device,
            },
        )
        return made | {MANIFEST: to_json(manifest).encode()}

    def _install(self, tick: Callable[[], None]) -> str:
        if self.solution is None or self.solver is None:
            raise AssertionError
        installed = self.solver.install(self.solution, self.stage.env, self.order.target, tick)
        if different := _changed(self.solution.packages, installed.packages):
            raise BuildError(f"{self.solver.name} installed {different[0]}")
        self.solution = installed
        return ""

    def _write(self, _: Callable[[], None]) -> str:
        self.stage.env.mkdir(exist_ok=True)
        edits.write(self.stage.env, self.files())
        records.note(self.stage.env, [])
        return ""

    def _verify(self, tick: Callable[[], None]) -> str:
        from envsetup.build.verify import DEADLINE, examine  # noqa: PLC0415 - not with --no-verify

        env = self.stage.env
        argv = (str(env / "bin" / "python"), "-I", "-")
        planned = [LockedPackage(name=p.name, version=p.version, hashes=[]) for p in self.plan.packages]
        seen = examine(
            lambda argument, program: process.run(
                [*argv, argument], env=os.environ, timeout=DEADLINE, stdin=program, tick=tick
            ),
            self.plan,
            Lock(packages=planned),
            lambda: _differences(env, self.packages),
            self.order.request.extras,
        )
        self.facts = [f"{len(self.packages)} packages as solved", *seen.facts[1:]]
        return "; ".join(self.facts)

    def _place(self, _: Callable[[], None]) -> str:
        self.stage.place()
        return str(self.order.target)


def channel_of(source: str | None) -> str:
    """`--source` as a channel: a name, a folder or an address. Raises InputError; one with credentials is refused."""
    if source is None:
        return conda.table().channel
    if "://" in source:
        parts = address(source, "--source")
        if parts.username or parts.query or _TOKEN.search(f"{parts.path}/"):
            raise InputError("--source: the channel's address holds credentials, which would be written into the lock")
        if parts.scheme not in {"http", "https", "file"}:
            raise InputError(f"--source {source!r}: http, https and file addresses are accepted")
        return source
    if Path(source).is_dir():
        return Path(source).absolute().as_uri()
    if not _NAME.fullmatch(source):
        raise InputError(f"--source {source!r}: neither a folder, an address nor the name of a channel")
    return source


def wanted(order: Order, plan: Plan, machine: Machine, channel: str) -> Wanted:
    """The match specs of a plan. Raises InputError for a framework that is not offered as conda packages."""
    from envsetup.resolve.asked import read  # noqa: PLC0415 - as above

    gpu = plan.device != "cpu"
    specs = [f"python {order.python or plan.python}.*"] if order.python or plan.python else ["python"]
    for asked in read(order.request).frameworks:
        row = conda.framework(asked.name)
        if row is None or plan.device not in {"cuda", "cpu"}:
            raise InputError(f"--target conda: {asked.title} for {plan.device} is not offered; take --target venv")
        specs += row.gpu if gpu else row.cpu
        version = ",".join(part.removeprefix("==") for part in asked.specifier.replace(" ", "").split(",") if part)
        specs += [f"{row.package} {version}"] if version else []
    for name in order.request.extras:
        stack = stacks.stack(name)
        if stack is None:
            raise InputError(f"--with {name}: unknown; accepted are {', '.join(stacks.NAMES)}")
        specs += stack.needs
    cuda = _ceiling(machine) if gpu else None
    if gpu and cuda is None:
        raise InputError(f"which CUDA this driver runs is unknown; say it with {_OVERRIDE}=X.Y")
    return Wanted(channel=channel, specs=specs, cuda=cuda)


def _ceiling(machine: Machine) -> str | None:
    """The newest CUDA of the driver; the variable that conda itself reads goes before."""
    given = os.environ.get(_OVERRIDE)
    if given:
        if not re.fullmatch(r"\d{1,2}(\.\d{1,2}){0,2}", given, re.ASCII):
            raise InputError(f"{_OVERRIDE}={given!r}: X.Y is accepted")
        return given
    stack, driver = known(machine.nvidia), known(machine.driver)
    version = known(driver.nvidia) if driver else None
    return (known(stack.cuda_ceiling) if stack else None) or (drivers.cuda_ceiling(version) if version else None)


def _solved(plan: Plan, packages: list[CondaPackage]) -> Plan:
    """The plan with what the channel really has instead of wheels."""
    names = {row.package: row.name for row in conda.table().frameworks}
    cuda = next((p.version for p in packages if p.name == "cuda-version"), None)
    variant = f"cu{''.join(cuda.split('.')[:2])}" if cuda and plan.device == "cuda" else plan.device
    solved = [
        PlannedPackage(name=names[p.name], version=p.version, variant=variant, index="conda")
        for p in packages
        if p.name in names
    ]
    # What was weighed was wheels; of those reasons only the ones about the machine hold for another build.
    kept = [reason for reason in plan.reasons if reason.constraint == "device"]
    return msgspec.structs.replace(plan, packages=solved, reasons=kept, rejected=[], warnings=[], alternatives=[])


def _changed(solved: list[CondaPackage], installed: list[CondaPackage]) -> list[str]:
    wanted, there = ({f"{p.name}-{p.version}-{p.build}" for p in packages} for packages in (solved, installed))
    return [f"{name}, which was not solved" for name in sorted(there - wanted)]


def _differences(env: Path, packages: list[CondaPackage]) -> list[str]:
    there = {path.stem for path in (env / "conda-meta").glob("*.json")}
    locked = {f"{p.name}-{p.version}-{p.build}" for p in packages}
    missing = [f"{name} was solved but not installed" for name in sorted(locked - there)]
    return missing + [f"{name} was installed but not solved" for name in sorted(there - locked)]


def _digest(text: str) -> str:
    import hashlib  # noqa: PLC0415

    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
