"""Installed distributions, by the folders that installers leave: dist-info, egg-info, conda-meta."""

from __future__ import annotations

import re
from posixpath import join
from typing import TYPE_CHECKING

import msgspec

from envsetup.probe.watch import watch

if TYPE_CHECKING:
    from envsetup.probe.look import Look

# The folder's name holds name and version (PEP 427, PEP 627), so most METADATA files need not be opened.
FOLDER = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*?)-(?P<version>\d[^-]*)\.(?:dist-info|egg-info)")
EGG = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*?)-(?P<version>\d[^-]*)(?:-py[\d.]+)?\.egg-info")
CONDA = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-(?P<build>[^-]+)\.json")
LEFTOVER = re.compile(r"~[\w.-]+")


class Distributions(msgspec.Struct, kw_only=True):
    """What the folders hold; names are normalised (PEP 503), the first folder on the path wins."""

    packages: dict[str, str] = {}
    requires: dict[str, list[str]] = {}
    installer: dict[str, str] = {}
    duplicates: dict[str, list[str]] = {}
    problems: list[str] = []


def read_distributions(look: Look, folders: list[str]) -> Distributions:
    """All distributions below these site folders."""
    found = Distributions()
    watched = frozenset(watch().packages)
    for folder in folders:
        here: dict[str, list[str]] = {}
        for entry in look.names(folder):
            match = FOLDER.fullmatch(entry) or EGG.fullmatch(entry)
            if match:
                name = normalise(match["name"])
                here.setdefault(name, []).append(match["version"])
                if name in watched and name not in found.packages:
                    _read_metadata(look, join(folder, entry), name, found)
            elif LEFTOVER.fullmatch(entry):
                found.problems.append(f"{join(folder, entry)} is left over from an interrupted install")
        for name, versions in here.items():
            found.packages.setdefault(name, versions[0])
            if len(versions) > 1:
                found.duplicates[name] = versions
    return found


def conda_packages(look: Look, prefix: str) -> dict[str, str]:
    """Name to "version build" of conda's own records, by their file names."""
    matches = map(CONDA.fullmatch, look.names(join(prefix, "conda-meta")))
    return {match["name"]: f"{match['version']} {match['build']}" for match in matches if match}


def normalise(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _read_metadata(look: Look, folder: str, name: str, found: Distributions) -> None:
    text = look.text(join(folder, "METADATA")) or look.text(join(folder, "PKG-INFO"))
    if not text and folder.endswith(".dist-info"):
        found.problems.append(f"{folder} has no METADATA: {name} is only half installed")
    headers = text.replace("\r\n", "\n").split("\n\n", 1)[0]
    requires = re.findall(r"^Requires-Dist:\s*(.+)$", headers, re.MULTILINE)
    found.requires[name] = [line for line in requires if "extra ==" not in line or line.startswith("nvidia-")]
    installer = look.text(join(folder, "INSTALLER")).strip()
    if installer:
        found.installer[name] = installer
