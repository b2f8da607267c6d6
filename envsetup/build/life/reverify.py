"""The self-check of `create` again, later and on any host: whether it is still what was made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envsetup.build import bundled, consistent, process, records
from envsetup.build.create import summary
from envsetup.build.life.drift import conda_differences, locked
from envsetup.build.life.verdict import Check, attempt, judged, passed, report, skipped
from envsetup.build.manifest import LOCK_NAME, read_manifest
from envsetup.build.verify import (
    DEADLINE,
    Answer,
    Libraries,
    NoAnswerError,
    ask,
    build_faults,
    looked_at,
    prove,
    version_faults,
)
from envsetup.compat.arch import covers
from envsetup.model.errors import BuildError, InputError, UndecidedError
from envsetup.model.lock import Lock, LockedPackage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envsetup.build.life.verdict import Report
    from envsetup.build.manifest import Manifest
    from envsetup.build.records import Files
    from envsetup.model.plan import Plan

    Start = Callable[[str, str], process.Ended]


def verify_path(env: Path, present: list[str], tick: Callable[[], None]) -> Report:
    """Look at the environment in `env`; `present` are the compute capabilities of this host's GPUs.

    Raises InputError where envsetup did not make it.
    """
    manifest = read_manifest(env)
    if (env / "Dockerfile").is_file():
        from envsetup.build.life.reimage import verify_image_of  # noqa: PLC0415 - no engine is needed for a venv

        return verify_image_of(env, manifest, present, tick)
    if not (env / "bin").exists():
        raise UndecidedError(f"{env} holds only files (--no-build): there is nothing in it to verify")
    argv = (str(env / "bin" / "python"), "-I", "-")

    def start(argument: str, program: str) -> process.Ended:
        return process.run([*argv, argument], env=os.environ, timeout=DEADLINE, stdin=program, tick=tick)

    if manifest.target == "conda":
        look = records.look_at_conda
        planned = [LockedPackage(name=p.name, version=p.version, hashes=[]) for p in manifest.plan.packages]
        lock = Lock(packages=planned)
        first = attempt("lock", lambda: judged("lock", conda_differences(env).sentences, "every package as solved"))
    else:
        look, lock = records.look, locked(env)
        first = attempt("lock", lambda: lock_check(start, lock, manifest))
    checks = [
        first,
        attempt("files", lambda: files_check(look(env), lock, records.noted(env))),
        *inside(start, manifest, lock, present),
    ]
    return report(manifest.target, str(env), checks, summary(manifest.plan))


def lock_check(start: Start, lock: Lock, manifest: Manifest) -> Check:
    """Versions as locked, and the lock the one that the environment was made with."""
    answer = ask(start, "imports", [], Answer, what="packages")
    other = [] if lock.digest() == manifest.lock else [f"{LOCK_NAME} is not the one that it was made with"]
    return judged("lock", [*other, *version_faults(answer, lock)], f"{len(lock.packages)} packages as locked")


def files_check(files: Files, lock: Lock, noted: records.Noted | None) -> Check:
    """Every file as its package's RECORD says, and every RECORD as it was installed."""
    if files.unreadable:
        return Check(id="files", status="ERROR", reason=f"{files.unreadable[0]} cannot be read")
    as_locked = [name for name, version in files.packages.items() if lock.version_of(name) == version]
    then = noted.records if noted else {}
    changed = [
        name for name in as_locked if name in then and name in files.records and then[name] != files.records[name]
    ]
    faults = [
        *(f"{name} is missing" for name in files.missing),
        *(f"{name} was changed" for name in files.modified),
        *(f"the RECORD of {name} was changed" for name in changed),
    ]
    return judged("files", faults, f"{files.files} files as installed")


def inside(start: Start, manifest: Manifest, lock: Lock, present: list[str]) -> Iterator[Check]:
    """What only the environment's own interpreter can say."""
    plan = manifest.plan
    yield attempt("requirements", lambda: _requirements(start))
    try:
        answer: Answer = ask(start, "imports", looked_at(plan, lock), Answer)
    except BuildError as error:
        if isinstance(error, NoAnswerError):
            yield Check(id="imports", status="ERROR", reason=error.message)
        else:
            yield judged("imports", [error.message], "")
        yield from (skipped(name, "the packages cannot be imported") for name in ("build", "gpus", "cudnn"))
    else:
        broken = [f"{name} cannot be imported: {i.error}" for name, i in answer.imports.items() if not i.ok]
        names = ", ".join(f"{name} {i.version or ''}".strip() for name, i in answer.imports.items())
        yield judged("imports", broken, f"imported {names}" if names else "nothing is to be imported")
        yield from _build(answer, plan, present)
    yield attempt("libraries", lambda: _libraries(start))
    yield attempt("stacks", lambda: _stacks(start, manifest))


def _requirements(start: Start) -> Check:
    answer: consistent.Requires = ask(start, "requires", [], consistent.Requires, what="requirements")
    return judged("requirements", consistent.faults(answer), "every requirement is met")


def _build(answer: Answer, plan: Plan, present: list[str]) -> Iterator[Check]:
    planned = next((package for package in plan.packages if package.name == "torch"), None)
    if planned is None or answer.torch is None:
        yield skipped("build", "only PyTorch says how it was built")
        yield skipped("gpus", "only PyTorch says for which GPUs it was compiled")
    else:
        without = msgspec.structs.replace(plan, gpu_targets=[])
        yield judged("build", build_faults(answer, without), f"torch is the {planned.variant or 'planned'} build")
        yield _gpus(answer.torch.arch_list, plan, present)
    if answer.cudnn is None or answer.cudnn.built is None or answer.cudnn.found is None:
        yield skipped("cudnn", "no cuDNN that could be compared")
    else:
        fault = answer.cudnn.fault
        fact = f"built against cuDNN {answer.cudnn.built}, found is {answer.cudnn.found}"
        yield judged("cudnn", [fault] if fault else [], fact)


def _gpus(compiled: list[str], plan: Plan, present: list[str]) -> Check:
    if plan.device != "cuda":
        return skipped("gpus", f"it was made for {plan.device}")
    wanted = sorted({*plan.gpu_targets, *present})
    if not wanted:
        return skipped("gpus", "no GPU is planned or present")
    if not compiled:
        return Check(id="gpus", status="ERROR", reason="torch does not say for which GPUs it was compiled")
    faults = [f"torch: {seen.text}" for target in wanted if not (seen := covers(compiled, target))]
    return judged("gpus", faults, f"compiled for {', '.join(compiled)}: covers {', '.join(wanted)}")


def _libraries(start: Start) -> Check:
    found: Libraries = ask(start, "libraries", [], Libraries)
    fact = "; ".join(bundled.summary(found.libraries)) or "no CUDA libraries in it"
    return judged("libraries", bundled.faults(found.libraries), fact)


def _stacks(start: Start, manifest: Manifest) -> Check:
    served = prove(start, manifest.request.extras, manifest.plan)
    if not served:
        return skipped("stacks", "none was asked for")
    return passed("stacks", f"used {', '.join(stack.title for stack in served)}: one operation each")


def present_gpus() -> list[str]:
    """Compute capabilities of this host's NVIDIA GPUs; empty where there is none or nobody can tell."""
    from envsetup.model.maybe import known  # noqa: PLC0415 - the probe is only for this
    from envsetup.probe.collect import probe  # noqa: PLC0415
    from envsetup.world.live import LiveWorld  # noqa: PLC0415

    gpus = known(probe(LiveWorld()).gpus) or []
    found = {known(gpu.compute_capability) for gpu in gpus if known(gpu.vendor) == "nvidia"}
    return sorted(value for value in found if value)


def is_image(text: str) -> bool:
    """Whether an argument names an image and no folder. Raises InputError where it is neither."""
    path = Path(text).expanduser()
    if path.exists():
        return False
    if text.startswith((".", "/", "~")) or text == "":
        raise InputError(f"{text}: no such folder; envsetup list shows the environments there are")
    return True
