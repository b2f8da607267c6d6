"""An image looked at again, through the engine that has it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from envsetup.build import edits, engines, records
from envsetup.build.create import summary
from envsetup.build.image import LOCK, PYTHON, plan_digest
from envsetup.build.life.reverify import files_check, inside, lock_check
from envsetup.build.life.verdict import Check, attempt, judged, report
from envsetup.build.manifest import MANIFEST, Manifest
from envsetup.build.naming import slug
from envsetup.build.payload import records as program
from envsetup.build.verify import DEADLINE
from envsetup.model.codec import decode
from envsetup.model.errors import BuildError, InputError, UndecidedError
from envsetup.model.lock import read_lock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from envsetup.build import process
    from envsetup.build.engines import Config
    from envsetup.build.life.verdict import Report

_BUILD = re.compile(r"^# +docker build -t (\S+) \.$", re.MULTILINE)
_SHORT = 60.0  # seconds
_FOLDER = "/opt/envsetup"
_ROOT = {"", "root", "0"}


def image_name(folder: Path, manifest: Manifest) -> str:
    """The image that was built from a folder that envsetup rendered, as its Dockerfile names it."""
    said = _BUILD.search(edits.originals(folder).get("Dockerfile", b"").decode())
    own = f"localhost/{slug(manifest.name or folder.name)}:{manifest.lock.removeprefix('sha256:')[:12]}"
    return said[1] if said else own


def verify_image_of(folder: Path, manifest: Manifest, present: list[str], tick: Callable[[], None]) -> Report:
    """Look at the image of a rendered folder. Raises UndecidedError where it was not built here."""
    name = image_name(folder, manifest)
    try:
        return verify_image(name, present, tick)
    except InputError as error:
        raise UndecidedError(f"{folder}: {error.message}; build it again with envsetup create") from error


def verify_image(name: str, present: list[str], tick: Callable[[], None]) -> Report:
    """Look at an image. Raises InputError where envsetup made none of this name, UndecidedError without an engine."""
    engine, silent = engines.find()
    if engine is None:
        why = "; ".join(f"{engine}: {reason}" for engine, reason in silent.items())
        raise UndecidedError(f"{name}: an image can only be looked at by an engine, and none answers: {why}")
    try:
        config = engine.config(name)
    except BuildError as error:
        raise InputError(f"{engine.name} has no image {name}", hint=error.message) from error

    def run(*argv: str, stdin: str = "", timeout: float = _SHORT) -> process.Ended:
        return engine.run(name, argv, stdin, timeout, tick)

    def start(argument: str, text: str) -> process.Ended:
        return run(PYTHON, "-I", "-", argument, stdin=text, timeout=DEADLINE)

    manifest = _manifest(name, run("cat", f"{_FOLDER}/{MANIFEST}"))
    lock = read_lock(run("cat", LOCK).stdout, name=f"{name}:{LOCK}")
    checks = [
        attempt("lock", lambda: lock_check(start, lock, manifest)),
        attempt("files", lambda: files_check(_files(start), lock, None)),
        *inside(start, manifest, lock, present),
        attempt("user", lambda: _user(config, run("id", "-u"))),
        judged("labels", _label_faults(config, manifest, lock.digest()), "labels as built"),
        attempt("command", lambda: _command(config, run)),
    ]
    return report("image", f"{name} ({engine.name} {engine.version})", checks, summary(manifest.plan))


def _manifest(name: str, ended: process.Ended) -> Manifest:
    if not ended.ok and "No such file" not in ended.stderr:
        raise UndecidedError(f"{name}: it cannot be run: {engines.cause(ended.stderr)}")
    if not ended.ok:
        raise InputError(f"{name} was not made by envsetup: {_FOLDER}/{MANIFEST} is not in it")
    try:
        return decode(ended.stdout, Manifest)
    except msgspec.DecodeError as error:
        raise InputError(f"{name}: its {MANIFEST} is not what envsetup wrote: {error}") from error


def _files(start: Callable[[str, str], process.Ended]) -> records.Files:
    import importlib.resources  # noqa: PLC0415 - only here

    text = importlib.resources.files(program.__package__).joinpath("records.py").read_text("utf-8")
    ended = start(PYTHON.removesuffix("/bin/python"), text)
    try:
        return decode(ended.stdout, records.Files)
    except msgspec.DecodeError:
        raise BuildError(f"the files cannot be read: {engines.cause(ended.stderr)}") from None


def _user(config: Config, ended: process.Ended) -> Check:
    user = (config.user or "").partition(":")[0]
    number = ended.stdout.strip()
    faults = [f"the image runs as {config.user or 'root'}"] if user in _ROOT or number == "0" else []
    faults += [] if faults or user.isdigit() else [f"the user {user} is a name, which Kubernetes cannot check"]
    return judged("user", faults, f"user {config.user}, uid {number}")


def _label_faults(config: Config, manifest: Manifest, lock: str) -> list[str]:
    labels = config.labels or {}
    plan = manifest.plan
    expected = {
        "envsetup.version": manifest.tool,
        "envsetup.plan": plan_digest(plan),
        "envsetup.lock": lock,
        "envsetup.device": plan.device,
        "envsetup.architectures": " ".join(plan.gpu_targets),
    }
    wrong = {key: value for key, value in expected.items() if labels.get(key, "") != value}
    return [f"label {key} is {labels.get(key)!r}, not {value!r}" for key, value in wrong.items()]


def _command(config: Config, run: Callable[..., process.Ended]) -> Check:
    """Whether what the image starts is there."""
    argv = [*(config.entrypoint or []), *(config.cmd or [])]
    if not argv:
        return judged("command", ["the image starts nothing"], "")
    found = run("sh", "-c", 'command -v -- "$1"', "sh", argv[0])
    faults = [] if found.ok else [f"the image starts {argv[0]}, which is not in it"]
    return judged("command", faults, f"starts {' '.join(argv)} ({found.stdout.strip()})")
