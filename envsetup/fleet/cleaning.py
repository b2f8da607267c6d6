"""Text that strangers sent, made harmless and short."""

from __future__ import annotations

import re

from envsetup.report.clean import clean as harmless


def clean(text: str, limit: int = 300) -> str:
    """One harmless line of at most `limit` characters."""
    line = harmless(text[: 4 * limit]).strip("? ")
    return line if len(line) <= limit else line[: limit - 1] + "…"


def clean_host(name: str) -> str:
    """A file's name as a host's name."""
    return re.sub(r"[^A-Za-z0-9_.:%@+-]+", "_", name)[:253] or "_"


def excerpt(data: bytes) -> str:
    """The beginning of what was sent, quoted."""
    return repr(clean(data[:400].decode("utf-8", "replace"), 60))
