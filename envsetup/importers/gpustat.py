"""`gpustat`: one line per NVIDIA GPU, its number in brackets, heat and use and memory between bars."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envsetup.importers.facts import Facts
    from envsetup.importers.page import Page

_LINE = re.compile(
    r"\[(\d{1,3})\] ([A-Za-z][^|]{2,40}?) *\| *(\d{1,3}) ?['°]C,[^|]{0,40}?(\d{1,3}) % ?(?:,[^|]{0,40})?\| *"
    r"(\d{1,7}) / +?(\d{1,7}) MB"
)


def read(page: Page, facts: Facts) -> bool:
    """Fill in the GPUs; True when a line of the tool is in the text."""
    if " MB" not in page.joined or "C, " not in page.joined:
        return False
    found = False
    for number, line in enumerate(page.bare):
        match = _LINE.match(line.lstrip()) if line.lstrip().startswith("[") else None
        if match is None:
            continue
        index, name, heat, use, used, total = match.groups()
        facts.gpu(
            "nvidia",
            int(index),
            name=name,
            temperature_c=int(heat),
            utilization_pct=int(use),
            memory_used_mib=int(used),
            memory_mib=int(total),
        )
        page.claim(number)
        found = True
    return found
