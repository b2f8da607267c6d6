"""What the build of an image must know and no layer may hold: pip's configuration, netrc, certificate authorities."""

from __future__ import annotations

import netrc
import os
from pathlib import Path
from typing import TYPE_CHECKING

from envsetup.world.files import home

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.build.sources import Sources

_AUTHORITIES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def pip_conf(sources: Sources) -> str:
    """The configuration of pip for the inside of the build; folders of this machine are not seen there and left out."""
    return "[global]\n" + "".join(f"{key} = {value}\n" for key, value in _options(sources))


def _options(sources: Sources) -> Iterator[tuple[str, str]]:
    pip = sources.pip
    far = [source for source in sources.all if source.url and not source.local]
    default = pip.index_url if pip.index_url and "://" in pip.index_url else None
    indexes = [s.url for s in far if s.kind == "index" and s.url and s.url != default]
    links = [s.url for s in far if s.kind == "links" and s.url]
    # The files of local folders are in the context; where all places are such, nothing else is asked.
    if pip.no_index or (pip.index_url and not default and not far):
        yield "no-index", "true"
    if default and not default.startswith("file:"):
        yield "index-url", default
    if indexes:
        yield "extra-index-url", " ".join(indexes)
    if links:
        yield "find-links", " ".join(links)
    if pip.proxy:
        yield "proxy", pip.proxy
    if pip.trusted_hosts:
        yield "trusted-host", " ".join(pip.trusted_hosts)
    if pip.timeout:
        yield "timeout", f"{pip.timeout:g}"


def write(sources: Sources, folder: Path) -> dict[str, Path]:
    """Build secrets by id. What must be written goes into `folder`, for the owner alone; the caller removes it."""
    given = {}
    path = folder / "pip.conf"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(pip_conf(sources))
    given["pip_conf"] = path
    if login := _netrc():
        given["netrc"] = login
    if authority := _authority(sources):
        given["ca"] = authority
    return given


def values(sources: Sources) -> frozenset[str]:
    """Everything that must not show up in a message."""
    login = _netrc()
    try:
        hosts = netrc.netrc(str(login)).hosts if login else {}
    except (OSError, netrc.NetrcParseError):
        hosts = {}
    return sources.secrets | {password for _, _, password in hosts.values() if password}


def _netrc() -> Path | None:
    path = Path(os.environ.get("NETRC") or home() / ".netrc")
    return path if path.is_file() and os.access(path, os.R_OK) else None


def _authority(sources: Sources) -> Path | None:
    places = [sources.pip.cert, *(os.environ.get(name) for name in _AUTHORITIES)]
    return next((Path(place) for place in places if place and Path(place).is_file()), None)
