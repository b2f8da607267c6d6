"""The processor block of `lscpu`, in any language as far as its values speak, and of Windows' WMI."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.importers import keyed, words
from envsetup.importers.facts import TOOL

if TYPE_CHECKING:
    from envsetup.importers.facts import Facts
    from envsetup.importers.keyed import Entry
    from envsetup.importers.page import Page

# A processor of the last twenty years names these; so a line with both is a flags line in whatever language.
_FLAGS = re.compile(r"\b(?:fpu|sse2)\b.{0,3000}\bsse4_2\b|\bfp asimd\b")
_KEPT = re.compile(r"\b(?:avx\w{0,20}|amx_\w{1,10}|fma|sse4_2|asimd\w{0,6}|sve\w{0,6})\b")
_VENDORS = {"genuineintel": "intel", "authenticamd": "amd", "hisilicon": "hisilicon", "arm": "arm", "apple": "apple"}


def read(page: Page, facts: Facts) -> None:
    """Fill in the processor's facts."""
    keyed.read(page, facts, _KEYS)
    for number, line in enumerate(page.bare):
        if len(line) > 60 and _FLAGS.search(line):  # noqa: PLR2004 - shorter lines are prose about one flag
            facts.put("cpu.flags", sorted(set(_KEPT.findall(line))))
            page.claim(number)
        elif line.startswith("Apple M"):
            facts.put("cpu.model", line)
            page.claim(number)


def _arch(entry: Entry) -> None:
    words.arch(entry.facts, entry.value, TOOL)


def _model(entry: Entry) -> None:
    if entry.value and entry.value != "-":
        entry.facts.put("cpu.model", entry.value)


def _vendor(entry: Entry) -> None:
    entry.facts.put("cpu.vendor", _VENDORS.get(entry.value.lower(), entry.value.lower()))


def _count(entry: Entry) -> None:
    if entry.value.isdigit() and len(entry.value) < 6:  # noqa: PLR2004 - no machine has a million cores
        entry.facts.put("cpu.logical", int(entry.value))


def _nothing(entry: Entry) -> None:
    del entry


_KEYS = {
    "architecture": _arch,
    "model name": _model,
    "name": _model,
    "vendor id": _vendor,
    "manufacturer": _vendor,
    "cpu(s)": _count,
    **dict.fromkeys(
        (
            "cpu op-mode(s)",
            "address sizes",
            "byte order",
            "on-line cpu(s) list",
            "bios vendor id",
            "cpu family",
            "model",
            "thread(s) per core",
            "core(s) per socket",
            "socket(s)",
            "stepping",
            "frequency boost",
            "bogomips",
            "cpu max mhz",
            "cpu min mhz",
            "cpu mhz",
            "virtualization",
            "virtualization type",
            "hypervisor vendor",
            "numa node(s)",
            "l1d cache",
            "l1i cache",
            "l2 cache",
            "l3 cache",
        ),
        _nothing,
    ),
}
