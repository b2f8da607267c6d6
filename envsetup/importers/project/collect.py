"""Which files of a folder say what it needs, and what they say together."""

from __future__ import annotations

import re
from posixpath import basename, dirname, join, normpath
from typing import TYPE_CHECKING

import msgspec

from envsetup.importers.project.containers import read_compose, read_devcontainer, read_dockerfile
from envsetup.importers.project.declared import read_conda, read_pyproject
from envsetup.importers.project.notebooks import read_notebook
from envsetup.importers.project.requirements import read_requirements
from envsetup.model.errors import InputError
from envsetup.model.project import Import, Project, Scope, Service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.world.base import World

DEEPEST = 4  # folders below the project's own
MOST = 2000  # files looked at
LARGEST = 8 << 20  # bytes of one file: notebooks hold their pictures
SKIPPED = re.compile(r"\.(?!devcontainer$).*|node_modules|__pycache__|site-packages|venv|env|build|dist|wandb")
KINDS = (
    ("requirements", re.compile(r"(?:.*[-_.])?requirements?(?:[-_.].*)?\.(?:txt|in)")),
    ("pyproject", re.compile(r"pyproject\.toml")),
    ("conda", re.compile(r"(?:conda[-_])?env(?:ironment)?(?:[-_.].*)?\.ya?ml")),
    ("image", re.compile(r"(?:.*\.)?(?:Docker|Container)file(?:\..*)?", re.IGNORECASE)),
    ("compose", re.compile(r"(?:docker-)?compose(?:[-.].*)?\.ya?ml")),
    ("devcontainer", re.compile(r"\.?devcontainer\.json")),
    ("notebook", re.compile(r".*\.ipynb")),
)


def read_project(world: World, root: str, *, system: str = "linux") -> Project:
    """Everything that the folder's files ask for. `system` decides which markers apply.

    A file that cannot be understood is named in `unread`. Raises InputError when there is no such folder.
    """
    try:
        world.list_dir(root)
    except OSError as problem:
        raise InputError(f"--project {root}: {problem.strerror or problem}", hint="a folder is accepted") from None
    reading = _Reading(world, root, system)
    for kind, path in _files(world, root):
        reading.read(kind, path)
    return reading.project()


def _files(world: World, root: str) -> Iterator[tuple[str, str]]:
    """Kind and path, relative to the root, of the files that say something."""
    folders, seen = [("", 0)], 0
    while folders:
        folder, depth = folders.pop(0)
        try:
            names = world.list_dir(join(root, folder) if folder else root)
        except OSError:
            continue
        for name in names:
            seen += 1
            path = join(folder, name) if folder else name
            kind = next((kind for kind, pattern in KINDS if pattern.fullmatch(name)), None)
            if seen > MOST:
                return
            if kind:
                yield kind, path
            elif depth < DEEPEST and not SKIPPED.fullmatch(name) and _is_folder(world, join(root, path)):
                folders.append((path, depth + 1))


def _is_folder(world: World, path: str) -> bool:
    try:
        return world.stat(path).kind == "dir"
    except OSError:
        return False


class _Reading:
    def __init__(self, world: World, root: str, system: str) -> None:
        self._world, self._root, self._system = world, root, system
        self._scopes: list[Scope] = []
        self._services: list[Service] = []
        self._imports: list[Import] = []
        self._unread: dict[str, str] = {}
        self._images: dict[str, list[str]] = {}

    def read(self, kind: str, path: str) -> None:
        """One file; what goes wrong is its reason to be unread."""
        try:
            text = self._world.read_text(join(self._root, path), limit=LARGEST)
            getattr(self, f"_read_{kind}")(text, path)
        except OSError as problem:
            self._unread[path] = problem.strerror or str(problem)
        except (ValueError, TypeError, RecursionError, msgspec.DecodeError) as problem:
            self._unread[path] = " ".join(str(problem).split())[:200] or type(problem).__name__

    def _read_requirements(self, text: str, path: str) -> None:
        listed = read_requirements(text, path, self._system)
        self._unread |= listed.refused
        self._images[path] = [normpath(join(dirname(path), name)) for name in listed.files]
        self._scopes.append(
            Scope(file=path, kind="requirements", requirements=listed.requirements, index=listed.variant)
        )

    def _read_pyproject(self, text: str, path: str) -> None:
        self._scopes.append(read_pyproject(text, path, self._system))

    def _read_conda(self, text: str, path: str) -> None:
        self._scopes.append(read_conda(text, path, self._system))

    def _read_image(self, text: str, path: str) -> None:
        scope, files = read_dockerfile(text, path)
        self._scopes.append(scope)
        # A file is copied to where the image wants it, so its name is what is left to know it by.
        self._images[path] = [basename(name) for name in files]

    def _read_compose(self, text: str, path: str) -> None:
        self._services += read_compose(text, path)

    def _read_devcontainer(self, text: str, path: str) -> None:
        service = read_devcontainer(text, path)
        self._services += [service] if service else []

    def _read_notebook(self, text: str, path: str) -> None:
        imports, installed = read_notebook(text, path)
        self._imports += imports
        if installed:
            self._scopes.append(Scope(file=path, kind="requirements", requirements=installed))

    def project(self) -> Project:
        """The whole, with requirement files laid into what includes them."""
        by_path = {scope.file: scope for scope in self._scopes}
        whole = [self._with_included(scope, by_path) for scope in self._scopes]
        return Project(
            root=self._root,
            scopes=whole,
            services=self._services,
            imports=self._imports,
            unread=self._unread,
        )

    def _with_included(self, scope: Scope, by_path: dict[str, Scope]) -> Scope:
        names = self._images.get(scope.file, [])
        others = [one for path, one in by_path.items() if path in names or basename(path) in names]
        more = [item for other in others if other.kind == "requirements" for item in other.requirements]
        index = scope.index or next((other.index for other in others if other.index), None)
        return msgspec.structs.replace(scope, requirements=[*scope.requirements, *more], index=index)
