"""Text from machines and pasted logs, made safe to show: no control characters, no reversed writing."""

from __future__ import annotations

import re

# C0 and C1 controls (ESC and CSI among them), and the marks that reorder or hide what is read.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def clean(text: str) -> str:
    """One line without anything that a terminal would obey."""
    return _UNSAFE.sub("?", text.replace("\n", " ").replace("\t", " ").replace("\r", " "))


def escape_json(document: str) -> str:
    """JSON text whose strings hold no raw control or reordering character either; the values stay the same."""
    return "\n".join(_UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", line) for line in document.split("\n"))
