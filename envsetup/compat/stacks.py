"""What `--with` accepts: one data file each, with what it needs, what it holds back and how it is verified."""

from __future__ import annotations

import pkgutil
from functools import lru_cache
from typing import Optional

import msgspec

from envsetup.model.codec import decode

NAMES = (
    *("bitsandbytes", "deepspeed", "diffusers", "direnv", "flash-attn", "jupyter", "lightning", "onnx", "pyg"),
    *("sglang", "starter", "tf-models", "transformers", "vllm", "vscode", "xformers"),
)


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Versions of a framework (torch, tensorflow) that a stack works with, as a specifier, and why.

    `required`: without it the stack does not work; else it only works better.
    """

    framework: str
    versions: str
    text: str
    required: bool
    source: str


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """Releases of torch and build variants for which a stack's compiled package has wheels."""

    torch: str
    variants: list[str]
    text: str
    source: str


class Wheels(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled package that lives outside the package index; `page` has the fields minor (2.14) and variant."""

    package: str
    page: str
    builds: list[Build]


class Binary(msgspec.Struct, frozen=True, kw_only=True):
    """Releases of an extension ("0.17.0 to 0.19") and the builds of torch that their wheels were made for."""

    version: str
    torch: str
    variants: list[str]
    source: str
    certain: bool = True


class Extension(msgspec.Struct, frozen=True, kw_only=True):
    """A package that lives or dies with torch's exact build; `builds` newest first.

    `required`: without a build for it nothing can be installed. `otherwise`: what remains then. `min_cc`: oldest GPU.
    `apart`: why and how it is installed after the environment; None where it is installed with it.
    """

    required: bool
    otherwise: str
    builds: list[Binary]
    min_cc: Optional[str] = None
    apart: Optional[str] = None


class Stack(msgspec.Struct, frozen=True, kw_only=True):
    """`needs`: requirements; `frameworks`: what it is of use with (empty: any); `checks`: Python that proves it."""

    name: str
    title: str
    needs: list[str]
    frameworks: list[str]
    holds: list[Hold]
    checks: list[str]
    source: str
    date: str
    wheels: Optional[Wheels] = None
    extension: Optional[Extension] = None


@lru_cache(maxsize=16)
def stack(name: str) -> Stack | None:
    """The stack of a name, or None when there is none."""
    if name not in NAMES:
        return None
    data = pkgutil.get_data("envsetup.data", f"stacks/{name}.json")
    return decode(data or b"", Stack)


def holds(names: list[str], framework: str) -> list[Hold]:
    """What these stacks ask of a framework."""
    found = [stack(name) for name in names]
    return [hold for row in found if row for hold in row.holds if hold.framework == framework]


def binary_for(row: Extension, version: str, variant: str) -> Binary | None:
    """The releases of an extension with a wheel for a torch build ("2.14.0", "cu130"), or None."""
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - 40 ms, only with such a package

    return next((b for b in row.builds if variant in b.variants and SpecifierSet(b.torch).contains(version)), None)


def build_for(row: Wheels, version: str, variant: str) -> Build | None:
    """The build row of a stack's compiled package for a torch build, or None when it has no wheel for it."""
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - 40 ms, only with such a stack

    return next((b for b in row.builds if variant in b.variants and SpecifierSet(b.torch).contains(version)), None)
