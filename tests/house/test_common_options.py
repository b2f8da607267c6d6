"""What every command understands: --json, -v and -q."""

from __future__ import annotations

import click
import pytest

from envsetup.cli.main import group

PRINTERS = ("fleet hook slurm", "fleet hook kubernetes")  # a script or a manifest on stdout, and nothing else


def commands(parent, name=""):
    for part in parent.list_commands(click.Context(parent)):
        found = parent.get_command(click.Context(parent), part)
        if isinstance(found, click.Group):
            yield from commands(found, f"{name}{part} ")
        else:
            yield f"{name}{part}", found


@pytest.mark.parametrize(
    ("name", "command"), list(commands(group)), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_has_the_common_options(name, command):
    known = {option for parameter in command.params for option in parameter.opts}
    missing = {"--json", "--verbose", "--quiet"} - known
    assert not missing or name in PRINTERS
