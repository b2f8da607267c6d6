"""The bundle: one file, a shell script to the host and a zip to its Python, that answers in JSON whatever it meets."""

from __future__ import annotations

import hashlib
import io
import shutil
import zipfile
from importlib.metadata import version
from importlib.resources import files as resources
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import platformdirs

from envsetup.fleet.carried import BUILDING, MODULES, Files, carry
from envsetup.fleet.precompiled import precompiled
from envsetup.resources import templates_root
from envsetup.world.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from importlib.abc import Traversable  # where Python 3.10 has it

# The rooms that look and judge; what presents stays at home.
ROOMS = ("model", "world", "probe", "importers", "compat", "doctor", "smoke", "data")
# More, for a bundle that makes environments. `_templates` is where the wheel has them.
BUILDING_ROOMS = ("resolve", "render", "build")
BUILDING_SINGLE = ("resources.py", "fleet/agent/make.py")
BUILDING_TEMPLATES = ("venv", "jupyter")
LOCK = "site/requirements.lock"  # the lock that hosts install, where there is one
SINGLE = (
    *("__init__.py", "report/__init__.py", "report/clean.py"),
    *("fleet/__init__.py", "fleet/agent/__init__.py", "fleet/agent/main.py"),
    *("fleet/agent/together.py", "fleet/agent/pairs.py"),
)
HEADER = "header"
OUTSIDE = {HEADER: "header.sh", "__main__.py": "launcher.py"}
SUFFIXES = (".py", ".json")
EPOCH = (1980, 1, 1, 0, 0, 0)  # equal contents are equal bytes


class Bundle(NamedTuple):
    """The file's bytes, which platforms it serves, and which it cannot and why."""

    data: bytes
    serves: list[str]
    missing: dict[str, str]


def make_bundle(building: Collection[str] = ()) -> Bundle:
    """Make it from this envsetup and the modules that its doctor needs.

    `building`: platforms such as x86_64-glibc on which it makes environments too; uv is brought for each.
    """
    carried = carry(building)
    own = _own(building=bool(building))
    buffer = io.BytesIO()
    buffer.write(own.pop(HEADER))
    files = {**own, **carried.files}
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as bundle:
        for path, data in sorted({**files, **precompiled(files)}.items()):
            _write(bundle, path, data)
    tags = {path.split("/")[1] for path in carried.files if path.startswith("native/cpython")}
    return Bundle(buffer.getvalue(), sorted(tags), carried.missing)


def cached_bundle(say: Callable[[str], None], building: Collection[str] = ()) -> str:
    """The path of a bundle in the user's cache folder, made once for each version of its parts.

    One that lacks a platform is made again the next time, when its parts may be had.
    """
    parts = hashlib.sha256()
    for path, data in sorted(_own(building=bool(building)).items()):
        parts.update(f"{path} {len(data)}\n".encode() + data)
    for name in (*MODULES, *(BUILDING if building else ())):
        parts.update(f"{name} {version(name)}\n".encode())
    parts.update(" ".join(sorted(building)).encode())
    folder = Path(platformdirs.user_cache_dir("envsetup", appauthor=False)) / "agent"
    whole, partial = (folder / f"{parts.hexdigest()[:16]}{end}.pyz" for end in ("", "-partial"))
    if not whole.exists():
        say("making the bundle that hosts will run (once)")
        folder.mkdir(parents=True, exist_ok=True)
        made = make_bundle(building)
        if made.missing:
            say(f"the bundle serves only {', '.join(made.serves)}; `envsetup fleet bundle` says why")
        whole = partial if made.missing else whole
        write_whole(str(whole), made.data, mode=0o755)
    return str(whole)


def with_lock(bundle: str, lock: str, folder: Path) -> str:
    """The path of a copy of the bundle in `folder` whose hosts install this lock."""
    path = folder / f"{hashlib.sha256(lock.encode()).hexdigest()[:16]}.pyz"
    shutil.copy(bundle, path)
    with zipfile.ZipFile(path, "a") as copy:
        _write(copy, LOCK, lock.encode())
    return str(path)


def _own(*, building: bool = False) -> Files:
    """The project's own files by their path in the bundle; the header stands before it under its own name."""
    package = resources("envsetup")
    agent = package.joinpath("fleet/agent")
    found = {
        HEADER: agent.joinpath("header.sh").read_bytes(),
        "__main__.py": agent.joinpath("launcher.py").read_bytes(),
    }
    single, rooms = (SINGLE + BUILDING_SINGLE, ROOMS + BUILDING_ROOMS) if building else (SINGLE, ROOMS)
    found |= {f"site/envsetup/{path}": package.joinpath(path).read_bytes() for path in single}
    for name in BUILDING_TEMPLATES if building else ():
        files = (entry for entry in templates_root().joinpath(name).iterdir() if entry.is_file())
        found |= {f"site/envsetup/_templates/{name}/{file.name}": file.read_bytes() for file in files}
    for room in rooms:
        found |= {f"site/envsetup/{path}": data for path, data in _tree(package.joinpath(room), room)}
    return found


def _tree(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        path = f"{prefix}/{entry.name}"
        if entry.is_dir():
            yield from _tree(entry, path)
        elif entry.name.endswith(SUFFIXES):
            yield path, entry.read_bytes()


def _write(bundle: zipfile.ZipFile, path: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(path, EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    bundle.writestr(entry, data)
