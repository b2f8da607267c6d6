"""Text into Markdown (CommonMark), where it stands for itself alone."""

from __future__ import annotations

import re

from envsetup.render.quoting import comment

# A backslash before any of ASCII's punctuation takes its meaning away; . _ - + within a word have none.
_SPECIAL = re.compile(r"(?<=[A-Za-z0-9])[._+-](?=[A-Za-z0-9])|([!-/:-@\[-`{-~])")


def markdown(value: object) -> str:
    """Inline text of one line."""
    return _SPECIAL.sub(lambda found: f"\\{found[1]}" if found[1] else found[0], comment(value))
