"""Docker, podman and buildah behind the few things that a build asks of them. Each answers or says why not."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.build import leftovers, process
from envsetup.model.codec import decode
from envsetup.model.errors import BuildError
from envsetup.model.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

NAMES = ("docker", "podman", "buildah")  # first choice first
_VERSION = re.compile(r"\d+(\.\d+)+\S*")
# At the beginning only: engines repeat the whole command when it fails. BuildKit numbers and times each line.
_SAID = re.compile(r"(?:#\d+ [\d.]+ )?ERROR: (?!failed to solve)(.*)")
_NO_BUILDX = "buildx component is missing"  # docker's own words; without it no build gets a secret
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LOOK = 15.0  # seconds
_SHORT = 120.0
_PULL = 1800.0
BUILD_DEADLINE = 3 * 3600.0
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


class Config(msgspec.Struct, frozen=True, rename="pascal"):
    """What an image says of itself."""

    user: str = ""
    labels: Optional[dict[str, str]] = None
    env: Optional[list[str]] = None
    cmd: Optional[list[str]] = None
    entrypoint: Optional[list[str]] = None


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """An engine that answered. `secrets` are values that no message may hold."""

    name: str
    binary: str
    version: str
    secrets: frozenset[str] = frozenset()

    def build_command(self, image: str) -> str:
        """What a user would type to build in the folder of the Dockerfile."""
        return build_command(self.name, image)

    def has(self, image: str) -> bool:
        """Whether an image is here already."""
        return self._inspect(image).ok

    def pull(self, image: str, tick: Callable[[], None]) -> str | None:
        """Fetch an image from its registry; why that failed, or None."""
        ended = self._run("pull", image, timeout=_PULL, tick=tick)
        return None if ended.ok else self._error("", ended, _PULL).message

    def digest(self, image: str) -> str | None:
        """The digest by which a registry knows a fetched image, or None where the engine does not say."""
        if self.name == "buildah":
            text = self._inspect(image).stdout
            found = [decode(text, _Inspected).digest] if text else []
        else:
            options = ("image", "inspect", "--format", "{{json .RepoDigests}}", image)
            told = self._run(*options, timeout=_SHORT).stdout.strip()
            named = decode(told, list[str]) if told.startswith("[") else []
            found = [name.rpartition("@")[2] for name in named]
        return next((digest for digest in found if _DIGEST.fullmatch(digest)), None)

    def _inspect(self, image: str) -> process.Ended:
        argv = ("inspect", "--type", "image", image) if self.name == "buildah" else ("image", "inspect", image)
        return self._run(*argv, timeout=_SHORT)

    def build(self, folder: Path, iidfile: Path, base: str, given: dict[str, Path], tick: Callable[[], None]) -> str:
        """Build the Dockerfile in `folder` on `base`; the image's id. `given` are build secrets by id.

        Raises BuildError.
        """
        argv = {
            "docker": ["build"],
            "podman": ["build", "--format", "docker", "--layers"],
            "buildah": ["bud", "--format", "docker", "--layers"],
        }[self.name]
        for key, path in given.items():
            argv += ["--secret", f"id={key},src={path}"]
        # By name only: the value goes through the environment, and these arguments are in no image's history.
        for name in _PROXIES if self.name == "docker" else ():
            argv += ["--build-arg", name] if os.environ.get(name) else []
        argv += ["--iidfile", str(iidfile)]
        if self.name == "buildah":
            # It has no daemon that cleans up after a build that failed or was killed.
            with leftovers.marked(self._plain, base) as alias:
                argv += ["--build-arg", f"BASE_IMAGE={alias}"]
                ended = self._run(*argv, str(folder), timeout=BUILD_DEADLINE, tick=tick)
        else:
            ended = self._run(*argv, str(folder), timeout=BUILD_DEADLINE, tick=tick)
        if not ended.ok:
            raise self._error("the image could not be built", ended, BUILD_DEADLINE)
        return iidfile.read_text(encoding="utf-8").strip()

    def run(
        self, image: str, argv: Sequence[str], stdin: str, timeout: float, tick: Callable[[], None] | None
    ) -> process.Ended:
        """Run a command as the image's user, without GPU and, where the engine can, without network."""
        if self.name != "buildah":
            options = ("run", "--rm", "--interactive", "--network", "none")
            return self._run(*options, image, *argv, timeout=timeout, stdin=stdin, tick=tick)
        with leftovers.marked(self._plain, image) as alias:
            made = self._must("the image cannot be run", "from", "--pull-never", alias).strip()
            try:
                return self._run("run", made, "--", *argv, timeout=timeout, stdin=stdin, tick=tick)
            finally:
                self._run("rm", made, timeout=_SHORT)

    def config(self, image: str) -> Config:
        """User, labels, variables and command of an image."""
        if self.name == "buildah":
            text = self._must("the image cannot be read", "inspect", "--type", "image", image)
            return decode(text, _Inspected).docker.config
        text = self._must("the image cannot be read", "image", "inspect", "--format", "{{json .Config}}", image)
        return decode(text, Config)

    def tag(self, image: str, name: str) -> None:
        """Give an image a name."""
        self._must("the image cannot be named", "tag", image, name)

    def remove(self, image: str) -> None:
        """Remove an image that nobody will use; that it cannot be removed is no reason to fail."""
        self._run(*(("rmi",) if self.name == "buildah" else ("image", "rm")), image, timeout=_SHORT)

    def _run(
        self, *args: str, timeout: float, stdin: str = "", tick: Callable[[], None] | None = None
    ) -> process.Ended:
        # chroot needs neither a runtime nor a right that a container lacks; the user may choose another.
        env = {"BUILDAH_ISOLATION": "chroot"} if self.name == "buildah" else {"DOCKER_BUILDKIT": "1"}
        return process.run([self.binary, *args], env=env | dict(os.environ), timeout=timeout, stdin=stdin, tick=tick)

    def _plain(self, *args: str) -> process.Ended:
        return self._run(*args, timeout=_SHORT)

    def _must(self, what: str, *args: str) -> str:
        ended = self._run(*args, timeout=_SHORT)
        if not ended.ok:
            raise self._error(what, ended, _SHORT)
        return ended.stdout

    def _error(self, what: str, ended: process.Ended, timeout: float) -> BuildError:
        if ended.returncode is None:
            said = f"no end after {timeout:.0f} s; {self.name} was stopped"
        else:
            said = redact(cause(f"{ended.stdout}\n{ended.stderr}"), self.secrets)
        hint = "install docker's plug-in buildx, or podman or buildah in docker's place" if _NO_BUILDX in said else None
        return BuildError(f"{what}: {said}" if what else said, hint=hint)


class _Docker(msgspec.Struct, frozen=True):
    config: Config


class _Inspected(msgspec.Struct, frozen=True, rename={"docker": "Docker", "digest": "FromImageDigest"}):
    docker: _Docker
    digest: str = ""


def build_command(engine: str, image: str) -> str:
    """What a user would type to build in the folder of the Dockerfile."""
    verb = {
        "docker": "docker build",
        "podman": "podman build --format docker",
        "buildah": "buildah bud --format docker",
    }
    return f"{verb[engine]} -t {image} ."


def find(secrets: frozenset[str] = frozenset()) -> tuple[Engine | None, dict[str, str]]:
    """The first engine that works, and why those before it do not."""
    silent = {}
    for name in NAMES:
        binary = shutil.which(name)
        if binary is None:
            silent[name] = "not installed"
            continue
        # A docker without its daemon is a common sight: only one that answers counts.
        args = ("version", "--format", "{{.Server.Version}}") if name == "docker" else ("--version",)
        ended = process.run([binary, *args], env=os.environ, timeout=_LOOK)
        if ended.ok and (version := _VERSION.search(ended.stdout)):
            return Engine(name=name, binary=binary, version=version[0], secrets=secrets), silent
        silent[name] = f"no answer within {_LOOK:.0f} s" if ended.returncode is None else cause(ended.stderr)
    return None, silent


def cause(text: str) -> str:
    """The line that says why: what pip or the self-check said, else the engine's own last word."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [found[1] for line in lines if (found := _SAID.match(line))]
    own = [line for line in lines if line.lower().startswith("error")]
    return ([*said[-1:], *own[-1:], *lines[-1:]] or ["it gave no reason"])[0][:400]
