"""What AMD's tools print: `rocm-smi` and `amd-smi` by GPU, `rocminfo` by agent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envsetup.importers.facts import Facts
    from envsetup.importers.page import Page

# GPU[0]          : Card Series:          AMD Instinct MI300X OAM
_SMI = re.compile(r"GPU\[(\d{1,3})\]\s*:\s*([A-Za-z][\w ()]{1,40}?)\s*:\s*(.+)")
_NAMES = ("card series", "device name", "market name")
# GPU: 0  /  MARKET_NAME: AMD Instinct MI300X  /  TARGET_GRAPHICS_VERSION: gfx942
_AMD_SMI = re.compile(r"(GPU|MARKET_NAME|TARGET_GRAPHICS_VERSION):\s*(\S.{0,80})")
# Marketing Name:          AMD Radeon RX 7900 XTX
_AGENT = re.compile(r"(Name|Marketing Name|Device Type):\s*(\S.{0,80})")
_GFX = re.compile(r"gfx[0-9a-f]{3,5}")
_MIB = 1 << 20


def read(page: Page, facts: Facts) -> bool:
    """Fill in facts; True when the text holds the output of one of these tools."""
    return any([_rocm_smi(page, facts), _amd_smi(page, facts), _rocminfo(page, facts)])


def _rocm_smi(page: Page, facts: Facts) -> bool:
    if "GPU[" not in page.joined:
        return False
    found = False
    for number, line in enumerate(page.bare):
        match = _SMI.match(line)
        if match is None:
            continue
        index, key, value = int(match[1]), match[2].lower(), match[3].strip()
        found = True
        page.claim(number)
        if key in _NAMES and not value.startswith("0x"):
            facts.gpu("amd", index, name=_spelled(value))
        elif key == "gfx version" and _GFX.fullmatch(value):
            facts.gpu("amd", index, gfx=value)
        elif key == "vram total memory (b)" and value.isdigit():
            facts.gpu("amd", index, memory_mib=int(value) // _MIB)
        else:
            facts.gpu("amd", index)
    return found


def _amd_smi(page: Page, facts: Facts) -> bool:
    if "MARKET_NAME" not in page.joined:
        return False
    index = None
    for number, line in enumerate(page.bare):
        match = _AMD_SMI.match(line)
        if match is None:
            continue
        page.claim(number)
        if match[1] == "GPU":
            index = int(match[2]) if match[2].isdigit() else None
        elif index is not None:
            is_name = match[1] == "MARKET_NAME"
            facts.gpu("amd", index, **({"name": _spelled(match[2])} if is_name else {"gfx": match[2]}))
    return index is not None


def _rocminfo(page: Page, facts: Facts) -> bool:
    """Agents are processors and GPUs; those with a gfx target are GPUs, numbered as they come."""
    if "Marketing Name" not in page.joined or "gfx" not in page.joined:
        return False
    index, gfx = 0, ""
    for number, line in enumerate(page.bare):
        match = _AGENT.match(line)
        if match is None:
            continue
        page.claim(number)
        key, value = match[1], match[2].strip()
        if key == "Name":
            gfx = value if _GFX.fullmatch(value) else ""
        elif key == "Marketing Name" and gfx:
            facts.gpu("amd", index, gfx=gfx, **({"name": _spelled(value)} if value else {}))
            index, gfx = index + 1, ""
    return index > 0


def _spelled(name: str) -> str:
    return " ".join(name.split())
