"""Whether a build holds code for a GPU, by the build's own list."""

from __future__ import annotations

from typing import Any


def built(facts: dict[str, Any]) -> int:
    """1 when there is code for it: the same major version at or below it, or PTX to compile from; 1 without a list."""
    if "gfx" in facts:
        return int(str(facts["gfx"]).split(":")[0] in [str(arch).split(":")[0] for arch in facts["arch_list"]])
    if "compute_capability" not in facts:
        return 1
    major, minor = (int(part) for part in facts["compute_capability"].split("."))
    for arch in facts["arch_list"]:
        kind, _, number = arch.partition("_")
        digits = "".join(c for c in number if c.isdigit())
        at = int(digits[:-1]), int(digits[-1])
        if (kind == "sm" and at[0] == major and at[1] <= minor) or (kind == "compute" and at <= (major, minor)):
            return 1
    return 0
