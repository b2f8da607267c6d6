"""Which hosts must answer, as the user says it."""

from __future__ import annotations

from pathlib import Path

from envsetup.model.hostrange import expand
from envsetup.world.files import read_input


def expected_hosts(text: str) -> list[str]:
    """Hosts from a range, or from a file that holds ranges, one or several a line; # begins a comment."""
    if not Path(text).is_file():
        return expand(text)
    lines = read_input(text).decode("utf-8", "replace").splitlines()
    return [host for line in lines for host in expand(line.partition("#")[0]) if host]
