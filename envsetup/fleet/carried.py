"""The modules that the bundle brings along: one set for all, and compiled parts for each Python, processor and libc."""

from __future__ import annotations

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
    from envsetup.build.uv import Uv

MODULES = {"msgspec": "msgspec", "psutil": "psutil", "nvidia-ml-py": "pynvml"}  # distribution to what it installs
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
FETCHES = 4  # at once

Files = dict[str, bytes]


class Carried(NamedTuple):
    """Files of a bundle by their path in it, and the platforms that it cannot serve, with the reason."""

    files: Files
    missing: dict[str, str]


def carry() -> Carried:
    """What the doctor needs beside itself, in the versions that this envsetup runs with, for every platform.

    The part of this machine's own platform comes from the running environment, the others from the user's configured
    package sources; what cannot be had is named, and the bundle does without.
    """
    own = _modules(Path(str(sys.modules["msgspec"].__file__)).parents[1])
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
    return Carried(files, missing)


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
        return _modules(Path(folder)) if ended.ok else uv.error(f"Python {python}, {platform}", ended, FETCH_TIMEOUT)


def _modules(site: Path) -> Files:
    """The Python files and compiled parts of the modules in a site folder."""
    single = [site / f"{module}.py" for module in MODULES.values()]
    inside = (path for module in MODULES.values() for path in (site / module).rglob("*"))
    return {
        path.relative_to(site).as_posix(): path.read_bytes()
        for path in sorted([*single, *inside])
        if path.is_file() and path.suffix in {".py", COMPILED} and "tests" not in path.parts
    }
