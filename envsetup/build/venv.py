"""A virtual environment from a lock: staged beside the target, verified, moved into place."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.build.activation import make_relocatable, point_to
from envsetup.build.manifest import LOCK_NAME, Manifest
from envsetup.build.stage import Stage
from envsetup.build.steps import Step, Timing, perform
from envsetup.build.uv import NoSpaceError
from envsetup.build.verify import verify
from envsetup.model.codec import to_json
from envsetup.model.errors import BuildError
from envsetup.render.templates import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.build.interpreters import Interpreter
    from envsetup.build.steps import Progress
    from envsetup.build.uv import Uv
    from envsetup.model.lock import Lock
    from envsetup.model.plan import Plan

VENV_DEADLINE = 60.0
INSTALL_DEADLINE = 3 * 3600.0  # seconds; several GB over a slow line; uv itself gives up on a line that is dead


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


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. `verified` is None when nobody looked."""

    timings: list[Timing]
    verified: Optional[list[str]] = None


def files(job: Job) -> dict[str, bytes]:
    """The files that envsetup leaves in the environment: relative path to content."""
    return render(
        "venv",
        {
            "name": job.name or job.target.name,
            "path": str(job.target),
            "python": job.interpreter.version,
            "tool": job.manifest.tool,
            "lock": job.lock.text(),
            "manifest": to_json(job.manifest),
            "summary": job.summary,
        },
    )


def build(job: Job, progress: Progress) -> Built:
    """Make the environment. On any failure the target is what it was before.

    Raises BuildError or InputError with one line.
    """
    with Stage(job.target) as stage:
        facts: list[str] = []
        timings = perform(steps(job, stage, facts), progress)
    return Built(timings=timings, verified=facts if job.check and not job.files_only else None)


def steps(job: Job, stage: Stage, facts: list[str]) -> list[Step]:
    """The steps of this job; what verification finds is added to `facts`."""
    env = stage.env
    uv = Path(job.uv.binary).name
    python = shlex.quote(job.interpreter.path)

    def make(tick: Callable[[], None]) -> str:
        label = ["--prompt", job.name] if job.name else []
        args = ["venv", str(env), "--python", job.interpreter.path, *label, "--quiet"]
        job.uv.must("environment", *args, timeout=VENV_DEADLINE, tick=tick)
        make_relocatable(env)
        return f"Python {job.interpreter.version}"

    def install(tick: Callable[[], None]) -> str:
        check_space(job.lock, stage.folder, job.uv, env)
        pins = stage.folder / LOCK_NAME
        pins.write_text(job.lock.text(), encoding="utf-8")
        args = ["pip", "sync", str(pins), "--require-hashes", "--python", str(env / "bin" / "python"), "--quiet"]
        try:
            _install(job.uv, args, tick)
        except NoSpaceError:
            raise
        except BuildError:
            if job.spare is None:
                raise
            _install(job.spare, args, tick)
        return ""

    def write(_: Callable[[], None]) -> str:
        env.mkdir(exist_ok=True)
        for path, content in files(job).items():
            (env / path).write_bytes(content)
        point_to(env, job.target)
        return ""

    def look(tick: Callable[[], None]) -> str:
        facts.extend(verify(env, job.plan, job.lock, job.uv, tick).facts)
        return "; ".join(facts)

    def place(_: Callable[[], None]) -> str:
        stage.place()
        return str(job.target)

    wanted = [
        Step(id="venv", title="make environment", command=f"{uv} venv --python {python} STAGE", run=make),
        Step(
            id="install",
            title=f"install {len(job.lock.packages)} packages",
            command=f"{uv} pip sync --require-hashes {LOCK_NAME}",
            run=install,
        ),
        Step(id="files", title="write files", command=None, run=write),
        Step(id="verify", title="verify", command="STAGE/bin/python -I self_check.py", run=look),
        Step(id="place", title="put in place", command=f"mv STAGE {shlex.quote(str(job.target))}", run=place),
    ]
    left_out = {"venv", "install", "verify"} if job.files_only else set() if job.check else {"verify"}
    return [step for step in wanted if step.id not in left_out]


def _install(uv: Uv, args: list[str], tick: Callable[[], None]) -> None:
    # Everything is pinned; uv refuses a constraint without a hash beside hashed pins.
    uv.without("UV_CONSTRAINT").must("installation", *args, timeout=INSTALL_DEADLINE, tick=tick)


def check_space(lock: Lock, folder: Path, uv: Uv, env: Path) -> None:
    """Refuse before the download what cannot fit.

    The wheels' own size is the least that they need; what is in uv's cache on the same disk needs nothing more.
    """
    least = sum(package.size or 0 for package in lock.packages)
    free = shutil.disk_usage(folder).free
    if least <= free:
        return
    pins = folder / LOCK_NAME
    pins.write_text(lock.text(), encoding="utf-8")
    args = ("pip", "sync", str(pins), "--dry-run", "--python", str(env / "bin" / "python"))
    ended = uv.run(*args, timeout=VENV_DEADLINE)
    if "Would download" in ended.stderr:
        raise BuildError(f"{folder.parent}: {free >> 20} MiB free, the packages alone need {least >> 20} MiB")
