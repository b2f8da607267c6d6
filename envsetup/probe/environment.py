"""The target environment, read statically: works for broken, foreign and read-only ones. Nothing of it is imported."""

from __future__ import annotations

import re
from posixpath import join
from typing import TYPE_CHECKING

from envsetup.model.machine import Machine
from envsetup.model.maybe import UNKNOWN, Maybe
from envsetup.model.software import Environment, Python
from envsetup.probe.damage import damage
from envsetup.probe.distributions import conda_packages, read_distributions
from envsetup.probe.frameworks import bundled_libraries, frameworks, unreadable
from envsetup.probe.interpreters import LIBRARY, python_at
from envsetup.probe.kernelspecs import kernelspecs
from envsetup.probe.place import Place, find_place

if TYPE_CHECKING:
    from envsetup.probe.look import Look

MANIFEST = "envsetup.json"  # what `create` leaves in an environment


def probe_environment(look: Look) -> Machine:
    """Facts `environment` and `python`."""
    place = find_place(look)
    if place is None:
        return Machine(environment=look.unknown("environment", "no environment is active and no Python is on PATH"))
    python = _python(look, place)
    folders = site_packages(look, place, python)
    found = read_distributions(look, folders)
    conda = conda_packages(look, place.prefix) if place.kind == "conda" else UNKNOWN
    return Machine(
        python=python,
        environment=Environment(
            kind=place.kind,
            path=place.prefix,
            python=python,
            base=place.setting("home") or None if place.kind == "venv" else UNKNOWN,
            site_packages=folders,
            include_system_site=place.setting("include-system-site-packages").lower() == "true",
            packages=found.packages,
            conda_packages=conda,
            requires=found.requires,
            frameworks=frameworks(look, folders, found.packages),
            bundled=bundled_libraries(look, folders),
            installer=found.installer,
            duplicates=found.duplicates,
            kernelspecs=kernelspecs(look, place.prefix),
            user_packages=_user_packages(look, python) if place.kind == "conda" else UNKNOWN,
            externally_managed=_externally_managed(look, place, python),
            problems=[*damage(look, place, python), *found.problems, *unreadable(look, folders)],
            created_by_envsetup=look.exists(join(place.prefix, MANIFEST)),
        ),
    )


def _python(look: Look, place: Place) -> Python:
    """A venv's version stands in pyvenv.cfg; conda's in conda-meta; else the interpreter's files tell it."""
    base = python_at(look, place.interpreter) if place.interpreter else Python()
    written = place.setting("version_info") or place.setting("version")
    if place.kind == "conda":
        written = (conda_packages(look, place.prefix).get("python") or "").split(" ")[0]
    full = re.match(r"\d+\.\d+\.\d+", written)
    stated = full[0] if full else UNKNOWN
    version = stated if _same_minor(stated, base.version) else base.version
    look.reasons.pop("pythons.version", None)
    return Python(
        bits=base.bits,
        arch=base.arch,
        version=version
        if isinstance(version, str)
        else look.unknown("python.version", "no file of it tells its version"),
        free_threaded=base.free_threaded if isinstance(base.free_threaded, bool) else _threaded(look, place),
        implementation=base.implementation,
        executable=place.interpreter or UNKNOWN,
    )


def _same_minor(stated: Maybe[str], real: Maybe[str]) -> bool:
    """Whether what a file states may be believed: the interpreter behind it was not exchanged since."""
    if not isinstance(stated, str) or not isinstance(real, str):
        return isinstance(stated, str)
    return stated.split(".")[:2] == real.split(".")[:2]


def _threaded(look: Look, place: Place) -> Maybe[bool]:
    found = [found for found in map(LIBRARY.fullmatch, look.names(join(place.prefix, "lib"))) if found]
    return any(match[2] for match in found) if found else UNKNOWN


def site_packages(look: Look, place: Place, python: Python) -> list[str]:
    """The folders that Python would import from, in its order."""
    library = join(place.prefix, "lib")
    names = [name for name in look.names(library) if LIBRARY.fullmatch(name)]
    minor = _minor_version(python)
    own = [name for name in names if name.rstrip("t") == f"python{minor}"] or (names if len(names) == 1 else [])
    folders = [join(library, name, "site-packages") for name in own]
    if place.kind == "system" or place.setting("include-system-site-packages").lower() == "true":
        folders += _system_folders(look, place, minor)
    return [folder for folder in dict.fromkeys(folders) if look.exists(folder)]


def _minor_version(python: Python) -> str:
    return ".".join(python.version.split(".")[:2]) if isinstance(python.version, str) else ""


def _user_folder(look: Look, minor: str) -> str:
    home = str(look.system("home") or "/")
    return join(look.variable("PYTHONUSERBASE") or join(home, ".local"), f"lib/python{minor}/site-packages")


def _user_packages(look: Look, python: Python) -> Maybe[dict[str, str]]:
    """Python puts the user's folder before the environment's own; a venv alone leaves it out."""
    if not _minor_version(python):
        return UNKNOWN
    if look.variable("PYTHONNOUSERSITE"):
        return {}
    return read_distributions(look, [_user_folder(look, _minor_version(python))]).packages


def _externally_managed(look: Look, place: Place, python: Python) -> Maybe[bool]:
    """By the marker that distributions put beside the standard library."""
    if place.kind != "system" or not _minor_version(python):
        return False if place.kind == "venv" else UNKNOWN
    return look.exists(join(place.prefix, f"lib/python{_minor_version(python)}", "EXTERNALLY-MANAGED"))


def _system_folders(look: Look, place: Place, minor: str) -> list[str]:
    """The user's folder first, then what the distribution adds: Debian moves its packages to dist-packages."""
    prefix = place.prefix if place.kind == "system" else place.setting("home").removesuffix("/bin")
    return [
        _user_folder(look, minor),
        f"/usr/local/lib/python{minor}/dist-packages",
        join(prefix, f"lib/python{minor}/site-packages"),
        join(prefix, f"lib64/python{minor}/site-packages"),
        "/usr/lib/python3/dist-packages",
    ]
