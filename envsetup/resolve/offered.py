"""What the sources were found to offer, laid over the candidates: only what is offered can be taken."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from envsetup.compat import torch
from envsetup.compat.tables import at_least, key
from envsetup.resolve.candidate import Candidate, Check
from envsetup.resolve.checks import within

if TYPE_CHECKING:
    from envsetup.model.offers import Offer, Offers
    from envsetup.resolve.facts import Facts

_GLIBC = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}
_TAGS = 3  # of an offer that does not fit, as many kinds of wheels are named
_TABLE = "the sources' own answer, asked for this plan"


def apply(candidates: list[Candidate], offers: Offers | None, facts: Facts) -> list[Candidate]:
    """The candidates with the sources' verdict; untouched where no source was asked for their package."""
    if offers is None or not candidates or candidates[0].package not in offers.asked:
        return candidates
    everything = offers.of(candidates[0].package)
    usable = [offer for offer in everything if fits(offer, facts)]
    by_build: dict[tuple[str, str | None], list[Offer]] = {}
    for offer in usable:
        by_build.setdefault((offer.version, _variant(offer, facts)), []).append(offer)
    none = "" if usable else _nothing(candidates[0].package, everything, offers, facts)
    return [_judged(c, by_build.get((c.version, _build(c)), []), offers, none) for c in candidates]


def _nothing(package: str, listed: list[Offer], offers: Offers, facts: Facts) -> str:
    """What to say where no wheel that is offered can be installed here, whatever its version."""
    if not offers.sources:
        why = "; ".join(f"{name} did not answer: {reason}" for name, reason in offers.unreachable.items())
        return f"cannot be looked up: {why or 'there is no source'}"
    if not listed:
        # Offers that pip's constraints shut out are not listed; then the constraint is to blame, not the source.
        return "" if package in offers.limits else f"is not offered by {', '.join(offers.sources)}"
    tags = list(dict.fromkeys(f"{offer.python} on {offer.platform}" for offer in listed))
    more = f" and {len(tags) - _TAGS} more" if len(tags) > _TAGS else ""
    here = f"Python {facts.python or 'unknown'} on {facts.os} {facts.arch}"
    wheels = ", ".join(tags[:_TAGS]) + more
    return f"is offered by {listed[0].index}, but not for {here}: the wheels are for {wheels}"


def _build(candidate: Candidate) -> str | None:
    return candidate.variant if candidate.package == "torch" else None


def _variant(offer: Offer, facts: Facts) -> str | None:
    if offer.local or offer.name not in {"torch", "torchvision"} or facts.os == "macos":
        return offer.local
    # A plain file name says nothing: the build is the one that the package index gives for this release.
    return torch.default_variant(offer.version, facts.os, facts.arch)


def _judged(candidate: Candidate, found: list[Offer], offers: Offers, none: str) -> Candidate:
    asked = ", ".join(offers.sources) or "none"
    silent = "".join(f"; {name}: {why}" for name, why in offers.unreachable.items())
    limit = offers.limits.get(candidate.package)
    shut_out = bool(limit) and not within(limit or "", candidate.version)
    missing = f"{candidate.label} is not offered"
    need = f"a source that has {candidate.label}"
    if offers.unreachable:
        need += f" ({', '.join(offers.unreachable)} did not answer)"
    if not offers.sources:
        need = "a source that answers, by --source or pip's configuration"
    elif shut_out:
        missing = f"{candidate.label} is shut out by pip's constraint {candidate.package}{limit}"
        need = f"lift pip's constraint {candidate.package}{limit}"
    check = Check(
        constraint="source",
        ok=bool(found),
        text=f"{candidate.label} is offered by {found[0].index}" if found else none or missing,
        evidence=f"sources that answered: {asked}{silent}",
        table=_TABLE,
        need=need,
    )
    kept = [c for c in candidate.checks if c.constraint != "source"]
    index = found[0].index if found else candidate.index
    return msgspec.structs.replace(
        candidate, checks=[*kept, check], index=index, certain=candidate.certain or bool(found)
    )


def fits(offer: Offer, facts: Facts) -> bool:
    """Whether a wheel's tags suit the interpreter, the system and its libc."""
    return _python_fits(offer, facts.python) and any(_platform_fits(tag, facts) for tag in offer.platform.split("."))


def _python_fits(offer: Offer, python: str | None) -> bool:
    tags = offer.python.split(".")
    if "py3" in tags:
        return True
    if python is None:
        return False
    want = "cp" + python.rstrip("t").replace(".", "")
    if offer.abi == "abi3":
        return not python.endswith("t") and any(t.startswith("cp3") and key(t[3:]) <= key(want[3:]) for t in tags)
    return want in tags and offer.abi == want + ("t" if python.endswith("t") else "")


def _platform_fits(tag: str, facts: Facts) -> bool:
    if tag == "any":
        return True
    if facts.os == "windows":
        return tag == {"x86_64": "win_amd64", "arm64": "win_arm64"}.get(facts.arch)
    if facts.os == "macos":
        mac = re.fullmatch(r"macosx_(\d+)_(\d+)_(\w+)", tag)
        old = facts.os_version
        return (
            mac is not None
            and mac[3] in {facts.arch, "universal2"}
            and (old is None or at_least(old, f"{mac[1]}.{mac[2]}"))
        )
    if not tag.endswith(facts.arch) or facts.libc == "musl":
        return False
    floor = _GLIBC.get(tag.partition("_")[0])
    if found := re.match(r"manylinux_(\d+)_(\d+)_", tag):
        floor = f"{found[1]}.{found[2]}"
    return floor is None or facts.libc_version is None or at_least(facts.libc_version, floor)


def unknown_releases(offers: Offers | None, package: str, newest: str) -> list[str]:
    """Offered final releases newer than the data knows, ascending."""
    found = {o.version for o in (offers.of(package) if offers else []) if re.fullmatch(r"[\d.]+", o.version)}
    return sorted((v for v in found if key(v) > key(newest)), key=key)


def companion(package: str, versions: list[str], pick: Candidate, offers: Offers | None, facts: Facts) -> str | None:
    """The newest of `versions` that comes as the pick's own build, or the newest of all when nobody was asked."""
    if offers is None or package not in offers.asked:
        return versions[-1] if versions else None
    same = {
        offer.version
        for offer in offers.of(package)
        if fits(offer, facts) and _companion_variant(offer, pick, facts) == pick.variant
    }
    return next((v for v in reversed(versions) if v in same), None)


def _companion_variant(offer: Offer, pick: Candidate, facts: Facts) -> str | None:
    if offer.local or facts.os == "macos":
        return offer.local
    return torch.default_variant(pick.version, facts.os, facts.arch)
