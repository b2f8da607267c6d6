"""The explicit lock of conda: the address of each package's file, with its SHA-256.

conda, mamba and micromamba install it (`conda create --file`), and `conda list --explicit --sha256` writes it.
"""

from __future__ import annotations

import platform
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Optional
from urllib.parse import unquote, urlsplit

import msgspec

from envsetup.build.sources import address
from envsetup.model.errors import BuildError, InputError
from envsetup.model.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from urllib.parse import SplitResult

NAME = "explicit.txt"
MARK = "@EXPLICIT"
HOW = "conda list --explicit --sha256 writes one"
_FILE = re.compile(
    r"(?P<channel>.+)/(?P<subdir>[\w-]+)/(?P<name>[^/#\s]+)-(?P<version>[^-/#\s]+)-(?P<build>[^-/#\s]+)"
    r"\.(?:conda|tar\.bz2)"
)
_SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_TOKEN = re.compile(r"/t/[^/]+/")


class CondaPackage(msgspec.Struct, frozen=True, kw_only=True):
    """One package; `url` is where its file lies, empty where the solver did not say."""

    name: str
    version: str
    build: str
    url: str
    sha256: Optional[str]

    @property
    def pin(self) -> str:
        """Which of this name it is."""
        return f"{self.version} {self.build}"

    @property
    def stem(self) -> str:
        """As its file is called."""
        return f"{self.name}-{self.version}-{self.build}"


def text(packages: Iterable[CondaPackage]) -> str:
    """The lock; empty until every file's place is known."""
    lines = [(p.url, f"#sha256:{p.sha256}" if p.sha256 else "") for p in packages]
    return f"{MARK}\n" + "".join(f"{url}{digest}\n" for url, digest in lines) if all(url for url, _ in lines) else ""


def pins(lock: str) -> dict[str, str]:
    """Name to version and build, of a lock that was written here."""
    found = (_FILE.fullmatch(unquote(line.partition("#")[0])) for line in lock.splitlines())
    return {match["name"]: f"{match['version']} {match['build']}" for match in found if match}


def channels(packages: Iterable[CondaPackage]) -> list[str]:
    """Where the files of a lock come from, in the order of their first use."""
    found = (_FILE.fullmatch(package.url) for package in packages)
    return list(dict.fromkeys(match["channel"] for match in found if match))


def secret(parts: SplitResult) -> bool:
    """Whether an address holds what a lock must not: a user, a token, a query."""
    return bool(parts.username or parts.query or _TOKEN.search(f"{parts.path}/"))


def check_local(packages: Iterable[CondaPackage], tick: Callable[[], None]) -> None:
    """Compare what lies in folders with its hash: not every installer does that for what it need not download.

    Raises BuildError.
    """
    from envsetup.build.download import digest  # noqa: PLC0415 - it knows HTTP, which a comparison needs not

    for package in packages:
        parts = urlsplit(package.url)
        if parts.scheme != "file" or package.sha256 is None:
            continue
        try:
            found = digest(Path(unquote(parts.path)), tick)
        except OSError as error:
            raise BuildError(f"installation: {package.name}: {error.strerror}") from error
        if found != package.sha256:
            wrong = f"its file has sha256 {found}, expected was {package.sha256}"
            raise BuildError(f"installation: {package.name} {package.version}: {wrong}")


def given(path: Path) -> list[CondaPackage]:
    """`--lock FILE` for a conda environment, sorted by name.

    Raises InputError naming the file and the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError(f"{path}: {reason}; --lock takes an explicit lock of conda") from error
    entries = [(number, line) for number, raw in enumerate(lines, 1) if (line := raw.strip()) and line[0] != "#"]
    if MARK not in [line for _, line in entries]:
        raise InputError(f"{path}: no explicit lock of conda ({MARK} is missing in it)", hint=HOW)
    found: dict[str, CondaPackage] = {}
    for number, line in entries:
        if line == MARK:
            continue
        package = _package(line, f"{path}, line {number}:")
        if package.name in found:
            raise InputError(f"{path}, line {number}: {package.name} stands there twice")
        found[package.name] = package
    if "python" not in found:
        raise InputError(f"{path}: there is no python in it, so nothing could be verified")
    return [found[name] for name in sorted(found)]


def _package(line: str, where: str) -> CondaPackage:
    url, _, digest = line.partition("#")
    parts = address(url, where)
    if secret(parts):
        raise InputError(f"{where} the address holds credentials, which would be written into the new lock")
    named = _FILE.fullmatch(unquote(url))
    if named is None or parts.scheme not in {"http", "https", "file"}:
        form = f"CHANNEL/{_here()}/NAME-VERSION-BUILD.conda"
        raise InputError(f"{where} {redact(url)!a}: the address of a package is accepted: {form}")
    if named["subdir"] not in {_here(), "noarch"}:
        raise InputError(f"{where} {named['name']} is for {named['subdir']}, this machine is {_here()}")
    hashed = _SHA256.fullmatch(digest)
    if hashed is None:
        raise InputError(f"{where} {named['name']} has no #sha256:...", hint=HOW)
    return CondaPackage(
        name=named["name"], version=named["version"], build=named["build"], url=url, sha256=hashed[1]
    )  # fmt: skip


def _here() -> str:
    """What conda calls this machine."""
    machine = platform.machine().lower()
    return f"{'osx' if sys.platform == 'darwin' else 'linux'}-{ {'x86_64': '64', 'amd64': '64'}.get(machine, machine) }"
