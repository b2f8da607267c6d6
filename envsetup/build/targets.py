"""What `create --target` can make, each with its way to choose an interpreter, to see the machine and to build."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Protocol

import msgspec

from envsetup.build import decide
from envsetup.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.build.decide import Decision
    from envsetup.build.interpreters import Interpreter
    from envsetup.build.stage import Stage
    from envsetup.build.steps import Progress, Step, Timing
    from envsetup.build.venv import Job
    from envsetup.model.machine import Machine

# Name to the folder that is made where none is named.
FOLDERS = {"venv": ".venv", "docker": "image", "devcontainer": ".devcontainer", "conda": ".conda"}


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a build. `verified` is None when nobody looked; `not_built` says why there are only files."""

    verified: Optional[list[str]] = None
    use: Optional[str] = None  # a line for the shell
    image: Optional[str] = None
    engine: Optional[str] = None
    not_built: Optional[str] = None


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
    def choose(self, python: str | None) -> tuple[Interpreter, Iterator[Interpreter]]:
        return decide.choose(python)

    def inside(self, machine: Machine) -> Machine:
        return machine

    def job(self, common: Job, decision: Decision) -> Job:
        del decision
        return common

    def files(self, job: Job) -> dict[str, bytes]:
        from envsetup.build.venv import files  # noqa: PLC0415 - a target imports what it needs

        return files(job)

    def maker(self, job: Job, stage: Stage) -> Maker:
        from envsetup.build.venv import Venv  # noqa: PLC0415 - as above

        return Venv(job, stage)


def kind(name: str, base_image: str | None) -> Kind:
    """The target of a name. Raises InputError for an unknown one."""
    if name == "docker":
        from envsetup.build.image import ImageKind  # noqa: PLC0415 - as above

        return ImageKind(base_image)
    if name == "devcontainer":
        from envsetup.build.devcontainer import DevcontainerKind  # noqa: PLC0415 - as above

        return DevcontainerKind(base_image)
    if base_image is not None:
        raise InputError(f"--base-image: --target {name} is built on no image")
    if name not in FOLDERS:
        raise InputError(f"--target {name}: not available; there is: {', '.join(FOLDERS)}")
    return _Venv()


def build(target: Kind, job: Job, progress: Progress) -> tuple[Made, list[Timing]]:
    """Make it. On any failure the target folder is what it was before.

    Raises BuildError or InputError with one line.
    """
    from envsetup.build.stage import Stage  # noqa: PLC0415 - as above
    from envsetup.build.steps import perform  # noqa: PLC0415

    with Stage(job.target, job.keep) as stage:
        maker = target.maker(job, stage)
        timings = perform(maker.steps(), progress)
        return maker.made(), timings
