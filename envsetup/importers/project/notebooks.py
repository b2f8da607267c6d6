"""What notebooks import and install."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import msgspec

from envsetup.importers.project.requirements import read_install
from envsetup.model.project import Import, Place

if TYPE_CHECKING:
    from envsetup.model.project import Requirement

IMPORT = re.compile(r"^\s*(?:import|from)\s+(\w+)", re.MULTILINE)
MAGIC = re.compile(r"^\s*[%!?].*$", re.MULTILINE)


def read_notebook(text: str, file: str) -> tuple[list[Import], list[Requirement]]:
    """Top-level modules and the arguments of `%pip install`. Raises ValueError for what is no notebook."""
    data = msgspec.json.decode(text)
    cells = data.get("cells") if isinstance(data, dict) else None
    if not isinstance(cells, list):
        raise TypeError("no cells: a notebook of format 4 is read")
    modules: dict[str, Import] = {}
    installed: list[Requirement] = []
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        code = "".join(map(str, source)) if isinstance(source, list) else str(source)
        place = Place(f"{file} cell {number}")
        for magic in MAGIC.findall(code):
            installed += read_install(magic.strip().lstrip("%!"), place).requirements
        for module in _modules(MAGIC.sub("", code)):
            modules.setdefault(module, Import(module, place))
    return list(modules.values()), installed


def _modules(code: str) -> list[str]:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return IMPORT.findall(code)  # a cell that is not finished still says what it imports
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append(node.module.partition(".")[0])
    return found
