"""The target docker and its kin: what an image is made of, decided; the files of its folder."""

from __future__ import annotations

import platform
import re
from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.build import interpreters
from envsetup.build.interpreters import Interpreter
from envsetup.build.manifest import MANIFEST, Manifest
from envsetup.build.naming import slug
from envsetup.build.sources import OFFICIAL, Sources
from envsetup.build.venv import Job
from envsetup.compat import drivers, images, torch
from envsetup.model.codec import decode, to_json
from envsetup.model.errors import InputError
from envsetup.model.machine import Libc, Machine, OperatingSystem
from envsetup.model.maybe import UNKNOWN, known
from envsetup.render import quoting
from envsetup.render.templates import Template, assemble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.build.decide import Decision
    from envsetup.build.stage import Stage
    from envsetup.build.targets import Maker
    from envsetup.model.plan import Plan

PYTHON = "/opt/venv/bin/python"
LOCK = "/opt/envsetup/requirements.lock"
ENGINES = ("docker", "podman", "buildah")  # first choice first
_PYTHON = re.compile(r"3\.\d{1,2}")
_LONGEST = 50  # characters: Kubernetes makes a name of 63 of it


class ImageJob(Job, frozen=True, kw_only=True):
    """A job whose environment is an image on `base`; `minimum_driver` is None where no driver is needed or known.

    `fallback` is the base by its tag, for the day on which its digest is gone; None where only the digest is known.
    """

    base: str
    fallback: Optional[str] = None
    sources: Sources
    minimum_driver: Optional[str] = None
    index: str = ""  # the framework's own index, where its build is only there
    develop: bool = False  # with compiler and headers

    @property
    def slug(self) -> str:
        """The name as engines, Compose and Kubernetes accept it."""
        return slug(self.name or self.target.name)[:_LONGEST].strip("-")

    @property
    def tag(self) -> str:
        """The same lock is the same tag."""
        return self.lock.digest().removeprefix("sha256:")[:12] + ("-dev" if self.develop else "")

    @property
    def image(self) -> str:
        """Name and tag of the image."""
        return f"localhost/{self.slug}:{self.tag}"

    @property
    def labels(self) -> dict[str, str]:
        """What the image says of itself."""
        plan = self.plan
        name, _, digest = self.base.partition("@")
        known = {
            "org.opencontainers.image.title": self.slug,
            "org.opencontainers.image.description": self.summary,
            "org.opencontainers.image.base.name": self.fallback or name,
            "org.opencontainers.image.base.digest": digest,
            "envsetup.version": self.manifest.tool,
            "envsetup.plan": plan_digest(self.manifest.plan),
            "envsetup.lock": self.lock.digest(),
            "envsetup.variant": "development" if self.develop else "",
            "envsetup.device": plan.device,
            "envsetup.architectures": " ".join(plan.gpu_targets),
            "envsetup.minimum-driver": self.minimum_driver or "",
        }
        return {key: value for key, value in known.items() if value}


class ImageKind:
    """A target in an image on `given`, else on the base that is known to fit. Without engines: its files only."""

    def __init__(self, name: str, template: Template, given: str | None, *, develop: bool) -> None:
        if given is not None and not quoting.REFERENCE.fullmatch(given):
            raise InputError(
                f"--base-image {given!r}: the name of an image is accepted, like debian:12 or x@sha256:..."
            )
        self._name, self._template, self._given, self._develop = name, template, given, develop
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
            raise InputError(f"--target {self._name}: no base image for {arch}; there are {', '.join(self._base.uv)}")
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
        base, fallback = self._bases(common.interpreter.short)
        return ImageJob(
            **fields | {"manifest": _hidden(common.manifest, decision.sources), "template": self._template},
            base=base,
            fallback=fallback,
            sources=decision.sources,
            minimum_driver=(floor.minor_compat or floor.native) if floor else None,
            index=official,
            develop=self._develop,
        )

    def _bases(self, python: str) -> tuple[str, str | None]:
        """What FROM names, and the same by its tag where that name is a digest."""
        if self._given is None:
            return self._base.reference(python), self._base.tag(python) if python in self._base.digests else None
        name, _, digest = self._given.partition("@")
        if not digest:
            return self._given, None
        # Engines take a tag or a digest, not all of them both.
        repository, colon, tag = name.rpartition(":")
        tagged = bool(colon) and "/" not in tag
        return f"{repository if tagged else name}@{digest}", name if tagged else None

    def files(self, job: Job) -> dict[str, bytes]:
        """The files of the folder, without wheels."""
        return files(of_image(job))

    def maker(self, job: Job, stage: Stage) -> Maker:
        """The steps of a job."""
        from envsetup.build.imaging import Devcontainer, Folder, Image  # noqa: PLC0415 - they know this module

        target = self._template.descriptor.target
        if target is None or not set(target.engines) & set(ENGINES):
            return Folder(of_image(job), stage)
        # Where an editor builds the image again under its own name, ours only proves that it can be built.
        editor = "devcontainer.json" in self._template.descriptor.files
        return (Devcontainer if editor else Image)(of_image(job), stage)


def plan_digest(plan: Plan) -> str:
    """SHA-256 of a plan's JSON: of the one in the manifest, so that the image can be held to it."""
    import hashlib  # noqa: PLC0415

    return "sha256:" + hashlib.sha256(msgspec.json.encode(plan)).hexdigest()


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


def variables(job: ImageJob) -> dict[str, object]:
    """What templates of images are offered, by name."""
    from envsetup.build.verify import program  # noqa: PLC0415 - only where something is rendered

    frameworks = [name for p in job.plan.packages if job.lock.version_of(name := p.name)]
    return {
        "name": job.slug,
        "title": f"{job.slug}: {job.summary}",
        "image": job.image,
        "repository": f"localhost/{job.slug}",
        "tag": job.tag,
        "base": job.base,
        "index": job.index,
        "device": job.plan.device,
        # From the plan, which rests on the probe: "optional" is only a guess of an editor's about the host's runtime.
        "gpu": job.plan.device == "cuda",
        "develop": job.develop,
        "labels": job.labels,
        "question": msgspec.json.encode({"part": "lock", "packages": frameworks, "lock": LOCK}).decode(),
        "interpreter": PYTHON,
        "python": job.interpreter.short,
        "tool": job.manifest.tool,
        "summary": job.summary,
        "lock": job.lock.text(),
        "manifest": to_json(job.manifest),
        "self_check": program(),
    }


def files(job: ImageJob) -> dict[str, bytes]:
    """The files of the folder, without wheels: relative path to content."""
    # Whatever the template says: the manifest is what tells that envsetup made this folder.
    return assemble(_template(job), variables(job)) | {MANIFEST: to_json(job.manifest).encode()}


def next_step(job: ImageJob) -> str | None:
    """What is built elsewhere, where the target has no engine."""
    from envsetup.render.templates import text  # noqa: PLC0415 - as above

    template = _template(job)
    target = template.descriptor.target
    if target is None or target.needs is None:
        return None
    return text(template, target.needs, variables(job) | {"folder": str(job.target)}, inline=True).decode()


def _template(job: ImageJob) -> Template:
    if job.template is None:
        raise TypeError(job)
    return job.template
