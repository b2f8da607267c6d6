"""What points to a person or a machine, out of text: used for snapshots and for recordings alike."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from envsetup.model.redact import redact

if TYPE_CHECKING:
    from envsetup.world.base import World

UUID = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
MAC = re.compile(r"(?<![\w:-])[0-9a-fA-F]{2}(?:([:-])[0-9a-fA-F]{2})(?:\1[0-9a-fA-F]{2}){4}(?![\w:-])")
IPV4 = re.compile(r"(?<![\w.-])(?!127\.|0\.0\.0\.0)(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
# Global, unique local and link-local addresses; not every text with colons: 2b3c:00:00.0 is a place on the PCI bus.
IPV6 = re.compile(
    r"(?<![\w:])(?:(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}"
    r"|(?:[23][0-9a-fA-F]{3}|[fF][cCdD][0-9a-fA-F]{2}|[fF][eE]80):(?:[0-9a-fA-F]{1,4}:){0,6}:[0-9a-fA-F:]*)(?![\w:])"
)
TOKEN = re.compile(
    r"\b(?:hf|ghp|gho|ghs|ghu|github_pat|glpat|sk|pypi|npm|dckr_pat|xox[abp]|nvapi)[-_][A-Za-z0-9_-]{16,}"
    r"|\bAKIA[0-9A-Z]{16}\b|\beyJ[\w-]{10,}\.[\w-]{10,}(?:\.[\w-]+)?|(?<![0-9a-zA-Z])[0-9a-fA-F]{32,}(?![0-9a-zA-Z])"
)
MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
SERIAL = re.compile(r"(?i)(\bserial(?:[ _-]?(?:number|no))?\s*[:=]\s*)[\w-]{4,}")
OTHER_HOMES = re.compile(r"(?<![\w.-])((?:/mnt/[a-z])?/(?:home|Users)/)([^/\s:'\"~]+)")
SHARED = frozenset({"root", "user", "localhost"})  # names that tell nothing
SHORTEST_NAME = 2  # a name of one letter would take that letter out of every text


@dataclass(frozen=True)
class Private:
    """Whose machine this is."""

    home: str = ""
    user: str = ""
    host: str = ""

    @classmethod
    def of(cls, world: World) -> Private:
        """As the machine says; what it cannot say is empty."""
        return cls(*(_fact(world, name) for name in ("home", "user", "hostname")))


def _fact(world: World, name: str) -> str:
    try:
        return str(world.system(name) or "")
    except OSError:
        return ""


@dataclass
class Scrubber:
    """Text in, text without private things out; `removed` collects the kinds of what was taken out.

    `home` is what stands for the home folder: `~` to read, a path where paths must stay paths.
    """

    private: Private
    home: str = "~"
    user: str = "USER"
    host: str = "HOST"
    removed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Compile the patterns of this machine's own names."""
        boundary = r"(?![\w.-])"
        home = self.private.home.rstrip("/")
        self._home = re.compile(rf"(?<![\w.~/-]){re.escape(home)}{boundary}") if home else None
        self._user = self._name(self.private.user, rf"(?<=/)({{}}){boundary}(?!\()")
        self._host = self._name(self.private.host.split(".")[0], r"(?<![\w-])({})(?![\w-])(?:\.[\w.-]+)?")

    @staticmethod
    def _name(name: str, pattern: str) -> re.Pattern[str] | None:
        telling = len(name) > SHORTEST_NAME and name not in SHARED
        return re.compile(pattern.format(re.escape(name))) if telling else None

    def __call__(self, text: str, *, addresses: bool = True) -> str:
        """The text without private things; versions may look like addresses, and are then left alone."""
        text = self._replace("url-credentials", redact(text), text)
        if self._home:
            text = self._replace("home", self._home.sub(self.home, text), text)
        text = self._replace("home", OTHER_HOMES.sub(self._other_home, text), text)
        if self._user:
            text = self._replace("user", self._user.sub(self.user, text), text)
        if self._host:
            text = self._replace("host", self._host.sub(self.host, text), text)
        for kind, pattern, token in (
            ("e-mail", MAIL, "HIDDEN"),
            ("uuid", UUID, "00000000-0000-0000-0000-000000000000"),
            ("serial", SERIAL, r"\1HIDDEN"),
            ("mac", MAC, "00:00:00:00:00:00"),
            ("token", TOKEN, "HIDDEN"),
        ):
            text = self._replace(kind, pattern.sub(token, text), text)
        if addresses:
            text = self._replace("ip", IPV6.sub("::", IPV4.sub("0.0.0.0", text)), text)  # noqa: S104 - no binding
        return text

    def _other_home(self, found: re.Match[str]) -> str:
        return found[0] if found[2] in {self.user, "user", "shared"} else f"{found[1]}{self.user}"

    def _replace(self, kind: str, new: str, old: str) -> str:
        if new != old:
            self.removed.add(kind)
        return new
