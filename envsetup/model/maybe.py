"""Unknown is a value: a fact that could not be read is `UNKNOWN`, never False, never a guess.

Three states of a fact: `UNKNOWN` (nobody could look; the reason is in `Machine.unknown`),
`None` (looked, and it is not there), or the value itself.
"""

from __future__ import annotations

from typing import TypeVar, Union

import msgspec

T = TypeVar("T")

UNKNOWN = msgspec.UNSET
Unknown = msgspec.UnsetType
# A type alias that msgspec resolves at run time, so no PEP 604 syntax on Python 3.10.
Maybe = Union[T, msgspec.UnsetType]


def known(value: Maybe[T]) -> T | None:
    """The value when it is known, else None: for callers to whom absent and unknown are the same."""
    return None if isinstance(value, msgspec.UnsetType) else value
