"""`create --starter`: a small project to begin with, beside the environment and made for it.

It is the user's from the moment it is written: nothing of envsetup replaces or removes it later.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envsetup.build import locking, planting
from envsetup.build.manifest import LOCK_NAME
from envsetup.build.naming import slug
from envsetup.build.steps import Step, perform
from envsetup.model.errors import InputError
from envsetup.render.quoting import comment

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.build.create import Created, Order
    from envsetup.build.steps import Progress

NAME = "starter"  # the folder that is made where none is named, the template, and what `--with` calls its needs
_PARTS = {"torch": "starter-pytorch", "tensorflow": "starter-tensorflow"}
_TITLES = {"torch": "PyTorch", "tensorflow": "TensorFlow"}
_EXPORTED = {"torch": "model.pt2", "tensorflow": "model"}


def ordered(order: Order, folder: Path) -> Order:
    """The order with what the project's tests need.

    Raises InputError where the project cannot be written, before anything is looked at.
    """
    if folder == order.target or order.target in folder.parents:
        hint = "name the project's folder after an equals sign, --starter=DIR, or PATH before it"
        raise InputError(f"--starter {folder}: this is where the environment goes", hint=hint)
    names, there = _frameworks(order)
    if not any(name in _PARTS for name in names):
        raise InputError(f"--starter: there is a project for {' and '.join(_TITLES.values())}, not for {names[0]}")
    for path in (folder, order.target):
        comment(path)  # what no file of the project can hold is refused now, not after the build
    planting.check(folder, _paths(next(name for name in _PARTS if name in names)))
    wanted = [*order.request.extras, *([NAME] if there and NAME not in order.request.extras else [])]
    return msgspec.structs.replace(order, request=msgspec.structs.replace(order.request, extras=wanted))


def beside(made: Created, order: Order, progress: Progress) -> Created:
    """The result with the project written, or shown where nothing is to be written.

    Raises BuildError where it cannot be written; the environment stays.
    """
    folder = order.starter
    if made.status == "impossible" or folder is None:
        return made
    title = "write the starter project"
    files = rendered(made, order, folder)
    if made.status == "planned":
        shown = {str(folder / name): content.decode() for name, content in files.items()}
        steps = [*made.steps, f"{title}: {folder}"]
        return msgspec.structs.replace(made, steps=steps, files=made.files | shown, starter=str(folder))

    def write(_: Callable[[], None]) -> str:
        planting.plant(folder, files)
        return str(folder)

    timings = perform([Step(id=NAME, title=title, run=write)], progress)
    return msgspec.structs.replace(made, starter=str(folder), timings=[*made.timings, *timings])


def rendered(made: Created, order: Order, folder: Path) -> dict[str, bytes]:
    """The project's files: relative path to content."""
    from envsetup.build.create import summary  # noqa: PLC0415 - it imports this module
    from envsetup.render.templates import render  # noqa: PLC0415 - jinja2 only where something is rendered

    planned = {package.name for package in made.plan.packages}
    framework = next(name for name in _PARTS if name in planned)
    extras, environment = order.request.extras, order.name or order.target.name
    own = order.request.target == "venv" and bool({"jupyter", "vscode"} & set(extras))
    use, rebuild = _lines(order, folder)
    common = {
        "name": folder.name or NAME,
        "slug": slug(folder.name, NAME),
        "framework": _TITLES[framework],
        "summary": summary(made.plan),
        "use": use,
        "rebuild": rebuild,
        "exported": _EXPORTED[framework],
        "kernel": slug(environment, "env") if own else "python3",
        "kernel_title": f"{environment}: {summary(made.plan)}" if own else "Python 3",
        "jupyter": bool({"jupyter", "vscode"} & set(extras)),
        "pytest": NAME in extras or "pytest" in made.packages,
    }
    return render(NAME, common) | render(_PARTS[framework], {"device": made.plan.device})


def _lines(order: Order, folder: Path) -> tuple[str, str]:
    """How the environment is entered from the project's folder, and made again."""
    way = os.path.relpath(order.target, folder)
    start = "" if way.startswith("..") else "./"  # no name is taken for an option

    def quoted(name: str = "") -> str:
        return shlex.quote(f"{start}{Path(way, name)}")

    target = order.request.target
    if target == "venv":
        return f". {quoted('bin/activate')}", f"envsetup create .venv --lock {quoted(LOCK_NAME)}"
    if target == "conda":
        return f"conda activate {quoted()}", ""
    if target == "docker":
        return f"{quoted('run.sh')} bash", ""
    return f"# inside the environment in {quoted()}:", ""


def _frameworks(order: Order) -> tuple[list[str], bool]:
    """The frameworks of an order, and whether the project's tests will be able to run."""
    if order.lock is not None:
        packages = {package.name for package in locking.given_lock(order.lock).packages}
        return [name for name in (*_PARTS, "jax") if name in packages] or ["what the lock holds"], "pytest" in packages
    from envsetup.resolve.asked import read  # noqa: PLC0415 - a given lock needs no tables

    return [framework.name for framework in read(order.request).frameworks], True


def _paths(framework: str) -> list[str]:
    from envsetup.render.templates import descriptor  # noqa: PLC0415 - as above

    return [*descriptor(NAME).files, *descriptor(_PARTS[framework]).files]
