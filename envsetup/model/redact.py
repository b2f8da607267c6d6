"""Secrets out of text: what stands before the @ of a URL, what its query carries, and every password known by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN = "****"
_USERINFO = re.compile(r"(?<=://)[^/\s@'\"]+@")
_QUERY = re.compile(r"(?<=[?&])([^=&\s#'\"]+)=[^&\s#'\"]+")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without credentials. `secrets` are values to hide wherever they stand, URL or not."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return _QUERY.sub(rf"\1={HIDDEN}", _USERINFO.sub(f"{HIDDEN}@", text))


def secrets_of(url: str) -> set[str]:
    """The password of a URL (or the user name where it stands alone, as tokens do), as written and decoded."""
    parts = urlsplit(url)
    found = {parts.password or parts.username or ""}
    found |= {value for _, _, value in (pair.partition("=") for pair in parts.query.split("&"))}
    return {form for value in found if value for form in (value, unquote(value))}
