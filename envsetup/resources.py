"""The templates' folder: inside the wheel, in the checkout of an editable install, or within a zip file."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sys

    if sys.version_info >= (3, 11):
        from importlib.resources.abc import Traversable
    else:
        from importlib.abc import Traversable


def templates_root() -> Traversable:
    """`envsetup/_templates` as built into the wheel, else `templates` beside the package."""
    package = files("envsetup")
    built = package / "_templates"
    return built if built.is_dir() else package / ".." / "templates"
