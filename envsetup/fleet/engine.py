"""What an engine does for a fleet: it knows the hosts, and brings the agent's answer from each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envsetup.fleet.reading import Answer

    Deliver = Callable[[Answer], None]


class Job(NamedTuple):
    """What each host is asked: the bundle, its arguments, and how long it may take."""

    bundle: str  # path on this machine
    arguments: Sequence[str]
    host_timeout: int  # seconds
    forks: int  # hosts asked at once


class Engine(Protocol):
    """One file per engine. A host that the engine cannot reach is an answer too."""

    def hosts(self) -> list[str]:
        """Every host that is asked for.

        Raises InputError when the inventory cannot be read or names none.
        """
        ...

    def address(self, host: str) -> str:
        """Where the other hosts reach it."""
        ...

    def run(self, job: Job, hosts: Sequence[str], deliver: Deliver) -> None:
        """Ask these hosts; `deliver` gets each answer as it comes, in any order."""
        ...
