"""What `create --target` can make, each with its way to choose an interpreter, to see the machine and to build.

What a target is, its folder under `templates/` says; a folder of the user's (`--template`) says it the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Protocol

import msgspec

from envsetup.build import decide
from envsetup.model.errors import InputError
from envsetup.render import templates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from envsetup.build.decide import Decision
    from envsetup.build.interpreters import Interpreter
    from envsetup.build.stage import Stage
    from envsetup.build.steps import Progress, Step, Timing
    from envsetup.build.venv import Job
    from envsetup.model.machine import Machine
    from envsetup.render.templates import Descriptor, Template

CONDA = {"mamba", "micromamba", "conda", "py-rattler"}
DEFAULT = "venv"
TEMPLATE = "template"  # the target of a request whose folder the user gave


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a build. `verified` is None when nobody looked; `not_built` says why there are only files."""

    verified: Optional[list[str]] = None
    use: Optional[str] = None  # a line for the shell
    image: Optional[str] = None
    engine: Optional[str] = None
    not_built: Optional[str] = None
    notes: list[str] = []


class Maker(Protocol):
    """The steps of one job in its stage."""

    def steps(self) -> list[Step]:
        """What there is to do, in order."""
        ...

    def made(self) -> Made:
        """What came of it, after the steps."""
        ...


class Kind(Protocol):
    """One target."""

    def choose(self, python: str | None) -> tuple[Interpreter, Iterator[Interpreter]]:
        """The interpreter to begin with, and the others to fall back on. Raises InputError when there is none."""
        ...

    def inside(self, machine: Machine) -> Machine:
        """The machine as the environment will see it."""
        ...

    def job(self, common: Job, decision: Decision) -> Job:
        """The job with what only this target needs."""
        ...

    def files(self, job: Job) -> dict[str, bytes]:
        """The files that are rendered: relative path to content."""
        ...

    def maker(self, job: Job, stage: Stage) -> Maker:
        """The steps of a job."""
        ...


class _Venv:
    def __init__(self, template: Template) -> None:
        self._template = template

    def choose(self, python: str | None) -> tuple[Interpreter, Iterator[Interpreter]]:
        return decide.choose(python)

    def inside(self, machine: Machine) -> Machine:
        return machine

    def job(self, common: Job, decision: Decision) -> Job:
        del decision
        return msgspec.structs.replace(common, template=self._template)

    def files(self, job: Job) -> dict[str, bytes]:
        from envsetup.build.venv import files  # noqa: PLC0415 - a target imports what it needs

        return files(job)

    def maker(self, job: Job, stage: Stage) -> Maker:
        from envsetup.build.venv import Venv  # noqa: PLC0415 - as above

        return Venv(job, stage)


def offered() -> dict[str, Descriptor]:
    """The targets that there are, by name, the default first."""
    names = sorted(templates.template_names(), key=lambda name: (name != DEFAULT, name))
    return {name: found for name in names if (found := templates.descriptor(name)).target}


def listing() -> str:
    """The targets for people, a line each."""
    lines = [f"{name:<14} {described.title}\n" for name, described in offered().items()]
    return "".join([*lines, f"{'--template DIR':<14} a folder of your own that is made in the same way\n"])


def find(name: str, folder: Path | None) -> Template:
    """The template of a target, or the user's. Raises InputError for one that cannot be made."""
    if folder is not None:
        found = templates.given(folder)
        if found.descriptor.target is None:
            raise InputError(f"{folder / templates.DESCRIPTOR}: `target` is missing, which says what is made of it")
        return found
    if name == TEMPLATE:
        raise InputError("made from a template folder; make it again with: envsetup create PATH --template DIR --yes")
    there = offered()
    if name not in there:
        known = ", ".join(f"{known} ({described.title})" for known, described in there.items())
        raise InputError(f"--target {name}: not available; there is: {known}; a folder of your own: --template DIR")
    return templates.shipped(name)


def folder(name: str) -> str:
    """What is made where no path is named."""
    target = described.target if (described := offered().get(name)) else None
    return target.folder if target else name


def engines(template: Template) -> set[str]:
    """What builds a target; nothing where that is done elsewhere."""
    return set(template.descriptor.target.engines) if template.descriptor.target else set()


def made_as(template: Template) -> str:
    """The target that a template is made as, which says how it is looked at later; TEMPLATE for files alone."""
    there = engines(template)
    likes = {"venv": {"uv"}, "conda": CONDA, "docker": {"docker", "podman", "buildah"}}
    return template.name if template.own else next((name for name, its in likes.items() if its & there), TEMPLATE)


def kind(name: str, base_image: str | None, *, folder: Path | None = None, develop: bool = False) -> Kind:
    """The target of a name. Raises InputError for an unknown one, and for options that it has no use for."""
    template = find(name, folder)
    there = engines(template)
    if not there & {"uv", *CONDA}:
        from envsetup.build.image import ImageKind  # noqa: PLC0415 - as above

        return ImageKind(name, template, base_image, develop=develop)
    if base_image is not None:
        raise InputError(f"--base-image: --target {name} is built on no image")
    if develop:
        raise InputError(f"--develop: --target {name} is built on no image, and has the machine's own compiler")
    return _Venv(template)


def build(target: Kind, job: Job, progress: Progress) -> tuple[Made, list[Timing]]:
    """Make it. On any failure the target folder is what it was before.

    Raises BuildError or InputError with one line.
    """
    from envsetup.build.stage import Stage  # noqa: PLC0415 - as above
    from envsetup.build.steps import perform  # noqa: PLC0415

    with Stage(job.target, job.inherited.keep) as stage:
        maker = target.maker(job, stage)
        timings = perform(maker.steps(), progress)
        return maker.made(), timings
