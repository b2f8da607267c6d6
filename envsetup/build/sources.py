"""Where packages come from: pip's configuration and `--source`, as one value that uv and envsetup's own look share."""

from __future__ import annotations

import hashlib
import importlib.resources
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Optional, Union
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

import msgspec

from envsetup.model.codec import decode
from envsetup.model.errors import InputError
from envsetup.model.redact import redact, secrets_of
from envsetup.render.quoting import CONTROL

if TYPE_CHECKING:
    from envsetup.build.pipconfig import PipConfig
    from envsetup.model.plan import Plan

DEFAULT = "pypi"  # the name of the default index, whatever its address
OFFICIAL = "pytorch"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One place. kind: index (PEP 503), links (a folder or page of files); `url` may hold a secret, `name` never."""

    name: str
    kind: Literal["index", "links"]
    url: Optional[str]  # None: uv's default index

    @property
    def local(self) -> bool:
        """Whether it lies on this machine."""
        return urlsplit(self.url or "").scheme == "file"


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """`frameworks` are asked for the frameworks' wheels; `all` are what uv installs from. First choice first."""

    frameworks: list[Source]
    all: list[Source]
    pip: PipConfig

    @property
    def secrets(self) -> frozenset[str]:
        """Every password in any address or proxy."""
        urls = [source.url for source in [*self.all, *self.frameworks] if source.url]
        return frozenset().union(*(secrets_of(url) for url in [*urls, self.pip.proxy or "", *self.pip.constraints]))

    def digest(self) -> str:
        """What a lock made from these sources depends on; secrets do not count."""
        told = [(s.kind, label(s.url or DEFAULT)) for s in [*self.all, *self.frameworks]]
        content = [(path, _content(path)) for path in self.pip.constraints]
        data = msgspec.json.encode([told, content, self.pip.no_index, self.pip.prereleases])
        return hashlib.sha256(data).hexdigest()


class _Wheels(msgspec.Struct, frozen=True):
    kind: Literal["index", "links"]
    url: str


class _Official(msgspec.Struct, frozen=True):
    index: str
    all_variants: str


class _Mirror(msgspec.Struct, frozen=True):
    index: str
    pytorch: Union[_Wheels, None] = None


class _Table(msgspec.Struct, frozen=True):
    official: dict[str, _Official]
    mirrors: dict[str, _Mirror]


@cache
def _table() -> _Table:
    data = importlib.resources.files("envsetup.data").joinpath("sources.json").read_bytes()
    return decode(data, _Table)


def mirror_names() -> list[str]:
    """What `--source` accepts by name beside official and pypi."""
    return list(_table().mirrors)


def check(choice: str) -> None:
    """Raises InputError when `--source` names nothing that exists; nothing is asked."""
    if choice not in {"official", DEFAULT} and choice not in _table().mirrors:
        _given(choice)


def gather(pip: PipConfig, choice: str | None, variants: list[str]) -> Sources:
    """The sources of a command.

    `choice` is `--source`: official, pypi, a mirror's name, a URL or a folder; None asks pip's configuration and the
    official index. It decides where frameworks come from; what they depend on comes from pip's configured places too,
    beside a folder only from those that lie on this machine: who names a folder wants nothing from a network, as with
    pip's `--no-index --find-links`. `variants` are the builds that a mirror with one address per build is asked for.

    Raises InputError for a name, an address or a folder that does not exist.
    """
    configured = _configured(pip)
    official = Source(name=OFFICIAL, kind="index", url=_table().official[OFFICIAL].all_variants)
    if choice is None:
        asked = configured if pip.no_index else [*configured, official]
        return Sources(frameworks=asked, all=configured, pip=pip)
    if choice == "official":
        return Sources(frameworks=[official], all=configured, pip=pip)
    if choice == DEFAULT:
        default = [source for source in configured if source.name == DEFAULT] or [_default(pip)]
        return Sources(frameworks=default, all=configured, pip=pip)
    if mirror := _table().mirrors.get(choice):
        return _from_mirror(choice, mirror, variants, pip)
    given = _given(choice)
    if given.local:
        return _on_this_machine(given, configured, pip)
    return Sources(frameworks=[given], all=[given, *configured], pip=pip)


def for_plan(sources: Sources, plan: Plan) -> Sources:
    """The sources that uv needs to install `plan`: the official index of its build joins where it was chosen."""
    variants = {p.variant for p in plan.packages if p.index == OFFICIAL and p.variant}
    address = _table().official[OFFICIAL].index
    official = [Source(name=OFFICIAL, kind="index", url=address.format(variant=v)) for v in sorted(variants)]
    return msgspec.structs.replace(sources, all=[*sources.all, *official])


def _configured(pip: PipConfig) -> list[Source]:
    for url in [*pip.find_links, *pip.extra_index_urls, pip.index_url or ""]:
        if "://" in url:
            address(url, "pip's configuration:")
    links = [Source(name=label(url), kind="links", url=as_url(url)) for url in pip.find_links]
    if pip.no_index:
        return links
    extra = [Source(name=label(url), kind="index", url=as_url(url)) for url in pip.extra_index_urls]
    return [*links, _default(pip), *extra]


def _default(pip: PipConfig) -> Source:
    return Source(name=DEFAULT, kind="index", url=as_url(pip.index_url) if pip.index_url else None)


def _from_mirror(name: str, mirror: _Mirror, variants: list[str], pip: PipConfig) -> Sources:
    index = Source(name=name, kind="index", url=mirror.index)
    wheels = [
        Source(name=name, kind=mirror.pytorch.kind, url=mirror.pytorch.url.format(variant=variant))
        for variant in variants
        if mirror.pytorch
    ]
    # A user who names a mirror cannot or does not want to reach the default index.
    kept = [source for source in _configured(pip) if source.name != DEFAULT]
    pip = msgspec.structs.replace(pip, index_url=mirror.index, no_index=False)
    return Sources(frameworks=[index, *wheels], all=[index, *wheels, *kept], pip=pip)


def _on_this_machine(given: Source, configured: list[Source], pip: PipConfig) -> Sources:
    """A folder, and of what is configured only what needs no network."""
    places = [given, *(source for source in configured if source.local and source != given)]
    # Without a default index of its own uv would ask the public one.
    index = next((source.url for source in places if source.kind == "index"), None)
    pip = msgspec.structs.replace(pip, index_url=index, no_index=True)
    return Sources(frameworks=[given], all=places, pip=pip)


def address(text: str, where: str) -> SplitResult:
    """The parts of an address. Raises InputError naming `where` it stands, when it is none or would be two words."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - worked out only when it is asked for
    except ValueError as error:
        raise InputError(f"{where} {redact(text)!a}: no address: {error}") from None
    if CONTROL.search(text) or " " in text:
        raise InputError(f"{where} {redact(text)!a}: an address without blanks and control characters is accepted")
    return parts


def _given(choice: str) -> Source:
    parts = address(choice, "--source") if "://" in choice else urlsplit("")
    if "://" in choice and parts.scheme not in {"http", "https", "file"}:
        raise InputError(f"--source {redact(choice)}: accepted are http, https and file URLs")
    if "://" in choice and parts.scheme != "file":
        if not parts.hostname:
            raise InputError(f"--source {redact(choice)}: the address names no host")
        return Source(name=label(choice), kind="index", url=choice)
    folder = Path(unquote(parts.path) if "://" in choice else choice).expanduser().absolute()
    if not folder.is_dir():
        names = ", ".join(["official", DEFAULT, *mirror_names()])
        raise InputError(f"--source {choice}: neither a folder nor a known name; names are {names}")
    kind: Literal["index", "links"] = "links" if any(folder.glob("*.whl")) else "index"
    return Source(name=str(folder), kind=kind, url=as_url(str(folder)))


def as_url(place: str) -> str:
    """A path as file URL without the characters that separate places in uv's variables; a URL stays."""
    if "://" in place:
        return place
    return Path(place).expanduser().absolute().as_uri().replace(",", "%2C")


def label(place: str) -> str:
    """A place as it may be shown: a path, or a URL without credentials and query."""
    if "://" not in place:
        return str(Path(place).expanduser().absolute())
    parts = urlsplit(place)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _content(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
