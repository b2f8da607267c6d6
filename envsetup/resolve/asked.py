"""What was asked for, read strictly: a framework, a version or a source that does not exist is an input error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.compat import jax, sources, stacks, tensorflow, torch
from envsetup.model.errors import InputError
from envsetup.resolve.facts import python_tag

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

    from envsetup.model.plan import Request

TITLES = {"torch": "PyTorch", "tensorflow": "TensorFlow", "jax": "JAX"}
_NAMES = {"pytorch": "torch", "torch": "torch", "tensorflow": "tensorflow", "tf": "tensorflow", "jax": "jax"}
_REQUIREMENT = re.compile(r"\s*([A-Za-z][A-Za-z0-9._-]*)\s*(.*)")
_PYTHON = re.compile(r"3(\.\d+){1,2}t?")


class Framework(msgspec.Struct, frozen=True, kw_only=True):
    """A framework and the versions asked for ("" for any)."""

    name: str  # torch, tensorflow, jax
    specifier: str = ""

    @property
    def title(self) -> str:
        """Its name as people write it."""
        return TITLES[self.name]

    def accepts(self, version: str, variant: str | None) -> bool:
        """Whether the versions asked for hold this one; a local part counts only when it was asked for."""
        if not self.specifier:
            return True
        # CPU builds of the package index carry no local version, so the bare one counts too.
        full = f"{version}+{variant}" if variant else version
        parsed = _parse(self.specifier)
        return parsed.contains(full, prereleases=True) or ("+" not in self.specifier and parsed.contains(version))


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The request, checked. `source`: any, official, pypi, or place (a mirror of everything, a URL, a folder)."""

    frameworks: list[Framework]
    device: str
    python: Optional[str]
    source: str
    source_name: Optional[str]
    extras: list[str]


def read(request: Request) -> Asked:
    """The request with everything in it known to exist.

    Raises InputError for an unknown framework, a version that no release matches, or a Python that is none.
    """
    frameworks = [_framework(text) for text in request.frameworks or ["pytorch"]]
    if len({framework.name for framework in frameworks}) < len(frameworks):
        raise InputError("--framework: the same framework is asked for twice")
    if request.python and not _PYTHON.fullmatch(request.python):
        raise InputError(f"--python {request.python}: expected a version such as 3.12 or 3.13t")
    for name in request.extras:
        if stacks.stack(name) is None:
            raise InputError(f"--with {name}: unknown; accepted are {', '.join(stacks.NAMES)}")
    source = _source(request.source)
    return Asked(
        frameworks=frameworks,
        device=request.device,
        python=python_tag(request.python) if request.python else None,
        source=source,
        source_name=_shown(request.source),
        extras=list(request.extras),
    )


def _framework(text: str) -> Framework:
    match = _REQUIREMENT.fullmatch(text)
    name = _NAMES.get(match.group(1).lower()) if match else None
    if match is None or name is None:
        raise InputError(f"--framework {text}: unknown; known are pytorch, tensorflow, jax, with ==2.11.* and the like")
    specifier = match.group(2).strip()
    if specifier and specifier[0].isdigit():
        specifier = f"=={specifier}"
    framework = Framework(name=name, specifier=specifier)
    versions = known_versions(name)
    if not any(framework.accepts(version, variant) for version, variants in versions for variant in variants):
        first, last = versions[-1][0], versions[0][0]
        raise InputError(
            f"--framework {text}: no {framework.title} {specifier.lstrip('=')}; known are {first} to {last}"
        )
    return framework


def known_versions(name: str) -> list[tuple[str, list[str | None]]]:
    """Every known release of a framework, newest first, with the variants it has anywhere."""
    if name == "torch":
        return [(row.version, [None, *(v.name for v in row.variants)]) for row in torch.releases()]
    if name == "tensorflow":
        return [(row.version, [None]) for row in tensorflow.releases()]
    return [(row.version, [None]) for row in jax.releases()]


def _source(name: str | None) -> str:
    if name is None:
        return "any"
    if name in {"official", "pypi"}:
        return name
    mirror = sources.mirror(name)
    return "pypi" if mirror and mirror.pytorch is None else "place"


def _shown(source: str | None) -> str | None:
    """A source as a plan may show it: a URL without its password and query."""
    if source is None or "://" not in source:
        return source
    scheme, _, rest = source.partition("://")
    place, slash, path = rest.partition("/")
    return f"{scheme}://{place.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


def _parse(specifier: str) -> SpecifierSet:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415 - 40 ms, only when versions are asked

    try:
        return SpecifierSet(specifier)
    except InvalidSpecifier as error:
        raise InputError(
            f"--framework: {specifier!r} is no version specifier; accepted are ==2.11.*, >=2.8,<2.12"
        ) from error
