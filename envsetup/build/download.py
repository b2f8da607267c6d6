"""A file from an index into a folder: resumed where a line broke, and there only when its hash is right."""

from __future__ import annotations

import base64
import errno
import hashlib
import http.client
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import msgspec

from envsetup import __version__
from envsetup.build.credentials import credentials
from envsetup.build.simple import Fetcher
from envsetup.build.uv import NoSpaceError
from envsetup.model.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.client import HTTPResponse
    from pathlib import Path

    from envsetup.build.sources import Sources

TRIES = 4  # of one file; each goes on where the last one ended
_TIMEOUT = 30.0  # seconds without a byte
_BLOCK = 1 << 18
_FULL = {errno.ENOSPC, errno.EDQUOT}
_PARTIAL, _NOT_SATISFIABLE = 206, 416


class Downloader(msgspec.Struct, frozen=True, kw_only=True):
    """Fetches with the certificates, proxy and credentials of the sources."""

    sources: Sources

    def size(self, url: str) -> int | None:
        """The length in bytes that a server announces, or None."""
        try:
            with self._open(url, "HEAD", {}) as answer:
                length = answer.headers.get("Content-Length")
                return int(length) if length else None
        except (OSError, ValueError, http.client.HTTPException):
            return None

    def fetch(self, url: str, target: Path, sha256: str, tick: Callable[[], None]) -> None:
        """Put the file of this hash at `target`. What came before a failure stays in a `.part` file for the next run.

        Raises BuildError with one line.
        """
        part = target.with_name(f"{target.name}.part")
        for left in range(TRIES - 1, -1, -1):
            try:
                self._go_on(url, part, tick)
                break
            except urllib.error.HTTPError as error:
                error.close()
                if error.code != _NOT_SATISFIABLE or not left:
                    raise BuildError(f"{target.name}: its source answered {error.code} {error.reason}") from error
                part.unlink(missing_ok=True)  # longer than the file: of something else
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, OSError) and error.errno in _FULL:
                    raise NoSpaceError(f"{target.parent}: no space left on the device") from error
                if not left:
                    reason = getattr(error, "reason", None) or error
                    raise BuildError(
                        f"{target.name}: the download broke off: {reason}; the next run goes on"
                    ) from error
                time.sleep(0.2)
        if digest(part, tick) != sha256:
            part.unlink()
            raise BuildError(f"{target.name}: its source sent another file than the lock names (hash mismatch)")
        part.replace(target)

    def _go_on(self, url: str, part: Path, tick: Callable[[], None]) -> None:
        there = part.stat().st_size if part.exists() else 0
        with self._open(url, "GET", {"Range": f"bytes={there}-"} if there else {}) as answer:
            begun = answer.status == _PARTIAL and answer.headers.get("Content-Range", "").startswith(f"bytes {there}-")
            expected = answer.headers.get("Content-Length")
            came = 0
            with part.open("ab" if begun else "wb") as file:
                while block := answer.read(_BLOCK):
                    file.write(block)
                    came += len(block)
                    tick()
        if expected is not None and came < int(expected):
            raise http.client.IncompleteRead(b"", int(expected) - came)

    def _open(self, url: str, method: str, headers: dict[str, str]) -> HTTPResponse:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"}:
            raise BuildError(f"{parts.path.rpartition('/')[2]}: an address of http or https is needed")
        host = parts.netloc.rpartition("@")[2]
        known = [source.url for source in self.sources.all if source.url]
        if found := credentials(url, self.sources.pip, known):
            headers = headers | {"Authorization": "Basic " + base64.b64encode(":".join(found).encode()).decode()}
        clean = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
        headers = headers | {"User-Agent": f"envsetup/{__version__}"}
        request = urllib.request.Request(clean, headers=headers, method=method)  # noqa: S310 - http or https only
        opener = Fetcher(pip=self.sources.pip, deadline=0.0).opener(host)
        answer: HTTPResponse = opener.open(request, timeout=self.sources.pip.timeout or _TIMEOUT)
        return answer


def digest(path: Path, tick: Callable[[], None]) -> str:
    """SHA-256 of a file."""
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            hashed.update(block)
            tick()
    return hashed.hexdigest()
