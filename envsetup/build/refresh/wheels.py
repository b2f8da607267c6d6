"""Wheels on the package index, looked into by range requests: megabytes are read where gigabytes lie."""

from __future__ import annotations

import io
import json
import re
import time
import urllib.request
import zipfile
from typing import TYPE_CHECKING, Any

import msgspec

from envsetup.build.simple import Fetcher, UnreachableError
from envsetup.compat.tables import key
from envsetup.model.offers import from_wheel_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envsetup.build.sources import Source

_BLOCK = 1 << 18  # bytes of one request; the directory at a wheel's end fits
_TRIES = 3
_OLD = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}


class Wheel(msgspec.Struct, frozen=True, kw_only=True):
    """A wheel as the index lists it. `size` in bytes; `uploaded`: ISO date."""

    name: str
    version: str
    python: str  # 3.12 or 3.13t; "any" where every Python 3 will do
    platforms: dict[str, str]  # linux-x86_64, ... to the floor of glibc or macOS ("" on Windows)
    url: str
    size: int
    uploaded: str


def listed(place: Source, package: str, fetcher: Fetcher) -> list[Wheel]:
    """The final releases' wheels of a package. Raises UnreachableError, also where the index speaks no PEP 691."""
    page = fetcher.page(f"{(place.url or '').rstrip('/')}/{package}/")
    if page is None or not page[1].endswith("json"):
        raise UnreachableError(f"lists no {package} as JSON (PEP 691)")
    found = (_wheel(file) for file in json.loads(page[0])["files"] if not file.get("yanked"))
    return [wheel for wheel in found if wheel and re.fullmatch(r"[\d.]+", wheel.version)]


def _wheel(file: dict[str, Any]) -> Wheel | None:
    offer = from_wheel_name(file["filename"], "")
    if offer is None or offer.local:
        return None
    python = "any" if offer.python in {"py3", "py2.py3"} else ""
    if exact := re.fullmatch(r"cp3(\d+)", offer.python):
        python = f"3.{exact[1]}" + ("t" if offer.abi.endswith("t") else "")
    platforms: dict[str, str] = {}
    for tag in offer.platform.split("."):
        if place := _platform(tag):
            # A name with two floors is good for the older system.
            name, floor = place
            platforms[name] = min(platforms.get(name, floor), floor, key=key)
    if not python or not platforms:
        return None
    return Wheel(
        name=file["filename"],
        version=offer.version,
        python=python,
        platforms=platforms,
        url=file["url"],
        size=int(file.get("size") or 0),
        uploaded=str(file.get("upload-time", ""))[:10],
    )


def _platform(tag: str) -> tuple[str, str] | None:
    if linux := re.fullmatch(r"(manylinux1|manylinux2010|manylinux2014|manylinux_\d+_\d+)_(x86_64|aarch64)", tag):
        floor = _OLD.get(linux[1]) or linux[1].removeprefix("manylinux_").replace("_", ".")
        return f"linux-{linux[2]}", floor
    if mac := re.fullmatch(r"macosx_(\d+)_(\d+)_(x86_64|arm64)", tag):
        return f"macos-{mac[3]}", f"{mac[1]}.{mac[2]}"
    return ("windows-x86_64", "") if tag == "win_amd64" else None


class _Remote(io.RawIOBase):
    """A file behind HTTP ranges."""

    def __init__(self, wheel: Wheel, fetcher: Fetcher) -> None:
        super().__init__()
        self._wheel, self._fetcher, self._at = wheel, fetcher, 0
        self._have: list[tuple[int, bytes]] = []

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._wheel.size)[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer, as io has it
        end = min(self._wheel.size, self._at + len(buffer))
        data = self.span(self._at, end) if end > self._at else b""
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def span(self, start: int, end: int) -> bytes:
        """Bytes of the file; what was read once is not asked for again."""
        for at, data in self._have:
            if at <= start and end <= at + len(data):
                return data[start - at : end - at]
        last = min(self._wheel.size, max(end, start + _BLOCK))
        first = max(0, min(start, last - _BLOCK))
        data = self._ask(first, last)
        self._have.append((first, data))
        return data[start - first : end - first]

    def _ask(self, first: int, last: int) -> bytes:
        host = self._wheel.url.split("/")[2]
        request = urllib.request.Request(self._wheel.url, headers={"Range": f"bytes={first}-{last - 1}"})  # noqa: S310 - the index named it
        for attempt in range(_TRIES):
            try:
                left = max(0.1, self._fetcher.deadline - time.monotonic())
                with self._fetcher.opener(host).open(request, timeout=left) as answer:
                    data: bytes = answer.read(last - first + 1)
                    whole = answer.status != 206  # noqa: PLR2004 - Partial Content
            except OSError as error:
                if attempt + 1 == _TRIES:
                    raise UnreachableError(f"{self._wheel.name}: {error}") from error
                continue
            if whole or len(data) != last - first:
                raise UnreachableError(f"{self._wheel.name}: the index answers no range requests")
            return data
        raise AssertionError


class Inside:
    """A wheel's members, each read by one request."""

    def __init__(self, wheel: Wheel, fetcher: Fetcher) -> None:
        """Reads the directory at the end of the file. Raises UnreachableError."""
        self._remote = _Remote(wheel, fetcher)
        self._zip = zipfile.ZipFile(self._remote)

    def read(self, ending: str) -> bytes | None:
        """The first member whose path ends so, or None."""
        found = next((i for i in self._zip.infolist() if i.filename.endswith(ending)), None)
        if found is None:
            return None
        start = found.header_offset
        # The header, its name and extra field stand before the data.
        self._remote.span(start, min(start + found.compress_size + 4096, self._remote.seek(0, io.SEEK_END)))
        return self._zip.read(found)

    def metadata(self) -> list[str]:
        """The lines of METADATA's header."""
        text = (self.read(".dist-info/METADATA") or b"").decode("utf-8", "replace")
        return text.partition("\n\n")[0].splitlines()


def required(lines: Iterable[str], package: str) -> str | None:
    """What METADATA asks of a package, as a specifier ("" for any version); None when it does not ask for it."""
    for line in lines:
        if found := re.match(rf"Requires-Dist: {package}\b(?:\[[^\]]*\])?\s*\(?([^;)]*)", line):
            return found[1].replace(" ", "")
    return None
