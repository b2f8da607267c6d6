"""uv, the engine that locks and installs: always the one that envsetup depends on, never another from PATH."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envsetup.build import process
from envsetup.model.errors import BuildError
from envsetup.model.redact import redact
from envsetup.world.files import home

if TYPE_CHECKING:
    from collections.abc import Callable

# Variables that would make uv build something else than the plan says. The user's indexes, proxies, cache stay.
_FOREIGN = (
    "VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_TORCH_BACKEND",
    "UV_NO_VERIFY_HASHES", "UV_REQUIRE_HASHES", "UV_VENV_SEED", "UV_VENV_CLEAR", "UV_PROJECT", "UV_OVERRIDE",
    "UV_WORKING_DIR", "UV_PROJECT_ENVIRONMENT", "UV_RESOLUTION", "UV_BREAK_SYSTEM_PACKAGES", "UV_BUILD_CONSTRAINT",
)  # fmt: skip
_NO_SPACE = re.compile(r"no space left on device|os error 28\b|disk quota exceeded|os error 122\b", re.IGNORECASE)
_NOT_ALLOWED = re.compile(r"permission denied|read-only file system|os error (13|30)\b", re.IGNORECASE)

# How uv's lines of an error report begin: words, or the branches of a tree in older releases.
_HEAD = re.compile(r"(error:|cause:|hint:|help:|Caused by:|[\u00d7\u251c\u2570][\u2500\u25b6]*)\s*")


class NoSpaceError(BuildError):
    """The file system of the cache, the temporary folder or the target is full."""


class Uv(msgspec.Struct, frozen=True, kw_only=True):
    """uv with the environment that carries the sources to it. `secrets` never leave it in a message."""

    binary: str
    env: dict[str, str]
    flags: list[str] = []  # for what reads indexes
    secrets: frozenset[str] = frozenset()
    offline: bool = False

    def run(self, *args: str, timeout: float, stdin: str = "", tick: Callable[[], None] | None = None) -> process.Ended:
        """Run uv in `/`, so that no project's settings reach it."""
        more = ["--no-progress", "--color", "never", *(["--offline"] if self.offline else [])]
        if args[:2] in {("pip", "compile"), ("pip", "sync")}:
            more += self.flags
        try:
            return process.run([self.binary, *args, *more], env=self.env, timeout=timeout, stdin=stdin, tick=tick)
        except OSError as error:
            raise BuildError(f"uv cannot be started: {self.binary}: {error.strerror}") from error

    def without(self, *variables: str) -> Uv:
        """The same uv with less in its environment."""
        return msgspec.structs.replace(self, env={k: v for k, v in self.env.items() if k not in variables})

    def must(self, what: str, *args: str, timeout: float, tick: Callable[[], None] | None = None) -> process.Ended:
        """Run uv; raises BuildError with one line that says why `what` did not come about."""
        ended = self.run(*args, timeout=timeout, tick=tick)
        if not ended.ok:
            raise self.error(what, ended, timeout)
        return ended

    def error(self, what: str, ended: process.Ended, timeout: float) -> BuildError:
        """The failure as one line without secrets."""
        if ended.returncode is None:
            return BuildError(f"{what}: no end after {timeout:.0f} s; uv was stopped")
        text = redact(ended.stderr, self.secrets)
        if _NO_SPACE.search(text):
            return NoSpaceError(f"{what}: no space left on the device", hint=_cause(text))
        if _NOT_ALLOWED.search(text):
            return BuildError(f"{what}: not allowed to write: {_cause(text)}")
        return BuildError(f"{what}: {_cause(text)}")


def make_uv(
    settings: dict[str, str],
    flags: list[str] | None = None,
    *,
    secrets: frozenset[str] = frozenset(),
    offline: bool = False,
) -> Uv:
    """Make uv with `settings` laid over this process's environment."""
    import uv as package  # noqa: PLC0415 - only a build needs it

    env = {key: value for key, value in os.environ.items() if key not in _FOREIGN}
    # Interpreters are chosen before uv runs; it must never fetch one in silence.
    env |= {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROJECT": "1"} | settings
    if _keeps_nothing(env):
        env["UV_NO_CACHE"] = "1"
    try:
        binary = package.find_uv_bin()
    except FileNotFoundError as error:
        raise BuildError(f"uv is not where its package should have put it: {error}") from error
    return Uv(binary=binary, env=env, flags=flags or [], secrets=secrets, offline=offline)


def _keeps_nothing(env: dict[str, str]) -> bool:
    """Whether this user has no folder for uv's cache, as services often have none: pip goes on without, so does uv."""
    if sys.platform == "win32" or "UV_CACHE_DIR" in env:
        return False
    folder = Path(env.get("XDG_CACHE_HOME") or home() / ".cache") / "uv"
    there = next((place for place in (folder, *folder.parents) if os.path.lexists(place)), Path("/"))
    return not (there.is_dir() and os.access(there, os.W_OK | os.X_OK))


def _cause(text: str) -> str:
    """The decisive sentences of uv's error report: what failed, which address, and the innermost cause."""
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith(("warning:", "Using ", "Creating ", "Resolved "))]
    blocks: list[list[str]] = []
    for line in lines:
        if _HEAD.match(line):
            blocks.append([line])
        elif blocks:
            blocks[-1].append(line)
    said = [_HEAD.sub("", " ".join(block)) for block in blocks if not block[0].startswith(("hint:", "help:"))]
    fetched = [sentence for sentence in said if "fetch" in sentence][:1]
    return ": ".join(dict.fromkeys([*said[:1], *fetched, *said[-1:]])) or " ".join(lines)[:300] or "uv gave no reason"
