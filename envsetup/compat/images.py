"""Base images: what a container image is built on, and which wheels fit into it."""

from __future__ import annotations

from functools import lru_cache

from envsetup.compat.tables import Row, Table, load


class Base(Row, frozen=True, kw_only=True):
    """`image` has the field python; `uv` maps an architecture to uv's name of the platform."""

    image: str
    pythons: list[str]
    glibc: str
    uv: dict[str, str]
    digests: dict[str, str]

    def tag(self, python: str) -> str:
        """The image's name and tag for an interpreter (X.Y)."""
        return self.image.format(python=python)

    def reference(self, python: str) -> str:
        """The image's name for an interpreter (X.Y), by digest where that is known."""
        name = self.tag(python)
        digest = self.digests.get(python)
        return f"{name.rpartition(':')[0]}@{digest}" if digest else name


class ImageTable(Table, frozen=True, kw_only=True):
    """images.json, the preferred base first."""

    bases: list[Base]


@lru_cache(maxsize=1)
def table() -> ImageTable:
    """The base images."""
    return load("images.json", ImageTable)


def base() -> Base:
    """The base that is taken where none is named."""
    return table().bases[0]
