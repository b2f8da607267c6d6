"""User and password of an index, from where pip takes them: its address, netrc, or the keyring if pip was told so."""

from __future__ import annotations

import netrc
import os
import shutil
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envsetup.build.pipconfig import PipConfig

_DEADLINE = 30.0  # seconds; a keyring may ask its user


def credentials(url: str, pip: PipConfig, known: Iterable[str] = ()) -> tuple[str, str] | None:
    """User and password for `url`, or None. `known` are addresses whose credentials count for their whole host."""
    parts = urlsplit(url)
    same = (other for other in map(urlsplit, known) if other.hostname == parts.hostname and other.port == parts.port)
    named = next((one for one in (parts, *same) if one.username), None)
    if named is not None and named.password is not None:
        return unquote(named.username or ""), unquote(named.password)
    user = unquote(named.username or "") if named is not None else None
    if (found := _netrc(parts.hostname or "")) and user in {None, found[0]}:
        return found
    if user is not None and pip.keyring_provider == "subprocess" and (password := _keyring(url, user)):
        return user, password
    return (user, "") if user is not None else None  # a token alone


def _netrc(host: str) -> tuple[str, str] | None:
    try:
        found = netrc.netrc(os.environ.get("NETRC") or None).authenticators(host)
    except (OSError, netrc.NetrcParseError):
        return None
    return (found[0] or found[1] or "", found[2] or "") if found else None


def _keyring(url: str, user: str) -> str | None:
    """What the command `keyring` knows, by address and by host, as pip and uv ask it."""
    from envsetup.build import process  # noqa: PLC0415 - only where pip was told to use it

    binary = shutil.which("keyring")
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    for service in (f"{parts.scheme}://{host}{parts.path}", host) if binary else ():
        ended = process.run([str(binary), "get", service, user], env=os.environ, timeout=_DEADLINE)
        if ended.ok and ended.stdout.strip():
            return ended.stdout.strip()
    return None
