"""Locking: uv resolves the requirements against the sources; a lock already made for the same question is reused."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from envsetup.model.codec import decode
from envsetup.model.errors import BuildError, InputError
from envsetup.model.lock import Lock, LockedFile, LockedPackage, normalise, read_lock
from envsetup.model.redact import redact
from envsetup.world.files import INPUT_LIMIT, read_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.build.interpreters import Interpreter
    from envsetup.build.sources import Sources
    from envsetup.build.uv import Uv

DEADLINE = 900.0  # seconds; a find-links wheel is hashed, a page-only index is read wheel by wheel
MAX_AGE = 7 * 86400.0  # seconds a lock answers for its question: sources move on


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """All that a lock depends on."""

    requirements: list[str]
    interpreter: str  # implementation, version and platform
    sources: str  # digest of the sources
    uv: str
    form: int = 2  # of what is kept: 2 names the files

    def path(self) -> Path:
        """Where the answer is kept."""
        import platformdirs  # noqa: PLC0415 - a given lock needs no cache

        key = hashlib.sha256(msgspec.json.encode(self)).hexdigest()
        return Path(platformdirs.user_cache_dir("envsetup", appauthor=False)) / "locks" / f"{key}.json"


def question(requirements: list[str], interpreter: Interpreter, sources: Sources) -> Question:
    """What is to be locked, for which interpreter, from where, and by which uv."""
    from importlib.metadata import version  # noqa: PLC0415

    return Question(requirements=requirements, interpreter=interpreter.key, sources=sources.digest(), uv=version("uv"))


def recall(asked: Question) -> Lock | None:
    """The lock made before for the same question, while it is fresh and readable."""
    path = asked.path()
    try:
        if time.time() - path.stat().st_mtime > MAX_AGE:
            return None
        return decode(path.read_bytes(), Lock)
    except (OSError, msgspec.DecodeError):
        return None


def remember(asked: Question, lock: Lock) -> None:
    """Keep a lock; that a cache cannot be written is no reason to fail."""
    path = asked.path()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_bytes(msgspec.json.encode(lock))
        draft.replace(path)


def forget(asked: Question) -> None:
    """Drop a lock that could not be installed, so that the next run asks the sources again."""
    with contextlib.suppress(OSError):
        asked.path().unlink()


def make_lock(asked: Question, interpreter: Interpreter, uv: Uv, tick: Callable[[], None] | None = None) -> Lock:
    """Resolve and hash. Raises BuildError with uv's reason."""
    args = ("pip", "compile", "-", "--format", "pylock.toml", "--no-header", "--quiet", "--no-annotate")
    stdin = "\n".join(asked.requirements) + "\n"
    ended = uv.run(*args, *interpreter.for_uv(), timeout=DEADLINE, stdin=stdin, tick=tick)
    if not ended.ok:
        error = uv.error(f"no set of packages for {', '.join(asked.requirements)}", ended, DEADLINE)
        if "unsatisfiable" in error.message and (bounds := uv.env.get("UV_CONSTRAINT")):
            error.hint = f"pip's constraints apply: {redact(bounds, uv.secrets)}"
        raise error
    return read_pylock(ended.stdout, uv.secrets)


def read_pylock(text: str, secrets: frozenset[str] = frozenset()) -> Lock:
    """A lock in the form of PEP 751. Raises BuildError naming the package that has no hash, ValueError for bad TOML."""
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415 - only where a lock is made
    else:
        import tomli as tomllib  # noqa: PLC0415

    return Lock(packages=[_package(entry, secrets) for entry in tomllib.loads(text).get("packages", [])])


def _package(entry: dict[str, object], secrets: frozenset[str]) -> LockedPackage:
    files = entry.get("wheels") or ([entry["sdist"]] if "sdist" in entry else [])
    if not isinstance(files, list) or not files or "version" not in entry:
        raise BuildError(
            f"{entry.get('name')}: comes from neither a wheel nor a source archive, so it cannot be locked"
        )
    known = [_file(file, secrets) for file in files if "sha256" in file.get("hashes", {})]
    if not known:
        raise BuildError(f"{entry['name']}: its source gives no sha256, so it cannot be locked")
    sizes = [file.size for file in known if file.size is not None]
    return LockedPackage(
        name=normalise(str(entry["name"])),
        version=str(entry["version"]),
        hashes=[f"sha256:{file.sha256}" for file in known],
        marker=str(entry["marker"]) if "marker" in entry else None,
        size=min(sizes) if sizes else None,
        files=known,
    )


def _file(entry: dict[str, Any], secrets: frozenset[str]) -> LockedFile:
    place = str(entry.get("url") or entry.get("path") or "")
    parts = urlsplit(place)
    far = parts.scheme in {"http", "https"}
    # Credentials and signatures are the user's own, and in a file that is shown around they would be everybody's.
    url = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")) if far else None
    return LockedFile(
        name=str(entry.get("name") or unquote(parts.path).rpartition("/")[2]),
        sha256=str(entry["hashes"]["sha256"]),
        url=None if url and any(secret in url for secret in secrets) else url,
        size=int(entry["size"]) if "size" in entry else None,
    )


def given_lock(path: Path) -> Lock:
    """`--lock FILE`: hashed requirement lines, or PEP 751 where it is TOML.

    Raises InputError naming the file and the line.
    """
    try:
        text = read_bytes(str(path), INPUT_LIMIT).decode()
        if text.lstrip().startswith("@EXPLICIT"):
            raise InputError(f"{path}: an explicit lock of conda; it takes --target conda")
        return _given_pylock(text, str(path)) if path.suffix == ".toml" else read_lock(text, name=str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror or str(error) if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError(f"{path}: {reason}; --lock takes hashed requirement lines") from error


def _given_pylock(text: str, name: str) -> Lock:
    try:
        lock = read_pylock(text)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise InputError(f"{name}: not a lock in the form of PEP 751: {error}") from error
    except BuildError as error:
        raise InputError(f"{name}: {error.message}") from error
    if not lock.packages:
        raise InputError(f"{name}: no packages in it")
    return lock
