"""The modules that the bundle brings along: one set for all, and compiled parts for each Python, processor and libc."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

from envsetup.build.decide import uv_for
from envsetup.build.pipconfig import read_pip_config
from envsetup.build.sources import gather
from envsetup.fleet.agent.launcher import platform_tag
from envsetup.model.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from envsetup.build.uv import Uv

MODULES = {"msgspec": "msgspec", "psutil": "psutil", "nvidia-ml-py": "pynvml"}  # distribution to what it installs
# More, for a bundle that makes environments; none needs a compiled part. Python 3.10 reads locks with tomli.
BUILDING = {
    "jinja2": "jinja2",
    "markupsafe": "markupsafe",
    "packaging": "packaging",
    "platformdirs": "platformdirs",
    "uv": "uv",
}
TOMLI = "tomli>=2.0.1"
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
# A host's platform, and uv's name for the oldest system of that kind that wheels are made for.
PLATFORMS = {
    "x86_64-glibc": "x86_64-manylinux_2_17",
    "aarch64-glibc": "aarch64-manylinux_2_17",
    "x86_64-musl": "x86_64-unknown-linux-musl",
    "aarch64-musl": "aarch64-unknown-linux-musl",
}
COMPILED = ".so"
FETCH_TIMEOUT = 45.0  # seconds for the wheels of one platform, 1 MB; a source that needs more is not asked again
ENGINE_TIMEOUT = 300.0  # seconds for uv itself, 20 MB
FETCHES = 4  # at once

Files = dict[str, bytes]


class Carried(NamedTuple):
    """Files of a bundle by their path in it, and the platforms that it cannot serve, with the reason."""

    files: Files
    missing: dict[str, str]


def carry(building: Collection[str] = ()) -> Carried:
    """What the doctor needs beside itself, in the versions that this envsetup runs with, for every platform.

    For the platforms in `building` it brings what makes environments too, uv among it.

    The part of this machine's own platform comes from the running environment, the others from the user's configured
    package sources; what cannot be had is named, and the bundle does without.
    """
    own = _modules(_site("msgspec"), MODULES)
    files = {f"site/{path}": data for path, data in own.items() if not path.endswith(COMPILED)}
    files |= _native(platform_tag(), own)
    wanted = {f"cpython-{python.replace('.', '')}-{name}": (python, name) for python in PYTHONS for name in PLATFORMS}
    wanted.pop(platform_tag(), None)
    uv = uv_for(gather(read_pip_config(), None, []), offline=False)
    silent = Event()
    missing: dict[str, str] = {}
    with ThreadPoolExecutor(FETCHES) as pool:
        for tag, answer in zip(
            wanted, pool.map(lambda target: _fetch(uv, silent, *target), wanted.values()), strict=True
        ):
            if isinstance(answer, BuildError):
                missing[tag] = answer.message
            else:
                files |= _native(tag, answer)
    if building:
        files |= _builders()
        more = [_tomli(uv), *(_engine(uv, platform) for platform in building)]
        for part in more:
            files |= part.files
            missing |= part.missing
    return Carried(files, missing)


def _builders() -> Files:
    """The Python files of what makes environments, and what says which uv it is."""
    files: Files = {}
    for name, module in BUILDING.items():
        found = _modules(_site(module), {name: module})
        files |= {f"site/{path}": data for path, data in found.items() if not path.endswith(COMPILED)}
    about = f"uv-{version('uv')}.dist-info/METADATA"
    return files | {f"site/{about}": f"Metadata-Version: 2.1\nName: uv\nVersion: {version('uv')}\n".encode()}


def _tomli(uv: Uv) -> Carried:
    with tempfile.TemporaryDirectory(prefix="envsetup-bundle-") as folder:
        where = ["--target", folder, "--python", sys.executable, "--python-version", "3.10", "--no-deps"]
        # A build without compiled parts does for all platforms.
        what = ["--python-platform", PLATFORMS["aarch64-musl"], "--only-binary", ":all:", TOMLI]
        ended = uv.run("pip", "install", *where, *what, timeout=FETCH_TIMEOUT)
        if not ended.ok:
            return Carried({}, {"tomli": uv.error("what reads locks on Python 3.10", ended, FETCH_TIMEOUT).message})
        found = _modules(Path(folder), {"tomli": "tomli"})
    return Carried({f"site/{path}": data for path, data in found.items() if not path.endswith(COMPILED)}, {})


def _engine(uv: Uv, platform: str) -> Carried:
    """The engine for a platform: the running one where that fits, else from the user's package sources."""
    place = f"programs/{platform}/uv"
    if platform_tag().endswith(platform):
        return Carried({place: Path(uv.binary).read_bytes()}, {})
    if platform not in PLATFORMS:
        return Carried({}, {platform: "no uv is known for this platform"})
    with tempfile.TemporaryDirectory(prefix="envsetup-bundle-") as folder:
        where = ["--target", folder, "--python", sys.executable, "--python-version", PYTHONS[0]]
        what = ["--python-platform", PLATFORMS[platform], "--only-binary", ":all:", f"uv=={version('uv')}"]
        ended = uv.run("pip", "install", *where, *what, timeout=ENGINE_TIMEOUT)
        if not ended.ok:
            return Carried({}, {platform: uv.error(f"uv for {platform}", ended, ENGINE_TIMEOUT).message})
        return Carried({place: (Path(folder) / "bin" / "uv").read_bytes()}, {})


def _native(tag: str, modules: Files) -> Files:
    """Compiled parts under their tag; those of the stable ABI serve every Python and are kept once."""
    stable = f"abi3-{tag.split('-', 2)[2]}"
    return {
        f"native/{stable if '.abi3.' in path else tag}/{path}": data
        for path, data in modules.items()
        if path.endswith(COMPILED)
    }


def _fetch(uv: Uv, silent: Event, python: str, platform: str) -> Files | BuildError:
    """The modules as wheels of another platform bring them, or why they cannot be had."""
    if silent.is_set():
        return BuildError("not asked: the package source did not answer for another platform")
    pins = "\n".join(f"{name}=={version(name)}" for name in MODULES)
    with tempfile.TemporaryDirectory(prefix="envsetup-bundle-") as folder:
        where = ["--target", folder, "--python", sys.executable]
        what = ["--python-version", python, "--python-platform", PLATFORMS[platform], "--only-binary", ":all:"]
        try:
            ended = uv.run("pip", "sync", "-", *where, *what, timeout=FETCH_TIMEOUT, stdin=pins)
        except BuildError as error:
            return error
        if ended.returncode is None:
            silent.set()
        return (
            _modules(Path(folder), MODULES)
            if ended.ok
            else uv.error(f"Python {python}, {platform}", ended, FETCH_TIMEOUT)
        )


def _site(module: str) -> Path:
    """The site folder that an importable module lies in."""
    found = importlib.util.find_spec(module)
    return Path(str(found.origin)).parents[1] if found else Path()


def _modules(site: Path, modules: Mapping[str, str]) -> Files:
    """The Python files and compiled parts of the modules in a site folder."""
    single = [site / f"{module}.py" for module in modules.values()]
    inside = (path for module in modules.values() for path in (site / module).rglob("*"))
    return {
        path.relative_to(site).as_posix(): path.read_bytes()
        for path in sorted([*single, *inside])
        if path.is_file() and path.suffix in {".py", COMPILED} and "tests" not in path.parts
    }
