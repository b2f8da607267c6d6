"""The base of an image: fetched before anything is built, and named by the digest that its registry gave it.

A digest is not for ever: registries delete old images. Then the tag is taken that it once had, and that is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.model.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.build.engines import Engine

_ADVICE = "--base-image takes one that is here, --no-build only writes the files"
_LOCAL = "localhost/"  # names of images that were made on this machine


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What FROM names now, the same by its tag where `reference` is a digest, and what there is to say."""

    reference: str
    tag: Optional[str] = None
    notes: list[str] = []


def fetch(engine: Engine, reference: str, tag: str | None, tick: Callable[[], None]) -> Fetched:
    """Get a base. Raises BuildError when neither it nor its `tag` can be had."""
    why = _get(engine, reference, tick)
    if why is None:
        return _pinned(engine, reference, tag)
    if tag is None:
        advice = "without the digest its tag would do: --base-image NAME:TAG" if "@" in reference else _ADVICE
        raise BuildError(f"the base image {reference} cannot be had: {why}; {advice}")
    again = _get(engine, tag, tick)
    if again is not None:
        raise BuildError(f"the base image {reference} cannot be had ({why}), nor can {tag}: {again}; {_ADVICE}")
    found = _pinned(engine, tag, None)
    instead = tag if found.reference == tag else f"{tag}, which is {found.reference} now"
    told = f"the base {reference.partition('@')[2]} cannot be had ({why}); built on {instead} instead"
    return msgspec.structs.replace(found, notes=[told])


def _get(engine: Engine, reference: str, tick: Callable[[], None]) -> str | None:
    """Fetch an image; why that failed, or None."""
    here = engine.has(reference)
    if here and (reference.startswith(_LOCAL) or "@" in reference):
        return None
    if reference.startswith(_LOCAL):
        return "this machine has no such image"
    why = engine.pull(reference, tick)
    # Without a network the one that was fetched before is as good as it was then.
    return None if here else why


def _pinned(engine: Engine, reference: str, tag: str | None) -> Fetched:
    if "@" in reference or reference.startswith(_LOCAL):
        return Fetched(reference=reference, tag=tag)
    digest = engine.digest(reference)
    if digest is None:
        return Fetched(reference=reference)
    repository, colon, name = reference.rpartition(":")
    return Fetched(reference=f"{repository if colon and '/' not in name else reference}@{digest}", tag=reference)
