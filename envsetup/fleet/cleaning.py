"""Text that strangers sent, made harmless: one line, no control characters, no changes of writing direction."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def clean(text: str, limit: int = 300) -> str:
    """One harmless line of at most `limit` characters."""
    line = _CONTROL.sub(" ", text[: 4 * limit]).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def clean_host(name: str) -> str:
    """A file's name as a host's name."""
    return re.sub(r"[^A-Za-z0-9_.:%@+-]+", "_", name)[:253] or "_"


def excerpt(data: bytes) -> str:
    """The beginning of what was sent, quoted."""
    return repr(clean(data[:400].decode("utf-8", "replace"), 60))
