"""An environment made anew: beside the old one first, and in its place only when that one was built and verified."""

from __future__ import annotations

import shlex
import shutil
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec

from envsetup.build.create import create
from envsetup.build.life.undo import Undo, note
from envsetup.model.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path

    from envsetup.build.create import Created, Order
    from envsetup.build.steps import Progress


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """How it went. `kept` is where the old environment is now, `undo` the line that brings it back."""

    created: Created
    kept: Path
    undo: str
    log: Path


def rebuild(order: Order, progress: Progress) -> Rebuilt:
    """Build `order` beside its target, verify it, and put it in the target's place; the old folder is kept.

    Raises EnvsetupError when it cannot be built; the target is then as it was. The log is written before the target is
    touched, so that even a killed run leaves the way back.
    """
    target = order.target
    stamp = datetime.now(timezone.utc)
    kept = target.with_name(f"{target.name}.before-fix-{stamp:%Y%m%d-%H%M%S}")
    trial = target.with_name(f".{target.name}.trial-{stamp:%Y%m%d-%H%M%S}")
    try:
        first = create(msgspec.structs.replace(order, target=trial), progress)
        if first.status != "created":
            reason = first.plan.impossible.text if first.plan.impossible else first.status
            raise BuildError(f"{target}: a new environment is not possible: {reason}")
        lock = trial / "requirements.lock"
        undo = _undo(target, kept)
        what = f"rebuilt with {', '.join(order.request.frameworks)}"
        log = note(Undo(at=stamp.isoformat(timespec="seconds"), what=what, path=str(target), kept=str(kept), undo=undo))
        try:
            target.rename(kept)
        except OSError as error:
            raise BuildError(f"{target}: cannot be set aside: {error.strerror}") from error
        try:
            # A renamed environment does not work, so the verified lock is installed again: from the cache, in seconds.
            made = create(msgspec.structs.replace(order, lock=lock), progress)
        except BaseException:
            kept.rename(target)
            raise
    finally:
        shutil.rmtree(trial, ignore_errors=True)
    return Rebuilt(created=made, kept=kept, undo=undo, log=log)


def _undo(target: Path, kept: Path) -> str:
    failed = target.with_name(f"{target.name}.after-fix")
    now, old, aside = (shlex.quote(str(path)) for path in (target, kept, failed))
    return f"mv {now} {aside} && mv {old} {now}"
