"""A conda environment: solved or taken from a lock, installed into a stage, verified, moved into place."""

from __future__ import annotations

import os
import re
import shlex
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec

from envsetup import __version__
from envsetup.build import condatool, explicit, process, solvers
from envsetup.build.condaspecs import channel_of, of_lock, solved, wanted
from envsetup.build.create import Created, summary
from envsetup.build.decide import hopeless, in_one_environment
from envsetup.build.inherit import Inherited, leave
from envsetup.build.manifest import MANIFEST, Manifest, machine_digest
from envsetup.build.rattler import Solution
from envsetup.build.stage import Stage
from envsetup.build.steps import Step, perform
from envsetup.model.codec import to_json
from envsetup.model.errors import BuildError, InputError
from envsetup.model.lock import Lock, LockedPackage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from envsetup.build.condaspecs import Wanted
    from envsetup.build.create import Order
    from envsetup.build.explicit import CondaPackage
    from envsetup.build.steps import Progress
    from envsetup.model.machine import Machine
    from envsetup.model.plan import Plan

_PYTHON = re.compile(r"3\.\d{1,2}")


def prepare(order: Order, machine: Callable[[], Machine], progress: Progress) -> Conda:
    """Decide and solve. Raises EnvsetupError with one line."""
    return Conda(order, machine, progress)


class Conda:
    """The draft of one order, and the steps that make it; each leaves what the next needs."""

    plan: Plan
    wanted: Wanted
    stage: Stage
    solution: Solution | None = None

    def __init__(self, order: Order, machine: Callable[[], Machine], progress: Progress) -> None:
        from envsetup.build.targets import find  # noqa: PLC0415 - they know this module

        self.order = order
        self.facts: list[str] = []
        self.inherited = Inherited()
        self.template = find(order.request.target, order.template)
        self.created = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._look = machine
        self._machine: Machine | None = None
        self._installed = False
        self.solver = solvers.find()
        self.timings = perform([self._deciding() if order.lock is None else self._reading(order.lock)], progress)
        if self.plan.status == "ok" and self.solution is None and self.solver is not None:
            self.timings += perform([self._solving(self.solver)], progress)

    @property
    def building(self) -> bool:
        """Whether there is anybody who installs, and something to install."""
        return self.solver is not None and not self.order.files_only

    @property
    def packages(self) -> list[CondaPackage]:
        """What was solved or given, or nothing."""
        return self.solution.packages if self.solution else []

    @property
    def pins(self) -> dict[str, str]:
        """Name to version and build."""
        return {package.name: package.pin for package in self.packages}

    @property
    def python(self) -> str | None:
        """The version of the interpreter."""
        return next((p.version for p in self.packages if p.name == "python"), self.plan.python)

    @property
    def result(self) -> Created:
        """As it would be told."""
        order, path = self.order, str(self.order.target)
        if self.plan.status == "impossible":
            return Created(status="impossible", path=path, plan=self.plan)
        result = Created(
            status="planned" if order.dry_run else "created" if self.building else "rendered",
            path=path,
            plan=self.plan,
            python=self.python,
            lock=self.manifest.lock if self._explicit else None,
            packages={package.name: package.version for package in self.packages},
            timings=self.timings,
        )
        if not order.dry_run:
            return result
        files = {name: content.decode() for name, content in self.files().items()}
        return msgspec.structs.replace(result, steps=[step.line for step in self.steps()], files=files, timings=[])

    @property
    def manifest(self) -> Manifest:
        """What the environment says about itself."""
        from envsetup.build.targets import made_as  # noqa: PLC0415 - as above

        order = self.order
        # What is planned again later keeps the Python, and finds a folder from anywhere.
        source = self.wanted.channels[0] if order.request.source is not None else None
        return Manifest(
            tool=__version__,
            created=self.created,
            target=made_as(self.template),
            python=self.python or "unknown",
            request=msgspec.structs.replace(order.request, python=self.plan.python, source=source),
            plan=self.plan,
            lock=_digest(self._explicit),
            sources=self.wanted.channels,
            probe=machine_digest(self._machine) if self._machine else None,
            name=order.name,
            described=order.machine is not None,
        )

    def files(self) -> dict[str, bytes]:
        """The files that envsetup leaves in the environment."""
        from envsetup.render.templates import assemble  # noqa: PLC0415 - jinja2 only where something is rendered

        order, manifest = self.order, to_json(self.manifest)
        made = assemble(
            self.template,
            {
                "name": order.name or order.target.name,
                "path": str(order.target),
                "channels": self.wanted.channels,
                "specs": self.wanted.written,
                "cuda": self.wanted.cuda or "",
                "explicit": self._explicit,
                "manifest": manifest,
                "summary": summary(self.plan),
                "tool": __version__,
                "device": self.plan.device,
            },
        )
        return made | {MANIFEST: manifest.encode()}

    def build(self, inherited: Inherited, progress: Progress) -> Created:
        """Make it. Raises EnvsetupError with one line; then nothing was changed."""
        self.inherited = inherited
        with Stage(self.order.target, inherited.keep) as self.stage:
            self.timings += perform(self.steps(), progress)
        path, building = str(self.order.target), self.building
        activator = self.solver.name if isinstance(self.solver, condatool.Tool) else "conda"
        return msgspec.structs.replace(
            self.result,
            verified=self.facts if building and self.order.check else None,
            activate=f"{activator} activate {shlex.quote(path)}" if building else None,
            engine=f"{self.solver.name} {self.solver.version}" if self.solver and building else None,
            not_built=None if building or self.order.files_only else self._by_hand(path),
        )

    def steps(self) -> list[Step]:
        """From packages to the environment."""
        target = shlex.quote(str(self.order.target))
        steps = [
            Step(id="install", title=f"install {len(self.packages)} packages", run=self._install),
            Step(id="files", title="write files", run=self._write),
            Step(id="verify", title="verify", command="STAGE/bin/python -I self_check.py", run=self._verify),
            Step(id="place", title="put in place", command=f"mv STAGE {target}", run=self._place),
        ]
        left_out = {"install", "verify"} if not self.building else set() if self.order.check else {"verify"}
        return [step for step in steps if step.id not in left_out]

    @property
    def _explicit(self) -> str:
        """The lock; empty while only the installation will tell what the files are, and their hashes."""
        told = self._installed or all(package.sha256 for package in self.packages)
        return explicit.text(self.packages) if told and self.packages else ""

    def _by_hand(self, path: str) -> str:
        absent = f"neither {', '.join(condatool.NAMES)} nor py-rattler is installed"
        if self.order.lock is None:
            override = f"{condatool.OVERRIDE}={self.wanted.cuda} " if self.wanted.cuda else ""
            command = f"{override}conda env create --prefix ENV --file {shlex.quote(f'{path}/environment.yml')}"
        else:
            command = f"conda create --prefix ENV --file {shlex.quote(f'{path}/{explicit.NAME}')}"
        return f"{absent}; install py-rattler with envsetup[conda], or run: {command}"

    def _deciding(self) -> Step:
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

    def _reading(self, path: Path) -> Step:
        """From a lock to packages."""

        def read(_: Callable[[], None]) -> str:
            packages = explicit.given(path)
            self.plan, self.wanted = of_lock(self.order, packages)
            if self.order.request.device == "gpu":
                self._machine = self._look()
                self.plan = hopeless(self.order.request, self._machine) or self.plan
            self.solution = Solution(packages=packages, given=True)
            return f"{len(packages)} packages"

        return Step(id="lock", title="read lock", run=read)

    def _solving(self, solver: solvers.Solver) -> Step:
        """From match specs to packages."""

        def solve(tick: Callable[[], None]) -> str:
            asked = self.wanted
            self.solution = solvers.solve(solver, asked.channels[0], asked.specs, asked.cuda, tick)
            self.plan = solved(self.plan, self.packages)
            return f"{len(self.packages)} packages"

        return Step(id="lock", title=f"solve with {solver.name}", run=solve)

    def _install(self, tick: Callable[[], None]) -> str:
        if self.solution is None or self.solver is None:
            raise AssertionError
        explicit.check_local(self.packages, tick)
        installed = self.solver.install(self.solution, self.stage.env, self.order.target, tick)
        if different := _changed(self.packages, installed.packages):
            raise BuildError(f"{self.solver.name} installed {different[0]}")
        if not self.solution.given:
            self.solution = installed
        self._installed = True
        return ""

    def _write(self, _: Callable[[], None]) -> str:
        self.stage.env.mkdir(exist_ok=True)
        leave(self.stage.env, self.order.target, self.files(), self.inherited)
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
        given = self.solution is not None and self.solution.given
        self.facts = [f"{len(self.packages)} packages as {'locked' if given else 'solved'}", *seen.facts[1:]]
        return "; ".join(self.facts)

    def _place(self, _: Callable[[], None]) -> str:
        self.stage.place()
        return str(self.order.target)


def _changed(wanted: list[CondaPackage], installed: list[CondaPackage]) -> list[str]:
    """What is there otherwise than it was solved or locked; a hash that nobody told is no difference."""
    expected = {package.stem: package.sha256 for package in wanted}
    others = [f"{p.stem}, which was not solved" for p in installed if p.stem not in expected]
    return others + [
        f"{p.stem} from another file: its sha256 is {p.sha256}, expected was {expected[p.stem]}"
        for p in installed
        if p.sha256 and expected.get(p.stem) not in {None, p.sha256}
    ]


def _differences(env: Path, packages: list[CondaPackage]) -> list[str]:
    there = {path.stem for path in (env / "conda-meta").glob("*.json")}
    locked = {package.stem for package in packages}
    missing = [f"{name} was solved but not installed" for name in sorted(locked - there)]
    return missing + [f"{name} was installed but not solved" for name in sorted(there - locked)]


def _digest(text: str) -> str:
    import hashlib  # noqa: PLC0415

    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
