"""The making of an image: base fetched, files in a stage, built by the engine that is there, verified, named."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import msgspec

from envsetup.build import base, buildsecrets, engines, image, wheelhouse
from envsetup.build.inherit import leave
from envsetup.build.manifest import LOCK_NAME
from envsetup.build.steps import Step
from envsetup.build.targets import Made
from envsetup.model.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.build.image import ImageJob
    from envsetup.build.stage import Stage

USER = "1000:1000"


class Folder:
    """The files of a target that is built elsewhere, complete with the wheels of this machine's folders."""

    def __init__(self, job: ImageJob, stage: Stage) -> None:
        self.job, self.stage = job, stage

    def steps(self) -> list[Step]:
        """What there is to do, in order."""
        place = f"mv STAGE {shlex.quote(str(self.job.target))}"
        return [*self._filling(), Step(id="place", title="put in place", command=place, run=self._place)]

    def made(self) -> Made:
        """What came of it."""
        job = self.job
        not_built = None if job.files_only else f"here; it needs {image.next_step(job) or 'an engine of its own'}"
        return Made(image=job.image, not_built=not_built)

    def _filling(self) -> list[Step]:
        return [
            Step(id="files", title="write files", run=self._write),
            Step(id="wheels", title="gather wheels that lie in folders", run=self._gather),
        ]

    def _write(self, _: Callable[[], None]) -> str:
        leave(self.stage.env, self.job.target, image.files(self.job), self.job.inherited)
        return LOCK_NAME

    def _gather(self, tick: Callable[[], None]) -> str:
        job = self.job
        found = wheelhouse.local_wheels(job.lock, job.sources, job.interpreter, job.uv, tick)
        wheelhouse.place(found, self.stage.env / "wheels", tick)
        return f"{len(found)} of {len(job.lock.packages)}"

    def _place(self, _: Callable[[], None]) -> str:
        self.stage.place()
        return str(self.job.target)


class Image(Folder):
    """The steps of a job in its stage; what verification finds stands in `facts` afterwards.

    Without an engine `engine` is None and only the files are made; `silent` says why each engine cannot be used.
    """

    def __init__(self, job: ImageJob, stage: Stage) -> None:
        super().__init__(job, stage)
        self.facts: list[str] = []
        self.notes: list[str] = []
        self.id = ""
        self.engine, self.silent = (None, {}) if job.files_only else engines.find(buildsecrets.values(job.sources))

    def steps(self) -> list[Step]:
        wanted = self._filling()
        if self.engine is not None:
            name = self.engine.name
            fetch = Step(id="base", title="fetch the base image", command=f"{name} pull BASE", run=self._fetch)
            command = self.engine.build_command(self.job.image)
            wanted = [fetch, *wanted, Step(id="build", title=f"build with {name}", command=command, run=self._build)]
            if self.job.check:
                wanted.append(Step(id="verify", title="verify inside the image", run=self._verify))
        place = f"mv STAGE {shlex.quote(str(self.job.target))}"
        return [*wanted, Step(id="place", title="put in place", command=place, run=self._place)]

    def made(self) -> Made:
        job, engine = self.job, self.engine
        if engine is None:
            why = "; ".join(f"{name}: {reason}" for name, reason in self.silent.items())
            command = engines.build_command("docker", job.image).replace(" .", f" {shlex.quote(str(job.target))}")
            return Made(image=job.image, not_built=None if job.files_only else f"{why}; run: {command}")
        script = job.target / "run.sh"
        return Made(
            verified=self.facts if job.check else None,
            use=f"{shlex.quote(str(script))} python train.py" if script.exists() else f"{engine.name} run {job.image}",
            image=job.image,
            engine=f"{engine.name} {engine.version}",
            notes=self.notes,
        )

    def _fetch(self, tick: Callable[[], None]) -> str:
        if self.engine is None:
            raise AssertionError
        found = base.fetch(self.engine, self.job.base, self.job.fallback, tick)
        self.job = msgspec.structs.replace(self.job, base=found.reference, fallback=found.tag)
        self.notes += found.notes
        return "; ".join(found.notes) or found.reference

    def _build(self, tick: Callable[[], None]) -> str:
        if self.engine is None:
            raise AssertionError
        given = buildsecrets.write(self.job.sources, self.stage.folder)
        self.id = self.engine.build(self.stage.env, self.stage.folder / "image-id", self.job.base, given, tick)
        return self.id.removeprefix("sha256:")[:12]

    def _verify(self, tick: Callable[[], None]) -> str:
        from envsetup.build.verify import DEADLINE, examine  # noqa: PLC0415 - not with --no-verify

        engine, job = self.engine, self.job
        if engine is None:
            raise AssertionError
        argv = (image.PYTHON, "-I", "-")
        try:
            seen = examine(
                lambda argument, program: engine.run(self.id, [*argv, argument], program, DEADLINE, tick),
                job.plan,
                job.lock,
                lambda: list(_differences(engine.config(self.id), job)),
                job.manifest.request.extras,
            )
        except BuildError:
            engine.remove(self.id)
            raise
        self.facts = [*seen.facts, f"user {USER}", f"{len(job.labels)} labels"]
        return "; ".join(self.facts)

    def _place(self, tick: Callable[[], None]) -> str:
        if self.engine is not None:
            self.engine.tag(self.id, self.job.image)
        return super()._place(tick)


class Devcontainer(Image):
    """As an image, whose name only proves that it can be built: the editor builds it again under its own."""

    def made(self) -> Made:
        made = super().made()
        how = "open the folder above it in the editor, then Dev Containers: Reopen in Container"
        not_built = f"{made.not_built}; or {how}" if made.not_built else None
        return msgspec.structs.replace(made, use=how, not_built=not_built)


def _differences(config: engines.Config, job: ImageJob) -> list[str]:
    labels = config.labels or {}
    faults = [] if config.user == USER else [f"the image's user is {config.user or 'root'}, not {USER}"]
    return faults + [
        f"label {key} is {labels.get(key)!r}, not {value!r}"
        for key, value in job.labels.items()
        if labels.get(key) != value
    ]
