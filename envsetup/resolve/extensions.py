"""Packages that live or die with torch's exact build: which builds they accept, and what remains beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.compat import stacks
from envsetup.compat.tables import key
from envsetup.model.plan import Alternative, PlannedPackage
from envsetup.resolve.candidate import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.compat.stacks import Binary, Extension, Stack
    from envsetup.resolve.candidate import Candidate, Case


# What each way may ask to be lifted beside the wheel itself.
_ASKED = frozenset({"request"})
_NEWER = frozenset({"request", "driver"})


def asked(extras: list[str]) -> list[tuple[Stack, Extension]]:
    """The extensions among what `--with` asks for."""
    rows = [stacks.stack(name) for name in extras]
    return [(row, row.extension) for row in rows if row and row.extension]


def verdicts(extras: list[str], version: str, variant: str) -> tuple[list[Check], Check | None]:
    """The checks that count for a CUDA build of torch, and the one that only makes it a second choice."""
    counted: list[Check] = []
    soft: Check | None = None
    for row, extension in asked(extras):
        if not extension.builds:
            continue
        found = stacks.binary_for(extension, version, variant)
        label = f"{version}+{variant}"
        check = Check(
            constraint="framework",
            ok=found is not None,
            text=f"{label} is {'a' if found else 'no'} build that {row.title} has a wheel for" + _release(found),
            evidence=f"asked for: --with {row.name}",
            table=f"{found.source if found else row.source} ({row.date})",
            need=f"leave out --with {row.name}",
        )
        if found or extension.required:
            counted.append(check)
        else:
            soft = soft or check
    return counted, soft


def _release(found: Binary | None) -> str:
    if found is None:
        return ""
    return f": {found.version}" + ("" if found.certain else f" (unconfirmed: {found.source})")


def notes(case: Case, pick: Candidate) -> Iterator[str]:
    """What is to be said of each extension beside this pick; a plain word where only a source build remains."""
    if pick.package != "torch":
        return
    for row, extension in asked(case.asked.extras):
        if pick.device != "cuda":
            yield f"{row.title}: its wheels are for CUDA builds of PyTorch, not for {pick.device}"
            continue
        old = [d for d in case.target.devices if d.cc and extension.min_cc and key(d.cc) < key(extension.min_cc)]
        if old:
            yield f"{row.title} needs compute capability {extension.min_cc} or newer; {old[0].label} is older"
        found = stacks.binary_for(extension, pick.version, pick.variant or "")
        if found is None:
            yield f"{row.title} has no wheel for torch {pick.label}: {extension.otherwise}"
        elif extension.apart:
            yield f"{row.title}{_release(found)}: {extension.apart}"


def options(case: Case, candidates: list[Candidate], pick: Candidate) -> list[Alternative]:
    """For extensions without a wheel for the pick, ranked: another CUDA build, another version, a newer driver."""
    found: list[Alternative] = []
    for row, extension in asked(case.asked.extras):
        if pick.device != "cuda" or stacks.binary_for(extension, pick.version, pick.variant or ""):
            continue
        able = [c for c in candidates if c.variant and stacks.binary_for(extension, c.version, c.variant)]
        able.sort(key=lambda c: c.rank, reverse=True)
        same = [c for c in able if c.version == pick.version]
        ways = (
            ("another CUDA build", same, _ASKED),
            ("another version", able, _ASKED),
            ("a driver update", able, _NEWER),
        )
        for cost, among, lifted in ways:
            best = next((c for c in among if {check.constraint for check in c.failing} <= lifted), None)
            if best and not any(other.text.startswith(best.label) for other in found):
                found.append(_option(row, best, cost))
    return found


def _option(row: Stack, candidate: Candidate, cost: str) -> Alternative:
    need = next((check.need for check in candidate.failing if check.constraint == "driver"), "")
    package = PlannedPackage(
        name=candidate.package, version=candidate.version, variant=candidate.variant, index=candidate.index
    )
    text = f"{candidate.label}: {row.title} has a wheel for it" + (f"; {need}" if need else "")
    return Alternative(text=text, cost=cost, packages=[package])
