"""Index pages and folders of wheels: which files a source lists for a package (PEP 503, PEP 691, find-links)."""

from __future__ import annotations

import base64
import json
import re
import ssl
import time
import urllib.error
import urllib.request
from html.parser import HTMLParser
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import msgspec

from envsetup import __version__
from envsetup.build.credentials import credentials

if TYPE_CHECKING:
    from collections.abc import Iterator
    from urllib.response import addinfourl

    from envsetup.build.pipconfig import PipConfig
    from envsetup.build.sources import Source

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_LIMIT = 64 << 20  # bytes of one page; the largest real one is below 20 MB
_HTTP_ERROR, _NOT_FOUND = 400, {404, 410}


class UnreachableError(Exception):
    """A source did not answer; the text is the reason, without secrets."""


class Fetcher(msgspec.Struct, frozen=True, kw_only=True):
    """Reads pages with pip's certificates, proxy, trusted hosts and credentials. `deadline`: time.monotonic()."""

    pip: PipConfig
    deadline: float

    def page(self, url: str) -> tuple[str, str] | None:
        """A page's text and media type, or None when the place answers that there is no such page."""
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        clean = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
        headers = {"Accept": ACCEPT, "User-Agent": f"envsetup/{__version__}"}
        if found := credentials(url, self.pip):
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(found).encode()).decode()
        request = urllib.request.Request(clean, headers=headers)  # noqa: S310 - http, https or file by construction
        try:
            with self.opener(host).open(request, timeout=max(0.1, self.deadline - time.monotonic())) as answer:
                return self._read(answer), answer.headers.get_content_type()
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in _NOT_FOUND:
                return None
            raise UnreachableError(f"answered {error.code} {error.reason}") from error
        except urllib.error.URLError as error:
            raise UnreachableError(_reason(error.reason)) from error
        except (OSError, HTTPException, ValueError) as error:
            raise UnreachableError(_reason(error)) from error

    def _read(self, answer: addinfourl) -> str:
        data = bytearray()
        while chunk := answer.read1(1 << 16):
            data += chunk
            if time.monotonic() > self.deadline:
                raise UnreachableError("answered too slowly")
            if len(data) > _LIMIT:
                raise UnreachableError(f"sent a page of more than {_LIMIT >> 20} MiB")
        return data.decode("utf-8", "replace")

    def opener(self, host: str) -> urllib.request.OpenerDirector:
        """What opens a page of `host` with pip's certificates and proxy."""
        context = ssl.create_default_context()
        if cert := self.pip.cert:
            folder = Path(cert).is_dir()
            context.load_verify_locations(capath=cert if folder else None, cafile=None if folder else cert)
        if self.pip.client_cert:
            context.load_cert_chain(self.pip.client_cert)
        if host in self.pip.trusted_hosts or host.partition(":")[0] in self.pip.trusted_hosts:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        proxies = dict.fromkeys(("http", "https"), self.pip.proxy) if self.pip.proxy else None
        return urllib.request.build_opener(
            urllib.request.ProxyHandler(proxies),
            urllib.request.HTTPSHandler(context=context),
        )


def _reason(error: str | BaseException) -> str:
    """A reason without the number of the error, which says nothing to people."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def file_names(source: Source, package: str, fetcher: Fetcher) -> list[str]:
    """Names of the files that `source` lists for `package` (normalised name); empty when it does not have it.

    Raises UnreachableError when the source as a whole does not answer.
    """
    url = source.url or ""
    if urlsplit(url).scheme == "file":
        return list(_local(Path(unquote(urlsplit(url).path)), source.kind, package))
    if source.kind == "index":
        page = fetcher.page(f"{url.rstrip('/')}/{package}/")
        return [] if page is None else list(_listed(*page))
    page = fetcher.page(url)
    if page is None:
        raise UnreachableError("answered 404: no such page")
    return [name for name in _listed(*page) if _project(name) == package]


def _local(path: Path, kind: str, package: str) -> Iterator[str]:
    if not path.exists():
        raise UnreachableError("no such file or folder")
    try:
        if kind == "index":
            page = path / package / "index.html"
            yield from _listed(page.read_text("utf-8"), "text/html") if page.exists() else ()
            return
        names = _listed(path.read_text("utf-8"), "text/html") if path.is_file() else (f.name for f in path.iterdir())
        yield from (name for name in names if _project(name) == package)
    except (OSError, UnicodeDecodeError) as error:
        raise UnreachableError(str(error)) from error


def _project(filename: str) -> str:
    return re.sub(r"[-_.]+", "-", filename.partition("-")[0]).lower()


def _listed(text: str, media_type: str) -> Iterator[str]:
    if media_type.endswith("json"):
        try:
            files = json.loads(text)["files"]
            yield from (str(file["filename"]) for file in files if not file.get("yanked"))
        except (ValueError, KeyError, TypeError) as error:
            raise UnreachableError(f"sent an index page that is not PEP 691: {error}") from error
        return
    parser = _Links()
    parser.feed(text)
    yield from parser.names


class _Links(HTMLParser):
    """The last path component of every link that is not yanked."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "a" and found.get("href") and "data-yanked" not in found:
            self.names.append(unquote(urlsplit(urljoin("/", found["href"] or "")).path.rpartition("/")[2]))
