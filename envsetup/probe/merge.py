"""Partial machines into one: each topic answers with the part that it knows."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from envsetup.model.hardware import Fact, Gpu
from envsetup.model.machine import Machine
from envsetup.model.maybe import UNKNOWN

T = TypeVar("T", bound=Fact)


def merge(first: T, second: T) -> T:
    """What either knows; where both do, groups are merged and else the second counts."""
    values = {}
    for name in first.__struct_fields__:
        old, new = getattr(first, name), getattr(second, name)
        if new is UNKNOWN:
            values[name] = old
        else:
            values[name] = merge(old, new) if isinstance(old, Fact) and isinstance(new, Fact) else new
    return type(first)(**values)


def join_machines(parts: list[Machine]) -> Machine:
    """All parts, in their order. A later list of a vendor's GPUs replaces an earlier one of the same vendor."""
    whole = Machine()
    gpus: dict[str, list[Gpu]] = {}
    looked = False
    for part in parts:
        if isinstance(part.gpus, list):
            looked = True
            by_vendor = {gpu.vendor: [other for other in part.gpus if other.vendor == gpu.vendor] for gpu in part.gpus}
            gpus.update(by_vendor)
        unknown = {**whole.unknown, **part.unknown}
        whole = msgspec.structs.replace(merge(whole, part), unknown=unknown)
    found = [gpu for group in gpus.values() for gpu in group]
    return msgspec.structs.replace(whole, gpus=found if looked else UNKNOWN)
