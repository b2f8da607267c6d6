"""The bundle: one file, a shell script to the host and a zip to its Python, that answers in JSON whatever it meets."""

from __future__ import annotations

import io
import zipfile
from importlib.resources import files as resources
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.abc import Traversable  # where Python 3.10 has it

# The rooms that look and judge; what builds, renders and presents stays at home.
ROOMS = ("model", "world", "probe", "importers", "compat", "doctor", "data")
SINGLE = ("__init__.py", "fleet/__init__.py", "fleet/agent/__init__.py", "fleet/agent/main.py")
SUFFIXES = (".py", ".json")
EPOCH = (1980, 1, 1, 0, 0, 0)  # equal contents are equal bytes


class Bundle(NamedTuple):
    """The file's bytes, which platforms it serves, and which it cannot and why."""

    data: bytes
    serves: list[str]
    missing: dict[str, str]


def make_bundle() -> Bundle:
    """Make it from this envsetup and the modules that its doctor needs."""
    from envsetup.fleet.carried import carry  # noqa: PLC0415 - brings uv's machinery

    carried = carry()
    agent = resources("envsetup.fleet.agent")
    buffer = io.BytesIO()
    buffer.write(agent.joinpath("header.sh").read_bytes())
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as bundle:
        _write(bundle, "__main__.py", agent.joinpath("launcher.py").read_bytes())
        own = {f"site/envsetup/{path}": data for path, data in _own()}
        for path, data in sorted({**own, **carried.files}.items()):
            _write(bundle, path, data)
    tags = {path.split("/")[1] for path in carried.files if path.startswith("native/cpython")}
    return Bundle(buffer.getvalue(), sorted(tags), carried.missing)


def _own() -> Iterator[tuple[str, bytes]]:
    package = resources("envsetup")
    for path in SINGLE:
        yield path, package.joinpath(path).read_bytes()
    for room in ROOMS:
        yield from _tree(package.joinpath(room), room)


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
