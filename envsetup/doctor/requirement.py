"""What pip could not find, and why: its own list of versions and the tables of wheels tell the causes apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.compat import tensorflow, torch
from envsetup.compat.tables import at_least, key
from envsetup.doctor.builds import processor, system
from envsetup.doctor.symptoms import limit
from envsetup.model.maybe import known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case
    from envsetup.model.symptom import SymptomHit

_RULE = "no-matching"
_WANTED = re.compile(
    r"(?:requirement|distribution found for) ([A-Za-z][\w.-]{1,60}?)(?:\[[\w,-]{1,60}\])?"
    r"(?:==(\d[\w.]{0,20})(?:\+\w{1,12})?)?(?=[\s<>=!~(;+]|$)"
)
_OFFERED = re.compile(r"\(from versions: ([^)]{0,4000})\)?")
_FRAMEWORKS = {"torch": torch, "tensorflow": tensorflow, "tensorflow-gpu": tensorflow}


def cause(case: Case, hit: SymptomHit) -> str | None:
    """The code that a "no matching distribution" message means here, or None when nothing decides."""
    if hit.rule != _RULE:
        return None
    wanted = _WANTED.search(hit.text)
    if wanted is None:
        return None
    name, version = wanted.group(1).lower(), wanted.group(2)
    if _no_wheel_for_python(case, name, version):
        return "python-unsupported"
    offered = _OFFERED.search(hit.text)
    if offered is None:
        return None
    return "pip-too-old" if _pip_cannot_see(case, offered.group(1)) else _by_list(name, version, offered.group(1))


def _no_wheel_for_python(case: Case, name: str, version: str | None) -> bool:
    """Whether the release is known, and has wheels for this system but none for this Python."""
    have = known(case.python.version)
    table = _FRAMEWORKS.get(name)
    if have is None or table is None:
        return False
    release = version or table.releases()[0].version
    pythons = table.pythons(release, system(case), processor(case))
    return bool(pythons) and ".".join(have.split(".")[:2]) not in pythons


def _pip_cannot_see(case: Case, offered: str) -> bool:
    """An empty list from a pip that does not know today's wheel tags, for a Python that has wheels."""
    pip = case.packages.get("pip")
    return offered.strip() in ("", "none") and pip is not None and not at_least(pip, limit("pip-manylinux2014"))


def _by_list(name: str, version: str | None, offered: str) -> str | None:
    """Pip lists what fits this interpreter: only newer ones means the Python is too new for the wanted release."""
    versions = [key(item) for item in re.findall(r"\d[\w.]*", offered)]
    if not versions:
        return "python-unsupported" if name in _FRAMEWORKS else None
    if version and min(versions) > key(version):
        return "python-unsupported"
    return None
