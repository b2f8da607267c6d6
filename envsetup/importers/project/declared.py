"""pyproject.toml and environment.yml."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from envsetup.importers.project.requirements import all_of, requirement, variant_of
from envsetup.importers.project.yaml import Lined, read_yaml
from envsetup.model.project import Place, Requirement, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# conda's names of what pip calls otherwise.
CONDA = re.compile(r"(?:[\w.-]+::)?([\w.-]+?)\s*(?:(==|=|>=|<=|>|<|!=|~=)\s*([\w.*]+)(?:=\S*)?)?(,.*)?")
CONDA_NAMES = {"pytorch": "torch", "pytorch-gpu": "torch", "pytorch-cpu": "torch", "tensorflow-gpu": "tensorflow"}


def read_pyproject(text: str, file: str, system: str = "linux") -> Scope:
    """PEP 621 with uv's indexes, or Poetry's own table. Raises ValueError for what is no TOML."""
    data = tomllib.loads(text)
    project, tool = _table(data, "project"), _table(data, "tool")
    lines = text.splitlines()
    texts = [item for item in project.get("dependencies", []) if isinstance(item, str)]
    found = all_of(((item, _line(lines, item)) for item in texts), file, system)
    poetry = _table(_table(tool, "poetry"), "dependencies")
    found += [item for item in _poetry(poetry, lines, file, system) if item.name != "python"]
    requires = project.get("requires-python") or _spec(poetry.get("python", ""))
    sources = _table(tool, "uv").get("index", []), _table(tool, "poetry").get("source", [])
    indexes = [entry for group in sources if isinstance(group, list) for entry in group if isinstance(entry, dict)]
    index = next((name for entry in indexes if (name := variant_of(str(entry.get("url", ""))))), None)
    return Scope(file=file, kind="pyproject", requirements=found, index=index, python=str(requires) or None)


def _table(data: dict[str, Any], name: str) -> dict[str, Any]:
    value = data.get(name, {})
    return value if isinstance(value, dict) else {}


def _line(lines: list[str], text: str) -> int:
    return next((number for number, line in enumerate(lines, 1) if text in line), 0)


def _poetry(table: dict[str, Any], lines: list[str], file: str, system: str) -> Iterator[Requirement]:
    for name, value in table.items():
        spec = value.get("version", "") if isinstance(value, dict) else value
        if not isinstance(spec, str):
            continue
        number = next((n for n, line in enumerate(lines, 1) if re.match(rf"\s*[\"']?{re.escape(name)}\b", line)), 0)
        found = requirement(f"{name}{_spec(spec)}", Place(file, number), system)
        if found:
            yield found


def _spec(text: object) -> str:
    """Poetry's carets and tildes as PEP 440: ^2.1 is >=2.1,<3."""
    parts = []
    for part in str(text).split(","):
        caret = re.fullmatch(r"\s*([\^~])\s*(\d+(?:\.\d+)*)\s*", part)
        if caret:
            numbers = caret[2].split(".")
            at = 0 if caret[1] == "^" and numbers[0] != "0" else min(1, len(numbers) - 1)
            upper = ".".join([*numbers[:at], str(int(numbers[at]) + 1)])
            parts.append(f">={caret[2]},<{upper}")
        elif re.fullmatch(r"\s*\d+(?:\.\d+)*\s*", part):
            parts.append(f"=={part.strip()}")
        elif part.strip() != "*":
            parts.append(part.strip())
    return ",".join(part for part in parts if part)


def read_conda(text: str, file: str, system: str = "linux") -> Scope:
    """environment.yml. Raises UnreadableYamlError."""
    data = read_yaml(text)
    entries = data.get("dependencies") if isinstance(data, Lined) else None
    lines = text.splitlines()
    found: list[Requirement] = []
    python = index = None
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, str):
            item = _conda(entry, Place(file, _line(lines, entry)))
            python = item.spec.removeprefix("==").removesuffix(".*") if item and item.name == "python" else python
            found += [item] if item and item.name != "python" else []
        elif isinstance(entry, Lined) and isinstance(entry.get("pip"), list):
            pip = [line for line in entry["pip"] if isinstance(line, str)]
            index = next((name for line in pip if line.startswith("-") and (name := variant_of(line))), index)
            found += all_of(((line, _line(lines, line)) for line in pip if not line.startswith("-")), file, system)
    return Scope(file=file, kind="conda", requirements=found, index=index, python=python or None)


def _conda(text: str, place: Place) -> Requirement | None:
    """`channel::name=1.2=build` and `name>=1.2`; one = means a series."""
    found = CONDA.fullmatch(text.strip())
    if not found:
        return None
    name, operator, version = found[1].lower(), found[2], found[3]
    exact = version and (operator == "==" or (operator == "=" and version.count(".") > 1))
    series = f"=={version}.*" if operator == "=" else f"{operator}{version}"
    spec = "" if not version else f"=={version}" if exact else series.replace(".*.*", ".*")
    return requirement(f"{CONDA_NAMES.get(name, name)}{spec}", place)
