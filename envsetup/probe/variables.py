"""The environment variables that matter: an enumerated list, never a prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.model.machine import Machine
from envsetup.probe.watch import watch

if TYPE_CHECKING:
    from envsetup.probe.look import Look


def probe_variables(look: Look) -> Machine:
    """Fact `env`: those of the list that are set, an empty value included (it hides every GPU)."""
    environ = look.world.environ()
    return Machine(env={item.name: environ[item.name] for item in watch().variables if item.name in environ})
