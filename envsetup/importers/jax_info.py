"""`jax.print_environment_info()`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.importers import pip_list, prose, words
from envsetup.importers.facts import TOOL

if TYPE_CHECKING:
    from envsetup.importers.facts import Facts
    from envsetup.importers.page import Page

_ROW = re.compile(r"(jax|jaxlib|numpy):\s+(\d[\w.+]{0,40})$")
_UNAME = re.compile(
    r"platform: uname_result\(system='(\w{1,20})'.{0,200}?release='([^']{1,80})'.{0,300}?machine='(\w{1,20})'"
)


def read(page: Page, facts: Facts) -> bool:
    """Fill in facts; True when the text holds such a report."""
    if "jaxlib:" not in page.joined:
        return False
    for number, line in enumerate(page.bare):
        row = _ROW.match(line)
        if row:
            pip_list.add(facts, row.group(1), row.group(2))
        elif line.startswith("python:"):
            words.python(facts, line, TOOL)
        elif line.startswith(("device info:", "jax.devices")):
            _devices(facts, line)
        elif not _platform(facts, line):
            continue
        page.claim(number)
    return True


def _devices(facts: Facts, line: str) -> None:
    if "cpu" in line.lower() and "cuda" not in line.lower():
        facts.framework("jax", cuda_available=False)
    elif "cuda" in line.lower() or "nvidia" in line.lower():
        facts.framework("jax", cuda_available=True)
    prose.gpus(facts, line)


def _platform(facts: Facts, line: str) -> bool:
    match = _UNAME.match(line)
    if match is None:
        return False
    name, release, machine = match.groups()
    words.platform(facts, f"{name}-{release}-{machine}", TOOL)
    return True
