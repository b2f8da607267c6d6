"""One topic's view of a world: answers are values, and what could not be read becomes a reason."""

from __future__ import annotations

from posixpath import join
from typing import TYPE_CHECKING

from envsetup.model.maybe import UNKNOWN, Maybe, Unknown
from envsetup.probe.loader import Loader

if TYPE_CHECKING:
    from envsetup.world.base import Completed, Stat, World

ABSENT = (FileNotFoundError, NotADirectoryError)


class Look:
    """A world to ask, and the reasons collected while asking.

    `env` is the environment that the user named, `timeout` the seconds that one command may take;
    `loader` is shared between looks, so that its folders are read once.
    """

    def __init__(
        self, world: World, *, env: str | None = None, timeout: float = 5.0, loader: Loader | None = None
    ) -> None:
        self.world = world
        self.env = env
        self.timeout = timeout
        self.reasons: dict[str, str] = {}
        self.loader = loader or Loader(self)

    def unknown(self, fact: str, reason: str) -> Unknown:
        """Note why a fact (its dotted path in Machine) stays unknown."""
        self.reasons[fact] = reason
        return UNKNOWN

    def read(self, path: str, fact: str) -> Maybe[str | None]:
        """A file's text, None when it is not there, UNKNOWN with a reason when it cannot be read."""
        try:
            return self.world.read_text(path)
        except ABSENT:
            return None
        except OSError as error:
            return self.unknown(fact, f"{path}: {error.strerror or error}")

    def text(self, path: str, *, limit: int = 1 << 20) -> str:
        """A file's text, empty when there is none to be had: for ladders, where the next rung follows."""
        try:
            return self.world.read_text(path, limit=limit)
        except OSError:
            return ""

    def word(self, path: str) -> Maybe[str]:
        """The one value that a sysfs file holds."""
        return self.text(path, limit=4096).strip() or UNKNOWN

    def number(self, path: str) -> Maybe[int]:
        """The one whole number that a sysfs file holds."""
        word = self.text(path, limit=4096).strip()
        return int(word) if word.isdecimal() else UNKNOWN

    def names(self, path: str) -> list[str]:
        """The names in a folder, empty when there is none to be had."""
        try:
            return self.world.list_dir(path)
        except OSError:
            return []

    def listing(self, path: str, fact: str) -> Maybe[list[str] | None]:
        """The names in a folder, None when it is not there, UNKNOWN with a reason when it cannot be read."""
        try:
            return self.world.list_dir(path)
        except ABSENT:
            return None
        except OSError as error:
            return self.unknown(fact, f"{path}: {error.strerror or error}")

    def children(self, path: str) -> list[str]:
        """The full paths of what is in a folder."""
        return [join(path, name) for name in self.names(path)]

    def exists(self, path: str) -> bool:
        """Whether a path is there."""
        return self.world.exists(path)

    def hidden(self, path: str) -> bool:
        """Whether this user may not see if anything is at a path."""
        try:
            self.world.stat(path)
        except PermissionError:
            return True
        except OSError:
            return False
        return False

    def stat(self, path: str) -> Stat | None:
        """What a path is, None when it cannot be reached."""
        try:
            return self.world.stat(path)
        except OSError:
            return None

    def link_name(self, path: str) -> str | None:
        """The last part of what a link points to, None when there is no such link."""
        return self.real_path(path).rsplit("/", 1)[-1] if self.exists(path) else None

    def real_path(self, path: str) -> str:
        """The path with every link resolved, the path itself when that fails."""
        try:
            return self.world.real_path(path)
        except OSError:
            return path

    def system(self, fact: str) -> object:
        """A fact that only a call can give, None when the call does not exist here."""
        try:
            return self.world.system(fact)
        except (OSError, ValueError, AttributeError):
            return None

    def variable(self, name: str) -> str:
        """An environment variable, empty when it is not set."""
        return self.world.environ().get(name, "")

    def run(self, *argv: str) -> Completed:
        """A command within this look's deadline."""
        return self.world.run(argv, timeout=self.timeout)


def whole(value: object) -> Maybe[int]:
    """A whole number, or UNKNOWN for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else UNKNOWN


def mebibytes(value: int) -> int:
    """Bytes to MiB."""
    return value >> 20
