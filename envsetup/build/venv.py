"""A virtual environment from a lock: staged beside the target, verified, moved into place."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.build import records
from envsetup.build.activation import make_relocatable, point_to
from envsetup.build.background import Background
from envsetup.build.inherit import Inherited, leave
from envsetup.build.install import install
from envsetup.build.manifest import LOCK_NAME, MANIFEST, Manifest
from envsetup.build.naming import slug
from envsetup.build.steps import Step
from envsetup.build.targets import Made
from envsetup.model.codec import to_json
from envsetup.render.templates import Template

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.build.interpreters import Interpreter
    from envsetup.build.stage import Stage
    from envsetup.build.uv import Uv
    from envsetup.model.lock import Lock
    from envsetup.model.plan import Plan

VENV_DEADLINE = 60.0


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a build needs, decided: nothing is asked of anybody any more."""

    target: Path
    name: Optional[str]  # shown in the prompt; None: the folder's name
    summary: str
    plan: Plan
    lock: Lock
    manifest: Manifest
    interpreter: Interpreter
    uv: Uv
    spare: Optional[Uv] = None  # asked for the packages when `uv` does not get them
    check: bool = True  # verify before it is put in place
    files_only: bool = False  # render, do not install
    inherited: Inherited = Inherited()  # from what the target is now
    template: Optional[Template] = None  # whose files are rendered; None: the target's own


def files(job: Job) -> dict[str, bytes]:
    """The files that envsetup leaves in the environment: relative path to content."""
    from envsetup.render.pylock import pylock  # noqa: PLC0415 - only where a lock is written
    from envsetup.render.templates import assemble, render, shipped  # noqa: PLC0415 - jinja2 while uv already works

    kernel = {}
    if {"jupyter", "vscode"} & set(job.manifest.request.extras):
        name = job.name or job.target.name
        variables = {"python": str(job.target / "bin" / "python"), "title": f"{name}: {job.summary}"}
        # A name of its own: the kernel that ipykernel brings starts whatever python is first on PATH.
        kernel = {
            f"share/jupyter/kernels/{slug(name, 'env')}/{path}": text
            for path, text in render("jupyter", variables).items()
        }
    made = assemble(
        job.template or shipped("venv"),
        {
            "name": job.name or job.target.name,
            "path": str(job.target),
            "python": job.interpreter.version,
            "tool": job.manifest.tool,
            "lock": job.lock.text(),
            "pylock": pylock(job.lock, job.interpreter.short.removesuffix("t")),
            "manifest": to_json(job.manifest),
            "summary": job.summary,
            "device": job.plan.device,
        },
    )
    # Whatever a template says: the manifest is what tells that envsetup made this folder.
    return kernel | made | {MANIFEST: to_json(job.manifest).encode()}


class Venv:
    """The steps of a job in its stage; what verification finds stands in `facts` afterwards."""

    def __init__(self, job: Job, stage: Stage) -> None:
        self.job, self.stage, self.env = job, stage, stage.env
        self.facts: list[str] = []
        self._bare: list[str] = []
        self._rendered = Background(lambda: files(job))

    def steps(self) -> list[Step]:
        """What there is to do, in order."""
        job = self.job
        uv, python = Path(job.uv.binary).name, shlex.quote(job.interpreter.path)
        wanted = [
            Step(id="venv", title="make environment", command=f"{uv} venv --python {python} STAGE", run=self._make),
            Step(
                id="install",
                title=f"install {len(job.lock.packages)} packages",
                command=f"{uv} pip sync --require-hashes {LOCK_NAME}",
                run=self._install,
            ),
            Step(id="files", title="write files", run=self._write),
            Step(id="verify", title="verify", command="STAGE/bin/python -I self_check.py", run=self._verify),
            Step(
                id="place",
                title="put in place",
                command=f"mv STAGE {shlex.quote(str(job.target))}",
                run=self._place,
            ),
        ]
        if "vscode" in job.manifest.request.extras and not job.files_only:
            wanted.append(Step(id="editor", title="name it to VS Code", run=self._tell_editor))
        if "direnv" in job.manifest.request.extras and not job.files_only:
            wanted.append(Step(id="direnv", title="name it to direnv", run=self._tell_direnv))
        left_out = {"venv", "install", "verify"} if job.files_only else set() if job.check else {"verify"}
        return [step for step in wanted if step.id not in left_out]

    def made(self) -> Made:
        """What came of it."""
        job = self.job
        if job.files_only:
            return Made()
        activate = shlex.quote(f"{job.target}/bin/activate")
        return Made(verified=self.facts if job.check else None, use=f". {activate}")

    def _make(self, tick: Callable[[], None]) -> str:
        job = self.job
        label = ["--prompt", job.name] if job.name else []
        args = ["venv", str(self.env), "--python", job.interpreter.path, *label, "--quiet"]
        job.uv.must("environment", *args, timeout=VENV_DEADLINE, tick=tick)
        make_relocatable(self.env)
        self._bare = records.walk(self.env)
        return f"Python {job.interpreter.version}"

    def _install(self, tick: Callable[[], None]) -> str:
        def busy() -> None:
            self._rendered.start()  # not before: until uv runs, two threads would only be in each other's way
            tick()

        install(self.job.lock, self.env, [self.job.uv, *([self.job.spare] if self.job.spare else [])], busy)
        return ""

    def _write(self, _: Callable[[], None]) -> str:
        self.env.mkdir(exist_ok=True)
        leave(self.env, self.job.target, self._rendered.result(), self.job.inherited, self._bare)
        point_to(self.env, self.job.target)
        return ""

    def _verify(self, tick: Callable[[], None]) -> str:
        from envsetup.build.verify import verify  # noqa: PLC0415 - not with --no-verify

        job = self.job
        self.facts = verify(self.env, job.plan, job.lock, job.uv, tick, extras=job.manifest.request.extras).facts
        return "; ".join(self.facts)

    def _tell_editor(self, _: Callable[[], None]) -> str:
        from envsetup.build.vscode import settle  # noqa: PLC0415 - only where it is asked for

        return settle(self.job.target.parent, self.job.target)

    def _tell_direnv(self, _: Callable[[], None]) -> str:
        from envsetup.build.direnv import settle  # noqa: PLC0415 - as above

        return settle(self.job.target)

    def _place(self, _: Callable[[], None]) -> str:
        self.stage.place()
        return str(self.job.target)
