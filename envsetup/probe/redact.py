"""A machine without what points to a person or to this very machine, by allow-list.

What may leave: the fields of Machine (a closed type without place for a serial, a host name or a command line), the
enumerated variables in the shape that their row allows, and text after `world.scrub`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from envsetup.model.codec import convert
from envsetup.model.machine import Machine
from envsetup.model.maybe import known
from envsetup.probe.watch import watch
from envsetup.world.scrub import Private, Scrubber

if TYPE_CHECKING:
    from envsetup.world.base import World

SHAPES = {
    "flag": re.compile(r"[\w.,:;+=* /-]{0,120}"),
    "devices": re.compile(r"[\w.,:;/ -]{0,500}"),
    "path": re.compile(r"[^\n\0]{0,4096}"),
    "paths": re.compile(r"[^\n\0]{0,32768}"),
    "url": re.compile(r"[^\n\0]{0,4096}"),
    "text": re.compile(r"[^\n\0]{0,1024}"),
}
HIDDEN = "(hidden)"
# Names and versions: no place for an address, and a version of four numbers must not be taken for one.
VERSIONS = frozenset(
    {"packages", "conda_packages", "duplicates", "requires", "version", "library_versions", "module_version"}
    | {"library_version", "nvcc_version", "cudnn", "rocm_version", "nvidia", "rocm", "kernel", "library", "hip"}
)
# Words of a fixed vocabulary: a machine that is called "ubuntu" must not take its distribution's name away.
WORDS = frozenset(
    {"schema", "tool", "recorded", "system", "distro", "arch", "vendor", "model", "flags", "gfx", "kind", "role"}
    | {"filesystem", "runtime", "modules", "status", "smi", "name", "soname", "via", "driver", "package", "variant"}
    | {"compute_capability", "cuda_ceiling", "arch_list", "throttle_reasons", "implementation", "installer", "group"}
)


def redact_machine(machine: Machine, world: World) -> Machine:
    """The machine as it may be shown to others; `redacted` names the kinds of what was removed."""
    scrub = Scrubber(Private.of(world))
    values = _walk(msgspec.to_builtins(machine), (), scrub)
    if machine.env is not msgspec.UNSET:
        values["env"] = _variables(known(machine.env) or {}, scrub)
    values["redacted"] = sorted(scrub.removed | set(known(machine.redacted) or []))
    return convert(values, Machine)


def _walk(value: Any, place: tuple[str, ...], scrub: Scrubber) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {key: _walk(item, (*place, key), scrub) for key, item in value.items()}
    if isinstance(value, list):
        return [_walk(item, place, scrub) for item in value]
    if not isinstance(value, str) or (place and place[-1] in WORDS):
        return value
    return scrub(value, addresses=not VERSIONS.intersection(place[-2:]))


def _variables(env: dict[str, str], scrub: Scrubber) -> dict[str, str]:
    """The listed ones only; `presence` variables show that they are set, a value of another shape is hidden."""
    shapes = {variable.name: variable.shape for variable in watch().variables}
    shown = {}
    for name, value in env.items():
        shape = SHAPES.get(shapes.get(name, ""))
        if shape is None or not shape.fullmatch(value):
            scrub.removed.add("variable")
            if name in shapes:
                shown[name] = HIDDEN
        else:
            shown[name] = (
                ":".join(scrub(part) for part in value.split(":")) if shapes[name] == "paths" else scrub(value)
            )
    return shown
