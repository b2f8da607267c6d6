"""What is broken about an environment, each reason one plain clause."""

from __future__ import annotations

import re
import shlex
from posixpath import dirname, isabs, join
from typing import TYPE_CHECKING

from envsetup.probe.interpreters import LIBRARY, version_at

if TYPE_CHECKING:
    from envsetup.model.software import Python
    from envsetup.probe.look import Look
    from envsetup.probe.place import Place

SCRIPTS = ("pip", "pip3", "torchrun", "jupyter", "ipython", "tensorboard")
ACTIVATE = re.compile(r"^\s*(?:export )?VIRTUAL_ENV=(['\"/].*)$", re.MULTILINE)


def damage(look: Look, place: Place, python: Python) -> list[str]:
    """The reasons, empty for an environment that is whole as far as its files tell."""
    if not look.exists(place.prefix):
        return [f"{place.prefix} does not exist"]
    if place.kind == "unknown":
        return [f"{place.prefix} holds no Python environment"]
    ladder = [*_venv(look, place)] if place.kind == "venv" else []
    return [*ladder, *_interpreter(look, place), *_minor(look, place, python), *_moved(look, place)]


def _venv(look: Look, place: Place) -> list[str]:
    if not place.configuration:
        return [f"{join(place.prefix, 'pyvenv.cfg')} is missing or empty"]
    home = place.setting("home")
    if home and not look.exists(home):
        return [f"its base Python is gone: {home} (pyvenv.cfg) does not exist"]
    return []


def _interpreter(look: Look, place: Place) -> list[str]:
    """A name in the folder's listing that does not exist is a link to nothing."""
    if place.interpreter is None:
        return [f"{join(place.prefix, 'bin')} holds no python"]
    stat = look.stat(place.interpreter)
    if stat is not None:
        return (
            []
            if stat.executable or stat.kind != "file" or stat.mode & 0o111
            else [f"{place.interpreter} is not executable"]
        )
    listed = place.interpreter.rsplit("/", 1)[-1] in look.names(dirname(place.interpreter))
    return [f"{place.interpreter} is a link to nothing" if listed else f"{place.interpreter} does not exist"]


def _minor(look: Look, place: Place, python: Python) -> list[str]:
    """Packages live in lib/pythonX.Y; an interpreter of another minor version does not see them."""
    if place.kind != "venv" or place.interpreter is None:
        return []
    libraries = [name for name in look.names(join(place.prefix, "lib")) if LIBRARY.fullmatch(name)]
    real = look.real_path(place.interpreter)
    version, _ = version_at(look, real, dirname(dirname(real)))
    look.reasons.pop("pythons.version", None)
    version = version if isinstance(version, str) else python.version
    if not libraries or not isinstance(version, str):
        return []
    minor = ".".join(version.split(".")[:2])
    if any(name.rstrip("t") == f"python{minor}" for name in libraries):
        return []
    return [f"its Python is {minor} now, its packages are in lib/{libraries[0]}"]


def _moved(look: Look, place: Place) -> list[str]:
    """Scripts and the activation carry absolute paths: those of another folder mean that it was moved or copied."""
    bin_folder = join(place.prefix, "bin")
    reasons = []
    activated = _activated(look.text(join(bin_folder, "activate")))
    if place.kind == "venv" and activated and _elsewhere(look, activated, place.prefix):
        reasons.append(f"bin/activate points to {activated}: the environment was moved or copied")
    script = next((name for name in look.names(bin_folder) if name in SCRIPTS), None)
    started = _started(look.text(join(bin_folder, script), limit=4096)) if script else ""
    if place.kind != "system" and started and _elsewhere(look, dirname(dirname(started)), place.prefix):
        reasons.append(f"bin/{script} starts {started}: the environment was moved or copied")
    return reasons


def _started(script: str) -> str:
    """The interpreter of a console script: `#!PATH`, or where PATH is long or has spaces `#!/bin/sh` and exec."""
    lines = [*script.split("\n", 2), "", ""]
    try:
        words = (
            shlex.split(lines[1].removeprefix("'''exec'")) if lines[0] == "#!/bin/sh" else [lines[0].removeprefix("#!")]
        )
    except ValueError:
        words = []
    return words[0].strip() if lines[0].startswith("#!") and words and isabs(words[0]) and "$" not in words[0] else ""


def _activated(script: str) -> str:
    """The folder that the script activates, unquoted as the shell would; empty where it works that out itself."""
    found = ACTIVATE.search(script)
    try:
        words = shlex.split(found[1]) if found else []
    except ValueError:
        words = []
    return words[0] if words and isabs(words[0]) and "$" not in words[0] else ""


def _elsewhere(look: Look, path: str, prefix: str) -> bool:
    return look.real_path(path) != look.real_path(prefix)
