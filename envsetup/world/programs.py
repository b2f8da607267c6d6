"""Modules that run as programs of their own: they need a file, also where envsetup itself is imported from a zip."""

from __future__ import annotations

import importlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def program(package: str, name: str) -> Iterator[Path]:
    """The file of module `name` in `package`, such as ("envsetup.probe.children", "nvml"); a copy in a zip's case."""
    path = Path(str(importlib.import_module(package).__file__)).with_name(f"{name}.py")
    if path.is_file():
        yield path
        return
    from importlib import resources  # noqa: PLC0415 - 30 ms, and only the fleet's bundle needs it

    with resources.as_file(resources.files(package) / path.name) as copy:
        yield copy
