"""`nvidia-smi -L`: one GPU a line with its UUID, MIG instances below it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envsetup.importers.facts import Facts
    from envsetup.importers.page import Page

_GPU = re.compile(r"GPU (\d{1,3}): (.{2,80}?) \(UUID: [^)]{0,60}\)?")
_MIG = re.compile(r"MIG \d{1,2}[cg]\.\S{1,20}\s+Device\s+\d{1,3}:")


def read(page: Page, facts: Facts) -> bool:
    """Fill in GPUs by index; True when such lines were found."""
    found = False
    last: int | None = None
    for number, line in enumerate(page.bare):
        match = _GPU.match(line) if line.startswith("GPU ") else None
        if match and not page.claimed(number):
            found = True
            last = int(match.group(1))
            facts.gpu("nvidia", last, name=match.group(2).strip())
            page.claim(number)
        elif last is not None and not page.claimed(number) and _MIG.match(line):
            count = facts.gpu_fact("nvidia", last, "mig_instances") or 0
            facts.set_gpu("nvidia", last, mig_instances=count + 1, mig_mode="enabled")
            page.claim(number)
    return found
