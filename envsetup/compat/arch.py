"""Does compiled GPU code run on a GPU: binary code (sm_XY) of the same major, or PTX (compute_XY) on a new driver."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Literal, Optional

import msgspec

from envsetup.compat.tables import key

if TYPE_CHECKING:
    from collections.abc import Sequence

# Tegra's GPUs take code built for exactly them, and no desktop GPU takes theirs: CUDA C++ Programming Guide,
# "Binary Compatibility": it holds "only for the desktop" within a major.
TEGRA = frozenset({"3.2", "5.3", "6.2", "7.2", "8.7"})


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How a build serves a GPU. `entry` is the list's entry that serves it (sm_86, compute_90); `text` explains."""

    by: Literal["cubin", "ptx", "no"]
    entry: Optional[str] = None
    text: str

    def __bool__(self) -> bool:
        return self.by != "no"


@cache
def capability(entry: str) -> str:
    """The compute capability of an entry: "sm_86" and "compute_86" are "8.6", "sm_120" and "sm_120a" are "12.0"."""
    digits = re.sub(r"\D", "", entry)
    return f"{digits[:-1]}.{digits[-1]}" if digits else ""


def covers(arch_list: Sequence[str], cc: str, *, native_driver: bool = True) -> Coverage:
    """Whether a build compiled for `arch_list` (sm_XY, compute_XY) runs on a GPU of compute capability `cc`.

    `native_driver`: the driver is at least as new as the build's toolkit; without it the driver compiles no PTX.
    """
    best = _cubin(arch_list, cc)
    if best is not None:
        return Coverage(by="cubin", entry=best, text=f"{best} code runs on compute capability {cc}")
    ptx = [e for e in arch_list if e.startswith("compute_") and key(capability(e)) <= key(cc)]
    if ptx and cc not in TEGRA:
        entry = max(ptx, key=lambda e: key(capability(e)))
        if native_driver:
            return Coverage(by="ptx", entry=entry, text=f"{entry} PTX is compiled for {cc} by the driver on first run")
        return Coverage(by="no", text=f"only {entry} PTX, which this driver is too old to compile")
    known = " ".join(arch_list) or "none"
    return Coverage(by="no", text=f"no code for compute capability {cc} (has {known})")


def _cubin(arch_list: Sequence[str], cc: str) -> str | None:
    want = key(cc)
    fits: list[tuple[tuple[int, ...], str]] = []
    if not want:
        return None
    for entry in arch_list:
        have = capability(entry)
        if not entry.startswith("sm_") or not have:
            continue
        if cc in TEGRA or have in TEGRA:
            if have == cc:
                fits.append((key(have), entry))
        elif key(have)[0] == want[0] and key(have) <= want:
            fits.append((key(have), entry))
    return max(fits)[1] if fits else None
