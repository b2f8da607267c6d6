"""An environment made anew for what its machine and its sources are now, beside the old one, which is kept.

The request stands in the manifest; the user's edits of rendered files are merged, the user's own files taken along.
Schema `envsetup.update/1`, additive only.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Literal, Optional

import msgspec

from envsetup import __version__
from envsetup.build import edits, records
from envsetup.build.create import Order, carry_out, prepare, summary
from envsetup.build.inherit import Inherited
from envsetup.build.life import own
from envsetup.build.life.drift import INSTALLED, added, pins
from envsetup.build.manifest import MANIFEST, read_manifest
from envsetup.build.stage import Stage
from envsetup.build.swap import exchange
from envsetup.model.errors import BuildError, InputError
from envsetup.model.redact import HIDDEN

if TYPE_CHECKING:
    from pathlib import Path

    from envsetup.build.create import Created
    from envsetup.build.draft import Draft
    from envsetup.build.manifest import Manifest
    from envsetup.build.steps import Progress
    from envsetup.model.plan import Plan

PREVIOUS = ".previous"
_OF_THE_MAKER = re.compile(r"source \d+ of the maker")  # as an image's manifest hides a folder or a host


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line changes of the recorded request; None keeps it."""

    python: Optional[str] = None
    source: Optional[str] = None
    machine: Optional[Path] = None
    lock: Optional[Path] = None
    offline: bool = False
    check: bool = True
    discard_edits: bool = False
    files_only: bool = False
    discard_previous: bool = False


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A package's version in the old lock and in the new one."""

    before: str
    after: str


class Packages(msgspec.Struct, frozen=True, kw_only=True):
    """What the new lock adds, leaves out and changes: name to version."""

    added: dict[str, str] = {}
    removed: dict[str, str] = {}
    changed: dict[str, Moved] = {}


class Update(msgspec.Struct, frozen=True, kw_only=True, rename={"schema_": "schema"}):
    """What an update changes, or changed. `plan` are lines (- before, + now), `files` unified diffs by path.

    `merged` are the user's edits that are kept, `carried` own files that are taken along, `left` own files and
    `added` packages of the user's that are not: they stay in `previous`, where the old environment is kept.
    """

    schema_: str = "envsetup.update/1"
    version: str = __version__
    status: Literal["planned", "updated", "unchanged", "impossible", "rolled-back"]
    path: str
    previous: Optional[str] = None
    before: str = ""
    after: str = ""
    plan: list[str] = []
    packages: Packages = Packages()
    files: dict[str, str] = {}
    merged: list[str] = []
    carried: list[str] = []
    left: list[str] = []
    added: dict[str, str] = {}
    created: Optional[Created] = None

    @property
    def differs(self) -> bool:
        """Whether anything would be other than it is."""
        return bool(self.plan or self.files or self.packages != Packages())


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """An update that was worked out and can be carried out; nothing was changed yet."""

    update: Update
    order: Order
    draft: Draft
    inherited: Inherited = Inherited()


def previous(env: Path) -> Path:
    """Where the environment that an update replaced is kept."""
    return env.with_name(f"{env.name}{PREVIOUS}")


def work_out(env: Path, options: Options, progress: Progress) -> Ready:
    """Plan and lock again, and compare. Raises EnvsetupError with one line, for a conflict of edits too."""
    manifest = read_manifest(env)
    order = _order(env, manifest, options)
    kept = previous(env)
    if kept.exists() and not (kept / MANIFEST).exists():
        raise InputError(f"{kept} is in the way: it is not an environment that update kept; move it away")
    draft = prepare(order, progress)
    before = summary(manifest.plan)
    if draft.result.status == "impossible":
        update = Update(status="impossible", path=str(env), before=before, created=draft.result)
        return Ready(update=update, order=order, draft=draft)
    changed = {} if options.discard_edits else edits.edits(env)
    merged = edits.merged(draft.files(), changed, env)
    mine = records.own_files(env)
    carried = own.portable(mine) if manifest.target in INSTALLED else mine
    now = draft.manifest
    update = Update(
        status="planned",
        path=str(env),
        previous=str(kept),
        before=before,
        after=summary(now.plan),
        plan=_plan_lines(manifest.plan, now.plan),
        packages=_between(pins(env, manifest.target), draft.pins),
        files=_diffs(env, merged),
        merged=sorted(name for name, edit in changed.items() if edit.now is not None),
        carried=carried,
        left=[name for name in mine if name not in carried],
        added=added(env, manifest.target),
    )
    same_lock = draft.result.lock in {None, manifest.lock}  # None: what solved it tells the files only at installation
    if same_lock and not update.differs:
        update = msgspec.structs.replace(update, status="unchanged", previous=None)
    elif not options.discard_previous:
        _check_kept(env)
    inherited = Inherited(edits=changed, files=carried, keep=kept)
    return Ready(update=update, order=order, draft=draft, inherited=inherited)


def _check_kept(env: Path) -> None:
    """Refuse to replace a kept environment that is the last place of a file of the user's."""
    kept = previous(env)
    only = [name for name in records.own_files(kept) if not (env / name).exists()] if kept.exists() else []
    if only:
        hint = "move them away, or drop them with --discard-previous"
        raise InputError(f"{kept}, which would be replaced, holds files of your own: {own.named(only)}", hint=hint)


def update(ready: Ready, progress: Progress) -> Update:
    """Build beside, verify, swap; on any failure the old environment is in its place.

    Raises EnvsetupError with one line.
    """
    target = ready.order.target
    old = target.stat().st_ino
    try:
        created = carry_out(ready.order, ready.draft, ready.inherited, progress)
    except BaseException:
        if target.stat().st_ino != old and previous(target).exists():
            _exchange(target)
        raise
    return msgspec.structs.replace(ready.update, status="updated", created=created)


def roll_back(env: Path) -> Update:
    """Put the environment back that the last update replaced; that one is kept in its stead.

    Raises InputError where none is kept.
    """
    now = read_manifest(env)
    kept = previous(env)
    if not (kept / MANIFEST).exists():
        raise InputError(f"{env}: no environment of before an update is kept (it would be {kept})")
    before = read_manifest(kept)
    _exchange(env)
    return Update(
        status="rolled-back",
        path=str(env),
        previous=str(kept),
        before=summary(now.plan),
        after=summary(before.plan),
        plan=_plan_lines(now.plan, before.plan),
    )


def _exchange(env: Path) -> None:
    kept = previous(env)
    with Stage(env) as stage:
        if exchange(kept, env):
            return
        # A file system that cannot: the stage's own folder for set-aside things is restored by its next owner.
        try:
            env.rename(stage.aside)
            kept.rename(env)
            stage.aside.rename(kept)
        except OSError as error:
            raise BuildError(f"{env}: cannot be exchanged with {kept}: {error.strerror}") from error


def _order(env: Path, manifest: Manifest, options: Options) -> Order:
    asked = manifest.request
    if not asked.frameworks and options.lock is None:
        again = f"envsetup update --lock NEW.lock {env}"
        raise InputError(f"{env} was made from a lock, so there is nothing to plan again; give the new one: {again}")
    if manifest.described and options.machine is None and (options.lock is None or asked.device == "gpu"):
        raise InputError(f"{env} was planned for a described machine: give --machine FILE again")
    # The files of a conda lock have their addresses, and its Python is one of them.
    complete = options.lock is not None and manifest.target == "conda"
    source = options.source or (None if complete else asked.source)
    if source and HIDDEN in source:
        raise InputError(f"{env}: its source had a password, which is not kept: give --source again")
    if source and _OF_THE_MAKER.fullmatch(source) and options.source is None:
        raise InputError(f"{env}: its source was a place of its maker's, which no image names: give --source again")
    return Order(
        target=env,
        request=msgspec.structs.replace(asked, python=None, source=source, offline=options.offline),
        python=options.python or (None if complete else asked.python),
        name=manifest.name,
        machine=options.machine,
        lock=options.lock,
        check=options.check,
        files_only=options.files_only or (manifest.target in INSTALLED and not (env / "bin").exists()),
        base_image=manifest.base_image,
        fresh=True,
    )


def _between(old: dict[str, str], new: dict[str, str]) -> Packages:
    return Packages(
        added={name: version for name, version in new.items() if name not in old},
        removed={name: version for name, version in old.items() if name not in new},
        changed={
            name: Moved(before=old[name], after=version)
            for name, version in new.items()
            if name in old and old[name] != version
        },
    )


def _plan_lines(before: Plan, now: Plan) -> list[str]:
    """What the decision says otherwise, and why."""

    def lines(plan: Plan) -> list[str]:
        return [
            f"{plan.device}, Python {plan.python}",
            *(f"{p.name} {p.version}{f'+{p.variant}' if p.variant else ''}" for p in plan.packages),
            *(f"for GPU {target}" for target in plan.gpu_targets),
            *(f"because {reason.text}" for reason in plan.reasons),
            *(f"warning: {warning}" for warning in plan.warnings),
        ]

    old, new = lines(before), lines(now)
    return [*(f"- {line}" for line in old if line not in new), *(f"+ {line}" for line in new if line not in old)]


def _diffs(env: Path, files: dict[str, bytes]) -> dict[str, str]:
    """Unified diffs of the rendered files against what is there; of what is made from the lock only the name."""
    found = {}
    for name, content in files.items():
        path = env / name
        old = path.read_bytes() if path.is_file() else b""
        if name == MANIFEST or old == content:
            continue
        texts = (old.decode("utf-8", "replace").splitlines(), content.decode("utf-8", "replace").splitlines())
        lines = difflib.unified_diff(*texts, f"a/{name}", f"b/{name}", lineterm="")
        found[name] = "" if name in edits.MACHINE_MADE else "\n".join(lines) + "\n"
    return found
