"""pip's own configuration, read the way pip reads it, so that a user who set it once need not set it twice.

Order and rules: https://pip.pypa.io/en/stable/topics/configuration/ (files global, user, site, PIP_CONFIG_FILE, then
PIP_* variables; within files a `[install]` section goes before `[global]`; an empty value counts as not set).
"""

from __future__ import annotations

import configparser
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envsetup.model.errors import InputError
from envsetup.world import files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TRUE = {"1", "y", "yes", "t", "true", "on"}
_SECTIONS = ("global", "install")


class PipConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The options that say where packages come from, and by which file or variable each was set (`origin`)."""

    index_url: str | None = None
    extra_index_urls: list[str] = []
    find_links: list[str] = []
    no_index: bool = False
    cert: str | None = None
    client_cert: str | None = None
    proxy: str | None = None
    trusted_hosts: list[str] = []
    constraints: list[str] = []
    timeout: float | None = None
    keyring_provider: str | None = None
    prereleases: bool = False
    origin: dict[str, str] = {}


def config_files(environ: Mapping[str, str], prefix: Path) -> list[Path]:
    """The configuration files of pip, the weakest first; `prefix` is the environment whose `pip.conf` counts."""
    chosen = environ.get("PIP_CONFIG_FILE", "")
    if chosen == os.devnull:
        return []
    files = [*_global_files(environ)]
    if not (chosen and Path(chosen).exists()):
        files += _user_files(environ)
    files.append(prefix / "pip.conf")
    return [*files, Path(chosen)] if chosen else files


def _global_files(environ: Mapping[str, str]) -> Iterator[Path]:
    if sys.platform == "darwin":
        yield Path("/Library/Application Support/pip/pip.conf")
        return
    # XDG lists the strongest folder first; pip loads them in this order all the same, so the last one wins.
    for folder in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep):
        yield Path(folder) / "pip" / "pip.conf"
    yield Path("/etc/pip.conf")


def _user_files(environ: Mapping[str, str]) -> Iterator[Path]:
    home = Path(environ["HOME"]) if environ.get("HOME") else files.home()
    yield home / ".pip" / "pip.conf"
    library = home / "Library" / "Application Support" / "pip"
    if sys.platform == "darwin" and library.is_dir():
        yield library / "pip.conf"
    else:
        yield Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"


def read_pip_config(environ: Mapping[str, str] | None = None, prefix: Path | None = None) -> PipConfig:
    """The effective configuration of `pip install`.

    `prefix` defaults to the active environment, else to the one that envsetup runs in.
    Raises InputError naming the file when one cannot be parsed, or the option when its value cannot be meant.
    """
    environ = os.environ if environ is None else environ
    prefix = prefix or Path(environ.get("VIRTUAL_ENV") or sys.prefix)
    values: dict[str, tuple[str, str]] = {}
    parsed = [(path, parser) for path in config_files(environ, prefix) if (parser := _parse(path)) is not None]
    for section in _SECTIONS:
        for path, parser in parsed:
            if parser.has_section(section):
                values |= {_key(key): (value, str(path)) for key, value in parser.items(section) if value}
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            values[_key(name[4:])] = (value, name)
    return _typed(values)


def _key(name: str) -> str:
    return name.lower().replace("_", "-").removeprefix("--")


def _parse(path: Path) -> configparser.RawConfigParser | None:
    parser = configparser.RawConfigParser()
    try:
        with path.open(encoding=None if sys.platform == "win32" else "utf-8") as file:
            parser.read_file(file)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None  # pip passes over what it may not read, too
    except (configparser.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as pip's configuration: {str(error).splitlines()[0]}") from error
    return parser


def _typed(values: dict[str, tuple[str, str]]) -> PipConfig:
    # "default-timeout" is what pip calls --timeout inside; both names are accepted.
    if "timeout" not in values and "default-timeout" in values:
        values["timeout"] = values["default-timeout"]

    def text(key: str) -> str | None:
        return values[key][0].strip() if key in values else None

    def listed(key: str) -> list[str]:
        return (text(key) or "").split()

    def path(key: str) -> str | None:
        value = text(key)
        return str(Path(value).expanduser().absolute()) if value else None

    timeout = text("timeout")
    try:
        seconds = float(timeout) if timeout else None
    except ValueError:
        raise InputError(f"{values['timeout'][1]}: timeout must be a number of seconds, not {timeout!r}") from None
    return PipConfig(
        index_url=text("index-url") or text("pypi-url"),
        extra_index_urls=listed("extra-index-url"),
        find_links=listed("find-links"),
        no_index=(text("no-index") or "").lower() in _TRUE,
        cert=path("cert"),
        client_cert=path("client-cert"),
        proxy=text("proxy"),
        trusted_hosts=listed("trusted-host"),
        constraints=listed("constraint"),
        timeout=seconds,
        keyring_provider=text("keyring-provider"),
        prereleases=(text("pre") or "").lower() in _TRUE,
        origin={key: origin for key, (_, origin) in values.items()},
    )
