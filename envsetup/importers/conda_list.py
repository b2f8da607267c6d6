"""`conda list`, `conda list --export`, and the `[conda]` rows of collect_env.

Trap: rows of the channel `pypi` repeat what pip installed; they are pip's, not conda's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.importers import pip_list

if TYPE_CHECKING:
    from envsetup.importers.facts import Facts
    from envsetup.importers.page import Page

_NAME = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,80}"
_VERSION = r"v?\d[A-Za-z0-9._+!]{0,60}"
_BUILD = r"[A-Za-z0-9_.*]{1,80}"
_TAGGED = re.compile(rf"\[conda\]\s+({_NAME})\s+({_VERSION})\s+({_BUILD})(?:\s+(\S{{1,80}}))?\s*$")
_ROW = re.compile(rf"({_NAME})\s+({_VERSION})\s+({_BUILD})(?:\s+(\S{{1,80}}))?\s*$")
_EXPORT = re.compile(rf"({_NAME})=({_VERSION})=({_BUILD})()\s*$")
_HEAD = re.compile(r"#?\s*name\s+version\s+build", re.IGNORECASE)
_SIGN = re.compile(r"py\d{2,3}|h[0-9a-f]{5,8}|_\d+$|pypi|mkl|main|^\d+$")
_MIN_ROWS = 4


def read(page: Page, facts: Facts) -> bool:
    """Fill in conda's packages; True when rows of such a list were found."""
    rows = 0
    for number, line in enumerate(page.bare):
        match = _line(line)
        if match:
            _add(page, facts, number, match)
            rows += 1
        elif line.startswith("[conda]"):
            page.claim(number)
    return rows + _table(page, facts) > 0


def _line(line: str) -> re.Match[str] | None:
    if line.startswith("[conda]"):
        return _TAGGED.match(line)
    return _EXPORT.match(line) if line.count("=") == 2 and "==" not in line else None  # noqa: PLR2004 - name=version=build


def _table(page: Page, facts: Facts) -> int:
    """Rows below the head; without a head, only a long block of rows whose third word looks like a build."""
    rows = 0
    inside = False
    block: list[tuple[int, re.Match[str]]] = []
    for number, line in enumerate(page.bare):
        if _HEAD.match(line):
            inside = True
            page.claim(number)
            continue
        match = _ROW.match(line) if line and not page.claimed(number) else None
        if match and (inside or _SIGN.search(match.group(3))):
            block.append((number, match))
            continue
        if line:
            rows += _keep(page, facts, block, inside=inside)
            block, inside = [], False
    return rows + _keep(page, facts, block, inside=inside)


def _keep(page: Page, facts: Facts, block: list[tuple[int, re.Match[str]]], *, inside: bool) -> int:
    if not inside and len(block) < _MIN_ROWS:
        return 0
    for number, match in block:
        _add(page, facts, number, match)
    return len(block)


def _add(page: Page, facts: Facts, number: int, match: re.Match[str]) -> None:
    page.claim(number)
    name, version, build, channel = match.groups()
    if channel == "pypi" or build.startswith("pypi"):
        pip_list.add(facts, name, version)
        return
    facts.conda_package(name, f"{version} {build}")
    if name == "pytorch":
        _pytorch(facts, version, build)


def _pytorch(facts: Facts, version: str, build: str) -> None:
    """The build string tells the variant: py3.8_cuda11.3_cudnn8.2.0_0, cuda112py39h..., py3.8_cpu_0, cpu_generic..."""
    facts.framework("torch", version=version)
    cuda = re.search(r"cuda(\d{2})(\d)(?=py|_|h|$)|cuda_?(\d{1,2}\.\d)", build)
    if cuda:
        facts.framework("torch", cuda=cuda.group(3) or f"{cuda.group(1)}.{cuda.group(2)}")
    elif re.search(r"(?:^|_)cpu(?:_|$)", build):
        facts.framework("torch", variant="cpu", cuda=None)
