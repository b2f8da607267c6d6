"""A project as the environments that it would install here: each set of requirements becomes a Case of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from envsetup.compat import jax, tensorflow, torch
from envsetup.doctor.builds import processor, system
from envsetup.model.machine import Container, Libc
from envsetup.model.maybe import UNKNOWN, known
from envsetup.model.software import Environment, Framework, Python

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envsetup.doctor.case import Case
    from envsetup.model.project import Requirement, Scope

FRAMEWORKS = ("torch", "tensorflow", "jax")
MUSL_IMAGES = ("alpine", "-alpine")


@dataclass(frozen=True)
class Planned:
    """A scope with the case in which its environment stands on this machine, and what was chosen for it."""

    scope: Scope
    case: Case
    torch: str | None
    variant: str | None


def wanted(scope: Scope, name: str) -> Requirement | None:
    """What the scope says of a distribution: an exact pin before anything looser."""
    found = [item for item in scope.requirements if item.name == name]
    return next((item for item in found if exact(item)), found[0] if found else None)


def exact(item: Requirement) -> str | None:
    """The version of an == pin, without wildcard."""
    spec = item.spec
    return (
        spec[2:]
        if spec.startswith("==") and not spec.startswith("===") and "*" not in spec and "," not in spec
        else None
    )


def newest(item: Requirement, versions: Sequence[str]) -> str | None:
    """The version that an installer takes: the pin, else the newest known release that fits."""
    pinned = exact(item)
    if pinned:
        return pinned
    try:
        allowed = SpecifierSet(item.spec)
        fitting = [version for version in versions if Version(version) in allowed]
    except (InvalidSpecifier, InvalidVersion):
        return None
    return max(fitting, key=Version, default=None)


def planned(case: Case, scope: Scope) -> Planned:
    """The machine of `case` with the environment of `scope` in the place of its own."""
    item = wanted(scope, "torch")
    version = newest(item, [row.version for row in torch.releases()]) if item else None
    public, _, local = (version or "").partition("+")
    variant = local or scope.index or None
    if version and variant is None:
        variant = torch.default_variant(public, system(case), processor(case))
    builds = [_torch(public, variant)] if version else []
    packages = {one.name: pin for one in scope.requirements if (pin := exact(one))}
    for name, releases in (("tensorflow", tensorflow.releases()), ("jax", jax.releases())):
        other = wanted(scope, name)
        chosen = newest(other, [row.version for row in releases]) if other else None
        if other and chosen:
            builds.append(Framework(name=name, version=chosen, source=str(other.place)))
            packages[name] = chosen
            packages |= _plugins(other, chosen)
    environment = Environment(
        kind="conda" if scope.kind == "conda" else "venv",
        python=Python(version=_python(case, scope) or UNKNOWN),
        packages=packages,
        frameworks=builds,
    )
    machine = msgspec.structs.replace(case.machine, environment=environment)
    if scope.base:
        # What an image brings is its own; the kernel's driver and the GPUs are those of the host.
        libc = Libc(name="musl") if any(word in scope.base for word in MUSL_IMAGES) else UNKNOWN
        machine = msgspec.structs.replace(machine, container=Container(runtime="docker"), libc=libc)
    return Planned(scope, replace(case, machine=machine, project=None), public or None, variant)


def _torch(version: str, variant: str | None) -> Framework:
    cuda = torch.cuda_of(variant) if variant else None
    return Framework(name="torch", version=version, variant=variant or UNKNOWN, cuda=cuda or UNKNOWN)


def _plugins(item: Requirement, version: str) -> dict[str, str]:
    """What an extra such as jax[cuda12] brings."""
    cuda = next((extra for extra in item.extras if extra.startswith("cuda")), None)
    name = f"jax-{cuda.split('_')[0].split('-')[0]}-plugin" if cuda and item.name == "jax" else ""
    return {name: version} if name else {}


def _python(case: Case, scope: Scope) -> str | None:
    """The version that the scope fixes, else that of the machine where the scope allows it."""
    here = known(case.python.version)
    if scope.python is None:
        return None if scope.base else here
    if scope.python[:1].isdigit():
        return scope.python
    try:
        return here if here and Version(here) in SpecifierSet(scope.python) else None
    except (InvalidSpecifier, InvalidVersion):
        return None
