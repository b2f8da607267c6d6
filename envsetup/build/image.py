"""A container image from a lock: its files rendered into a stage, built by the engine that is there, verified."""

from __future__ import annotations

import platform
import re
import shlex
from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.build import buildsecrets, engines, interpreters, wheelhouse
from envsetup.build.interpreters import Interpreter
from envsetup.build.manifest import LOCK_NAME, Manifest
from envsetup.build.naming import slug
from envsetup.build.sources import OFFICIAL, Sources
from envsetup.build.steps import Step
from envsetup.build.targets import Made
from envsetup.build.venv import Job, leave
from envsetup.compat import drivers, images, torch
from envsetup.model.codec import decode, to_json
from envsetup.model.errors import BuildError, InputError
from envsetup.model.machine import Libc, Machine, OperatingSystem
from envsetup.model.maybe import UNKNOWN, known

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envsetup.build.decide import Decision
    from envsetup.build.stage import Stage

USER = "1000:1000"
PYTHON = "/opt/venv/bin/python"
LOCK = "/opt/envsetup/requirements.lock"
_PYTHON = re.compile(r"3\.\d{1,2}")
_REFERENCE = re.compile(
    r"[a-z0-9]+(?:[.-][a-z0-9]+)*(?::\d+)?(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?",
    re.ASCII,
)


class ImageKind:
    """The target docker: an image on `given`, else on the base that is known to fit."""

    def __init__(self, given: str | None) -> None:
        if given is not None and not _REFERENCE.fullmatch(given):
            raise InputError(
                f"--base-image {given!r}: the name of an image is accepted, like debian:12 or x@sha256:..."
            )
        self._given = given
        self._base = images.base()

    def choose(self, python: str | None) -> tuple[Interpreter, Iterator[Interpreter]]:
        """The interpreters of the base: none of them needs to be installed here."""
        own = interpreters.own()
        if self._given is not None and python is None:
            raise InputError("--base-image needs --python X.Y beside it: which Python the base has")
        if python is not None and not _PYTHON.fullmatch(python):
            raise InputError(f"--python {python}: for an image X.Y is accepted")
        known = self._base.pythons
        if python is not None and self._given is None and python not in known:
            raise InputError(f"--python {python}: there is no base image with it; there are {', '.join(known)}")
        arch = {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine())
        if arch not in self._base.uv:
            raise InputError(f"--target docker: no base image for {arch}; there are {', '.join(self._base.uv)}")
        wanted = [python] if python else sorted(known, key=lambda found: (found != own.short, known.index(found)))
        made = [
            Interpreter(path=own.path, version=version, platform=f"linux-{arch}", stands_for=self._base.uv[arch])
            for version in wanted
        ]
        return made[0], iter(made[1:])

    def inside(self, machine: Machine) -> Machine:
        """The machine with the C library of the base; of one that is not Linux, no GPU reaches into a container."""
        libc = UNKNOWN if self._given else Libc(name="glibc", version=self._base.glibc)
        system = known(machine.os.system) if isinstance(machine.os, OperatingSystem) else None
        machine = msgspec.structs.replace(machine, libc=libc)
        if system in {None, "linux"}:
            return machine
        return msgspec.structs.replace(machine, os=OperatingSystem(system="linux"), gpus=[])

    def job(self, common: Job, decision: Decision) -> ImageJob:
        """The job with base, sources and the floor of the driver."""
        plan = common.plan
        variant = next((p.variant for p in plan.packages if p.name == "torch" and p.variant), None)
        cuda = torch.cuda_of(variant) if variant else None
        floor = drivers.minimum_driver(cuda) if cuda else None
        official = next((s.url for s in decision.sources.all if s.name == OFFICIAL and s.url), "")
        fields = {name: getattr(common, name) for name in common.__struct_fields__}
        hidden = _hidden(common.manifest, decision.sources)
        return ImageJob(
            **fields | {"manifest": hidden},
            base=self._given or self._base.reference(common.interpreter.short),
            sources=decision.sources,
            minimum_driver=(floor.minor_compat or floor.native) if floor else None,
            index=official,
        )

    def files(self, job: Job) -> dict[str, bytes]:
        """The files of the build's context, without wheels."""
        return files(of_image(job))

    def maker(self, job: Job, stage: Stage) -> Image:
        """The steps of a job."""
        return Image(of_image(job), stage, files)


class ImageJob(Job, frozen=True, kw_only=True):
    """A job whose environment is an image on `base`; `minimum_driver` is None where no driver is needed or known."""

    base: str
    sources: Sources
    minimum_driver: Optional[str] = None
    index: str = ""  # the framework's own index, where its build is only there

    @property
    def slug(self) -> str:
        """The name as engines and Compose accept it."""
        return slug(self.name or self.target.name)

    @property
    def image(self) -> str:
        """Name and tag of the image: the same lock is the same tag."""
        return f"localhost/{self.slug}:{self.lock.digest().removeprefix('sha256:')[:12]}"

    @property
    def labels(self) -> dict[str, str]:
        """What the image says of itself."""
        plan = self.plan
        known = {
            "org.opencontainers.image.title": self.slug,
            "org.opencontainers.image.description": self.summary,
            "org.opencontainers.image.base.name": self.base,
            "envsetup.version": self.manifest.tool,
            "envsetup.plan": plan_digest(self),
            "envsetup.lock": self.lock.digest(),
            "envsetup.device": plan.device,
            "envsetup.architectures": " ".join(plan.gpu_targets),
            "envsetup.minimum-driver": self.minimum_driver or "",
        }
        return {key: value for key, value in known.items() if value}


def plan_digest(job: Job) -> str:
    """SHA-256 of the plan's JSON."""
    import hashlib  # noqa: PLC0415

    return "sha256:" + hashlib.sha256(msgspec.json.encode(job.plan)).hexdigest()


def of_image(job: Job) -> ImageJob:
    """The job, which `ImageKind.job` made."""
    if not isinstance(job, ImageJob):
        raise TypeError(job)
    return job


def _hidden(manifest: Manifest, sources: Sources) -> Manifest:
    """The manifest as it may travel in an image: no folder and no host of the user, and nothing of the moment."""
    text = msgspec.json.encode(msgspec.structs.replace(manifest, created=None, probe=None)).decode()
    names = {s.name for s in [*sources.all, *sources.frameworks] if "/" in s.name} | (
        {manifest.request.source} - {None}
    )
    for number, name in enumerate(sorted(filter(None, names), key=len, reverse=True), 1):
        if "/" in name:
            text = text.replace(msgspec.json.encode(name).decode()[1:-1], f"source {number} of the maker")
    return decode(text, Manifest)


def files(job: ImageJob) -> dict[str, bytes]:
    """The files of the build's context, without wheels: relative path to content."""
    from envsetup.build.verify import program  # noqa: PLC0415 - as below
    from envsetup.render.templates import render  # noqa: PLC0415 - jinja2 only where something is rendered

    frameworks = [name for p in job.plan.packages if job.lock.version_of(name := p.name)]
    return render(
        "docker",
        {
            "name": job.slug,
            "image": job.image,
            "base": job.base,
            "index": job.index,
            "device": job.plan.device,
            "labels": job.labels,
            "question": msgspec.json.encode({"part": "lock", "packages": frameworks, "lock": LOCK}).decode(),
            "python": job.interpreter.short,
            "tool": job.manifest.tool,
            "summary": job.summary,
            "lock": job.lock.text(),
            "manifest": to_json(job.manifest),
            "self_check": program(),
        },
    )


class Image:
    """The steps of a job in its stage; what verification finds stands in `facts` afterwards.

    Without an engine `engine` is None and only the files are made; `silent` says why each engine cannot be used.
    """

    def __init__(self, job: ImageJob, stage: Stage, render: Callable[[ImageJob], dict[str, bytes]]) -> None:
        self.job, self.stage, self._render = job, stage, render
        self.facts: list[str] = []
        self.id = ""
        self.engine, self.silent = (None, {}) if job.files_only else engines.find(buildsecrets.values(job.sources))

    def steps(self) -> list[Step]:
        """What there is to do, in order."""
        job = self.job
        wanted = [
            Step(id="files", title="write files", run=self._write),
            Step(id="wheels", title="gather wheels that lie in folders", run=self._gather),
        ]
        if self.engine is not None:
            command = self.engine.build_command(job.image)
            wanted.append(Step(id="build", title=f"build with {self.engine.name}", command=command, run=self._build))
            if job.check:
                wanted.append(Step(id="verify", title="verify inside the image", run=self._verify))
        place = f"mv STAGE {shlex.quote(str(job.target))}"
        return [*wanted, Step(id="place", title="put in place", command=place, run=self._place)]

    def made(self) -> Made:
        """What came of it."""
        job, engine = self.job, self.engine
        if engine is None:
            why = "; ".join(f"{name}: {reason}" for name, reason in self.silent.items())
            command = engines.build_command("docker", job.image).replace(" .", f" {shlex.quote(str(job.target))}")
            return Made(image=job.image, not_built=None if job.files_only else f"{why}; run: {command}")
        return Made(
            verified=self.facts if job.check else None,
            use=f"{shlex.quote(str(job.target / 'run.sh'))} python train.py",
            image=job.image,
            engine=f"{engine.name} {engine.version}",
        )

    def _write(self, _: Callable[[], None]) -> str:
        leave(self.job, self.stage.env, self._render(self.job))
        return LOCK_NAME

    def _gather(self, tick: Callable[[], None]) -> str:
        job = self.job
        found = wheelhouse.local_wheels(job.lock, job.sources, job.interpreter, job.uv, tick)
        wheelhouse.place(found, self.stage.env / "wheels", tick)
        return f"{len(found)} of {len(job.lock.packages)}"

    def _build(self, tick: Callable[[], None]) -> str:
        if self.engine is None:
            raise AssertionError
        given = buildsecrets.write(self.job.sources, self.stage.folder)
        self.id = self.engine.build(self.stage.env, self.stage.folder / "image-id", given, tick)
        return self.id.removeprefix("sha256:")[:12]

    def _verify(self, tick: Callable[[], None]) -> str:
        from envsetup.build.verify import DEADLINE, examine  # noqa: PLC0415 - not with --no-verify

        engine, job = self.engine, self.job
        if engine is None:
            raise AssertionError
        argv = (PYTHON, "-I", "-")
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

    def _place(self, _: Callable[[], None]) -> str:
        if self.engine is not None:
            self.engine.tag(self.id, self.job.image)
        self.stage.place()
        return str(self.job.target)


def _differences(config: engines.Config, job: ImageJob) -> list[str]:
    labels = config.labels or {}
    faults = [] if config.user == USER else [f"the image's user is {config.user or 'root'}, not {USER}"]
    return faults + [
        f"label {key} is {labels.get(key)!r}, not {value!r}"
        for key, value in job.labels.items()
        if labels.get(key) != value
    ]
