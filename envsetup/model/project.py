"""What a project asks for, as its files say it. Nothing is resolved or installed."""

from __future__ import annotations

from typing import Literal, Optional

import msgspec


class Place(msgspec.Struct, frozen=True):
    """A line of a file of the project; 0 where the format has no lines."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution (normalised name) with a version specifier of PEP 440, empty for any."""

    name: str
    spec: str
    place: Place
    extras: tuple[str, ...] = ()


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A container that is started: a compose service or a dev container. `gpu`: whether it asks for one."""

    name: str
    place: Place
    gpu: bool
    image: Optional[str] = None
    dockerfile: Optional[str] = None


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """One set of things that are installed together: a requirements file, an image, an environment file."""

    file: str
    kind: Literal["requirements", "pyproject", "conda", "image"]
    requirements: list[Requirement]
    index: Optional[str] = None  # the build variant that an index address names: cu124, cpu, rocm6.2
    python: Optional[str] = None  # specifier, or a plain X.Y where the file fixes it
    base: Optional[str] = None  # the image that this one starts from
    base_place: Optional[Place] = None


class Import(msgspec.Struct, frozen=True):
    """A top-level module that a notebook imports."""

    module: str
    place: Place


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """The folder as a whole. `unread` are files that could not be understood, with the reason."""

    root: str
    scopes: list[Scope]
    services: list[Service] = []
    imports: list[Import] = []
    unread: dict[str, str] = {}
