"""What the configured sources really offer: asked before a plan becomes final, and never more than was asked."""

from __future__ import annotations

from typing import Optional

import msgspec


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One wheel that a source lists. Tags stand as in the file's name; several are joined by dots."""

    name: str  # normalised: torch, nvidia-cudnn-cu12
    version: str  # public version, e.g. 2.13.0
    local: Optional[str] = None  # local version, e.g. cu126, cpu; None for a plain version
    python: str  # cp312, py3, py2.py3
    abi: str = "none"  # cp312, cp313t, abi3, none
    platform: str  # manylinux_2_28_x86_64, win_amd64, any
    index: str  # the source's name as the plan shows it: pytorch, pypi, a mirror's name, a folder; never a secret


class Offers(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of all sources together.

    A package in `asked` without an offer is not to be had; a package not in `asked` is simply unknown.
    """

    offers: list[Offer] = []
    asked: list[str] = []  # package names, normalised
    sources: list[str] = []  # names of the sources that answered, first choice first
    unreachable: dict[str, str] = {}  # source name to the reason, without secrets
    limits: dict[str, str] = {}  # package name to the specifier by which pip's constraints have narrowed it

    def of(self, name: str) -> list[Offer]:
        """Every offer of one package."""
        return [offer for offer in self.offers if offer.name == name]


def from_wheel_name(filename: str, index: str) -> Offer | None:
    """The offer that a wheel's file name describes, or None when it is not a wheel's name (PEP 427)."""
    stem, dot, suffix = filename.rpartition(".")
    parts = stem.split("-")
    if not dot or suffix != "whl" or len(parts) not in {5, 6}:
        return None
    public, _, local = parts[1].partition("+")
    return Offer(
        name=parts[0].lower().replace("_", "-").replace(".", "-"),
        version=public,
        local=local or None,
        python=parts[-3],
        abi=parts[-2],
        platform=parts[-1],
        index=index,
    )
