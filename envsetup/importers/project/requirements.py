"""requirements.txt, the arguments of pip install, and PEP 508 lists."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name

from envsetup.model.project import Place, Requirement

if TYPE_CHECKING:
    from collections.abc import Iterable

INDEX = re.compile(r"/whl/(?:nightly/|test/)?(cu\d+|cpu|rocm[\d.]+|xpu)(?:[/_]|$)")
ELSEWHERE = re.compile(r"[/\\]|^\.|\.whl$|\.tar\.gz$|\.zip$|\$\{|\{\{")  # a path, an address, or filled in later
INDEX_OPTIONS = ("--index-url", "-i", "--extra-index-url", "-f", "--find-links")
WITH_VALUE = (
    *INDEX_OPTIONS,
    "-r",
    "--requirement",
    "-c",
    "--constraint",
    "--python",
    "-p",
    "--prefix",
    "-t",
    "--target",
)


class Listed(NamedTuple):
    """Requirements, the variant that an index names, the files that are read as well, and lines that pip refuses."""

    requirements: list[Requirement]
    variant: str | None
    files: list[str]
    refused: dict[str, str]  # place to text


def variant_of(address: str) -> str | None:
    """The build variant in an index address of PyTorch."""
    found = INDEX.search(address + "/")
    return found[1] if found else None


def requirement(text: str, place: Place, system: str = "linux") -> Requirement | None:
    """One PEP 508 line; None for what is none, or what is meant for another system."""
    try:
        parsed = Pep508(text.strip())
    except InvalidRequirement:
        return None
    names = {"linux": "Linux", "windows": "Windows", "macos": "Darwin"}
    platforms = {"linux": "linux", "windows": "win32", "macos": "darwin"}
    here = {"platform_system": names.get(system, "Linux"), "sys_platform": platforms.get(system, "linux"), "extra": ""}
    if parsed.marker and not parsed.marker.evaluate(here):
        return None
    spec, extras = str(parsed.specifier), tuple(sorted(parsed.extras))
    return Requirement(name=canonicalize_name(parsed.name), spec=spec, place=place, extras=extras)


def read_requirements(text: str, file: str, system: str = "linux") -> Listed:
    """A requirements file."""
    listed = Listed([], None, [], {})
    joined = text.replace("\\\n", " \n")
    for number, raw in enumerate(joined.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        if not line:
            continue
        words = line.replace("=", " ", 1).split() if line.startswith("--") else line.split()
        if line.startswith("-"):
            listed = _option(listed, words)
            continue
        bare, place = re.sub(r"\s--[a-z-]+[= ]\S+", "", line), Place(file, number)
        found = requirement(bare, place, system)
        if found:
            listed.requirements.append(found)
        elif not (_is_requirement(bare) or ELSEWHERE.search(bare)):
            listed.refused[str(place)] = f"not a requirement: {bare[:80]}"
    return listed


def _is_requirement(text: str) -> bool:
    """Also where it is meant for another system."""
    try:
        return bool(Pep508(text.strip()))
    except InvalidRequirement:
        return False


def _option(listed: Listed, words: list[str]) -> Listed:
    name, value = words[0], words[1] if len(words) > 1 else ""
    if name in INDEX_OPTIONS:
        return listed._replace(variant=variant_of(value) or listed.variant)
    if name in ("-r", "--requirement") and value:
        listed.files.append(value)
    return listed


def read_install(command: str, place: Place, system: str = "linux") -> Listed:
    """What `pip install` (or `uv pip install`) is told in a shell line; nothing of the shell is run."""
    listed = Listed([], None, [], {})
    for part in re.split(r"&&|\|\||;|\n", command):
        found = re.search(r"\bpip3?\s+install\s+(.*)", part)
        if not found:
            continue
        try:
            words = shlex.split(found[1])
        except ValueError:
            continue
        listed = _install_words(listed, words, place, system)
    return listed


def _install_words(listed: Listed, words: list[str], place: Place, system: str) -> Listed:
    remaining = iter(words)
    for word in remaining:
        name, _, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if name in WITH_VALUE:
            listed = _option(listed, [name, value or next(remaining, "")])
        elif not word.startswith("-"):
            found = requirement(word, place, system)
            if found:
                listed.requirements.append(found)
    return listed


def all_of(texts: Iterable[tuple[str, int]], file: str, system: str = "linux") -> list[Requirement]:
    """A list of PEP 508 texts with their lines."""
    found = (requirement(text, Place(file, line), system) for text, line in texts)
    return [item for item in found if item]
