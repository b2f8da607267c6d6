"""One host's part in making the same environment on many: plan and lock it, or install the lock that was brought."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from envsetup import __version__
from envsetup.build.create import Order, create
from envsetup.build.locking import given_lock
from envsetup.build.manifest import LOCK_NAME, MANIFEST, read_manifest
from envsetup.build.stage import check_target, target_path
from envsetup.model.errors import Exit
from envsetup.model.fleet import HostCreated
from envsetup.model.plan import Request
from envsetup.world.files import home

if TYPE_CHECKING:
    import argparse

BROUGHT = "requirements.lock"  # beside the modules of the bundle


class _Silent:
    """Nobody watches on a host; the controller tells how the fleet gets on."""

    def start(self, title: str) -> None:
        """Say nothing."""

    def tick(self) -> None:
        """Say nothing."""

    def done(self, title: str, detail: str, seconds: float) -> None:
        """Say nothing."""

    def failed(self, title: str, seconds: float) -> None:
        """Say nothing."""


def make(options: argparse.Namespace, name: str) -> tuple[HostCreated, int]:
    """Make the environment and answer as `name`; without a lock that was brought, answer with the one that was made.

    Raises EnvsetupError with one line; then nothing was changed.
    """
    if home().is_dir():
        os.chdir(home())  # what a relative path means must not depend on how the bundle was started
    target = target_path(options.path)
    check_target(target)
    brought = Path(__file__).parents[3] / BROUGHT
    lock = brought if brought.exists() else None
    if lock and (standing := _standing(target, given_lock(lock).digest(), name)):
        return standing, int(Exit.OK)
    order = Order(
        target=target,
        request=Request(
            frameworks=[] if lock else options.frameworks,  # with a lock, what is in it counts
            device=options.device,
            extras=[extra for text in options.extras for extra in text.split(",") if extra],
            source=options.source,
        ),
        python=options.python,
        lock=lock,
        check=not options.no_verify,
    )
    made = create(order, _Silent())
    answer = HostCreated(
        version=made.version,
        host=name,
        status=made.status,
        path=made.path,
        plan=made.plan,
        python=made.python,
        lock=made.lock,
        packages=made.packages,
        verified=made.verified,
        activate=made.activate,
        locked=(target / LOCK_NAME).read_text(encoding="utf-8") if made.status == "created" and not lock else None,
    )
    return answer, int(Exit.FINDINGS if made.status == "impossible" else Exit.OK)


def _standing(target: Path, lock: str, name: str) -> HostCreated | None:
    """The answer where the very environment stands already, made by another host on a shared file system, or before.

    One that does not verify is made again.
    """
    if not (target / MANIFEST).exists():
        return None
    from envsetup.build.life.reverify import verify_path  # noqa: PLC0415 - only here

    manifest = read_manifest(target)
    if manifest.lock != lock or verify_path(target, [], lambda: None).verdict != "pass":
        return None
    return HostCreated(
        version=__version__,
        host=name,
        status="created",
        path=str(target),
        plan=manifest.plan,
        python=manifest.python,
        lock=lock,
        packages={package.name: package.version for package in manifest.plan.packages},
        verified=["it stood already with this lock, and verifies"],
        activate=f". {shlex.quote(f'{target}/bin/activate')}",
    )
