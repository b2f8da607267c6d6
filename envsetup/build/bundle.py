"""The wheels of a lock in a folder, for a machine without a network. Schema `envsetup.bundle/1`, additive only."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Optional

import msgspec

from envsetup import __version__
from envsetup.build import decide, locking, wheelhouse
from envsetup.build.create import summary
from envsetup.build.download import Downloader, digest
from envsetup.build.manifest import LOCK_NAME
from envsetup.build.steps import Step, perform
from envsetup.model.codec import decode, to_json
from envsetup.model.errors import BuildError, InputError
from envsetup.model.lock import Lock, LockedFile, LockedPackage
from envsetup.model.redact import redact
from envsetup.render.pylock import NAME, pylock

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.build.decide import Decision
    from envsetup.build.platforms import Platform
    from envsetup.build.steps import Progress
    from envsetup.build.wheelhouse import Place
    from envsetup.model.machine import Machine
    from envsetup.model.plan import Plan, Request

NOTE = "bundle.json"


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One wheel; `size` is in bytes, `fetched` False where it was there already."""

    name: str
    sha256: str
    size: Optional[int] = None
    fetched: bool = False


class Bundle(msgspec.Struct, frozen=True, kw_only=True, rename={"schema_": "schema"}):
    """What was gathered, and for what. `create` is the line that uses it over there."""

    schema_: str = "envsetup.bundle/1"
    version: str = __version__
    status: Literal["bundled", "planned", "impossible"]
    path: str
    platform: str
    python: str
    plan: Plan
    lock: Optional[str] = None
    files: list[File] = []
    bytes: int = 0
    create: Optional[str] = None


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asked for, read."""

    folder: Path
    request: Request
    machine: Machine
    platform: Platform
    lock: Optional[Path] = None
    dry_run: bool = False


def bundle(wish: Wish, progress: Progress) -> Bundle:
    """Gather. A run that broke off is gone on with by the next. Raises EnvsetupError with one line."""
    _check(wish.folder)
    gathering = Gathering(wish)
    perform(gathering.deciding(), progress)
    result = Bundle(
        status="planned" if wish.dry_run else "bundled",
        path=str(wish.folder),
        platform=wish.platform.text,
        python=wish.platform.python,
        plan=gathering.decision.plan,
    )
    if result.plan.status == "impossible":
        return msgspec.structs.replace(result, status="impossible")
    perform(gathering.finding(), progress)
    if not wish.dry_run:
        with _owned(wish.folder):
            perform(gathering.fetching(), progress)
    return msgspec.structs.replace(
        result,
        lock=gathering.lock.digest(),
        files=gathering.files,
        bytes=sum(file.size or 0 for file in gathering.files),
        create=f"envsetup create --source {wish.folder.name} --lock {wish.folder.name}/{LOCK_NAME}",
    )


class Gathering:
    """The steps of one wish; each leaves what the next needs."""

    decision: Decision
    lock: Lock
    places: list[Place]

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.files: list[File] = []

    def deciding(self) -> list[Step]:
        """What is to be there."""
        return [Step(id="plan", title=f"decide for {self.wish.platform.text}", run=self._decide)]

    def finding(self) -> list[Step]:
        """Which wheels these are, and whether they fit on the disk."""
        return [
            Step(id="lock", title="lock versions and hashes", run=self._lock),
            Step(id="find", title="find the wheels", run=self._find),
        ]

    def fetching(self) -> list[Step]:
        """The wheels, and then the lock: without it nobody takes a half for the whole."""
        return [
            Step(id="fetch", title=f"fetch {len(self.places)} wheels", run=self._fetch),
            Step(id="files", title="write files", run=self._write),
        ]

    def _decide(self, _: Callable[[], None]) -> str:
        wish, choice = self.wish, self.wish.platform.interpreter
        if wish.lock is not None:
            self.lock = locking.given_lock(wish.lock)
            self.decision = decide.decide_by_lock(wish.request, self.lock, choice)
        else:
            offers = decide.look_at_sources(wish.request)
            asked = msgspec.structs.replace(wish.request, python=choice.short)
            self.decision = decide.decide(asked, wish.machine, offers, choice, iter(()))
        return summary(self.decision.plan)

    def _lock(self, tick: Callable[[], None]) -> str:
        decide.in_one_environment(self.decision.plan, self.wish.request)
        if self.wish.lock is None:
            self.lock, _ = decide.lock_for(self.decision, self.wish.request.extras, tick)
        return f"{len(self.lock.packages)} packages"

    def _find(self, tick: Callable[[], None]) -> str:
        decision = self.decision
        try:
            found = wheelhouse.places(self.lock, decision.interpreter, decision.uv, tick)
        except BuildError:
            if decision.spare is None:
                raise
            found = wheelhouse.places(self.lock, decision.interpreter, decision.spare, tick)
        ranks = {tag: rank for rank, tag in enumerate(self.wish.platform.tags())}
        self.places = [
            best(package, found.get(package.name, []), ranks, self.wish.platform) for package in self.lock.packages
        ]
        downloader = Downloader(sources=decision.sources)
        self.files = [
            File(name=place.name, sha256=place.sha256, size=place.size or _size(place, downloader))
            for place in self.places
        ]
        if not self.wish.dry_run:
            self._check_space()
        return f"{sum(file.size or 0 for file in self.files) >> 20} MiB"

    def _check_space(self) -> None:
        folder = self.wish.folder
        there = next(place for place in (folder, *folder.parents) if place.exists())
        missing = sum(file.size or 0 for file in self.files if not (folder / file.name).exists())
        free = shutil.disk_usage(there).free
        if missing > free:
            raise BuildError(f"{folder}: {free >> 20} MiB free, the wheels need {missing >> 20} MiB more")

    def _fetch(self, tick: Callable[[], None]) -> str:
        folder = self.wish.folder
        downloader = Downloader(sources=self.decision.sources)
        fetched = []
        for place, file in zip(self.places, self.files, strict=True):
            target = folder / place.name
            there = target.is_file() and digest(target, tick) == place.sha256
            if not there and place.path is not None:
                _copy(place, target, tick)
            elif not there:
                _fetched(downloader, place, target, tick, self.decision.sources.secrets)
            fetched.append(msgspec.structs.replace(file, size=target.stat().st_size, fetched=not there))
        self.files = fetched
        return f"{sum(file.fetched for file in fetched)} new"

    def _write(self, _: Callable[[], None]) -> str:
        folder, platform = self.wish.folder, self.wish.platform
        before = _noted(folder)
        named = {file.name: LockedFile(name=file.name, sha256=file.sha256, size=file.size) for file in self.files}
        whole = Lock(
            packages=[
                msgspec.structs.replace(package, files=[named[place.name]])
                for package, place in zip(self.lock.packages, self.places, strict=True)
            ]
        )
        head = f"# Wheels for {platform.text}, gathered by envsetup {__version__}.\n"
        use = f"# Over there: envsetup create --source {folder.name} --lock {folder.name}/{LOCK_NAME}\n"
        _put(folder / NAME, head + pylock(whole, platform.python.removesuffix("t")))
        note = Noted(files=sorted(named), platform=platform.text)
        _put(folder / NOTE, to_json(note))
        _put(folder / LOCK_NAME, head + use + self.lock.text())
        for name in set(before) - set(named):
            (folder / name).unlink(missing_ok=True)
        return LOCK_NAME


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """What says that a folder is a bundle, and which wheels in it are of it."""

    schema_: str = msgspec.field(name="schema", default="envsetup.bundle/1")
    files: list[str] = []
    platform: str = ""


def best(package: LockedPackage, found: list[Place], ranks: dict[str, int], platform: Platform) -> Place:
    """The wheel of a package that an installer over there would take. Raises BuildError where there is none."""
    fitting = [
        (rank, place.name, place)
        for place in found
        if f"sha256:{place.sha256}" in package.hashes and (rank := _rank(place.name, ranks)) is not None
    ]
    if not fitting:
        what = "only a source archive" if any(not place.name.endswith(".whl") for place in found) else "no file"
        raise BuildError(f"{package.name} {package.version}: {what} is offered for {platform.text}, and no wheel")
    return min(fitting)[-1]


def _rank(name: str, ranks: dict[str, int]) -> int | None:
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename  # noqa: PLC0415 - only here

    try:
        tags = parse_wheel_filename(name)[3]
    except InvalidWheelFilename:
        return None
    return min((ranks[str(tag)] for tag in tags if str(tag) in ranks), default=None)


def _size(place: Place, downloader: Downloader) -> int | None:
    if place.path is not None:
        return place.path.stat().st_size
    return downloader.size(place.url) if place.url else None


def _fetched(
    downloader: Downloader, place: Place, target: Path, tick: Callable[[], None], secrets: frozenset[str]
) -> None:
    if not place.url:
        raise BuildError(f"{place.name}: its source names no address")
    try:
        downloader.fetch(place.url, target, place.sha256, tick)
    except BuildError as error:
        error.message = redact(error.message, secrets)
        raise


def _copy(place: Place, target: Path, tick: Callable[[], None]) -> None:
    if place.path is None or digest(place.path, tick) != place.sha256:
        raise BuildError(f"{place.name}: it is another file than the lock names (hash mismatch)")
    wheelhouse.place([place.path], target.parent, tick)


def _put(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise BuildError(f"{path}: {error.strerror}") from error


def _noted(folder: Path) -> list[str]:
    try:
        return decode((folder / NOTE).read_bytes(), Noted).files
    except (OSError, msgspec.DecodeError):
        return []


def _check(folder: Path) -> None:
    """Refuse a folder that holds anything but a bundle, whole or half. Raises InputError."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"-o {folder}: exists and is no folder")
    names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if names and NOTE not in names:
        raise InputError(f"-o {folder}: holds files that are no bundle and is left alone; choose another folder")


class _owned:  # noqa: N801 - used as a function
    """A context in which the folder is ours alone; flock(2) ends with the process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handle = -1

    def __enter__(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not (self._folder / NOTE).exists():
                _put(self._folder / NOTE, to_json(Noted()))
            self._handle = os.open(self._folder, os.O_RDONLY)
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BuildError(f"{self._folder}: another envsetup is filling it right now") from None
        except OSError as error:
            raise BuildError(f"{self._folder}: {error.strerror}") from error

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)
