"""A lock in the standard form of PEP 751, which uv and pip read: `pylock.toml`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.render.quoting import as_toml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.model.lock import Lock, LockedFile

NAME = "pylock.toml"


def pylock(lock: Lock, python: str) -> str:
    """The lock for Python `python` (X.Y), or nothing where the lock does not name its files.

    A file that came from a folder is named relative to the lock: beside its wheels it installs, and no place of the
    maker stands in it. See https://packaging.python.org/en/latest/specifications/pylock-toml/.
    """
    if not all(package.files for package in lock.packages):
        return ""
    return "\n".join(_lines(lock, python))


def _lines(lock: Lock, python: str) -> Iterator[str]:
    yield 'lock-version = "1.0"'
    yield 'created-by = "envsetup"'
    yield f"requires-python = {as_toml(f'=={python}.*')}"
    for package in lock.packages:
        yield ""
        yield "[[packages]]"
        yield f"name = {as_toml(package.name)}"
        yield f"version = {as_toml(package.version)}"
        if package.marker:
            yield f"marker = {as_toml(package.marker)}"
        wheels = [file for file in package.files if file.name.endswith(".whl")]
        if wheels:
            yield "wheels = ["
            yield from (f"  {_file(file)}," for file in sorted(wheels, key=lambda file: file.name))
            yield "]"
        else:
            yield f"sdist = {_file(package.files[0])}"
    yield ""


def _file(file: LockedFile) -> str:
    place = f"url = {as_toml(file.url)}" if file.url else f"path = {as_toml(file.name)}"
    size = f", size = {file.size}" if file.size is not None else ""
    return f"{{ name = {as_toml(file.name)}, {place}{size}, hashes = {{ sha256 = {as_toml(file.sha256)} }} }}"
