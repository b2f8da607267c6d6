"""From the judged candidates to words: why the pick, why not the others, what else, and what nothing would need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from envsetup.compat.tables import key
from envsetup.model.plan import Alternative, Impossible, PlannedPackage, Reason, Rejected
from envsetup.resolve.candidate import fits

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.model.plan import Constraint
    from envsetup.resolve.candidate import Candidate, Case, Check

# Which constraint is named first when several decide alike: what no version of the framework can cure.
_ORDER: tuple[Constraint, ...] = (
    "os",
    "arch",
    "libc",
    "gpu-arch",
    "python",
    "driver",
    "framework",
    "request",
    "source",
)

# Changes that lead away from the framework's own build: there is no "then".
_ENDS = frozenset({"os", "arch", "framework", "gpu-arch"})

_LAST = frozenset({"framework", "gpu-arch"})

_COST: dict[Constraint, str] = {
    "driver": "a driver update (root, reboot)",
    "python": "another Python",
    "libc": "a newer distribution or a container",
    "source": "another source, or fewer limits on this one",
    "request": "another version than asked for",
    "framework": "without the extra that holds it back",
    "os": "another operating system",
    "arch": "another machine",
    "gpu-arch": "another GPU",
}


def reasons(pick: Candidate, case: Case) -> list[Reason]:
    """Each constraint that the pick meets, with the machine's fact and the data row."""
    found = [_reason(check) for check in [*pick.checks, *case.target.checks]]
    if case.framework.specifier:
        return found
    # Nobody asked for a version: what matters is that nothing newer passes.
    free = f"{pick.label} is the newest {case.framework.title} build that meets every constraint"
    return [
        msgspec.structs.replace(r, constraint="framework", text=free) if r.constraint == "request" else r for r in found
    ]


def _reason(check: Check) -> Reason:
    return Reason(constraint=check.constraint, text=check.text, evidence=check.evidence, table=check.table)


def rejected(candidates: list[Candidate], pick: Candidate | None) -> list[Rejected]:
    """What ranks above the pick (everything, without one) and the constraint that killed it, best first."""
    above = [c for c in candidates if pick is None or c.rank > pick.rank or c.version == pick.version]
    ordered = sorted(above, key=lambda c: c.rank, reverse=True)
    lost = [(c, why) for c in ordered if c is not pick and (why := next(iter(c.failing), c.held))]
    return [Rejected(candidate=c.label, constraint=why.constraint, text=why.text) for c, why in lost]


def alternatives(candidates: list[Candidate], pick: Candidate) -> list[Alternative]:
    """Other builds that work here, and newer ones with the one change each needs."""
    able = [c for c in fits(candidates) if c.held is None or pick.held]
    found: list[Alternative] = []
    if held := next((c for c in fits(candidates) if c.held and not pick.held and c.rank > pick.rank), None):
        cost = held.held.text if held.held else ""
        what = "newer, but" if _ahead(held, pick) else "the same release,"
        found.append(_alternative(held, f"{held.label}: {what} taken only when nothing else fits", cost))
    if sibling := next((c for c in able if c.version == pick.version and c.variant != pick.variant), None):
        found.append(_alternative(sibling, f"{sibling.label}: the same release, another build", _sibling_cost(sibling)))
    if newer := next(
        (c for c in sorted(able, key=lambda c: c.rank, reverse=True) if _ahead(c, pick) and not c.certain), None
    ):
        text = f"{newer.label}: newer, but not confirmed; taken when a source is found to offer it"
        found.append(_alternative(newer, text, "an unconfirmed build"))
    if older := next((c for c in able if key(c.version) < key(pick.version)), None):
        found.append(_alternative(older, f"{older.label}: the release before", "an older framework"))
    for constraint in ("driver", "python", "source", "framework", "libc"):
        best = next(iter(fits(candidates, but_for=constraint)), None)
        if best and _ahead(best, pick) and best.failing:
            found.append(_alternative(best, f"{best.label}: {best.failing[0].need}", _COST[best.failing[0].constraint]))
    return found


def _ahead(candidate: Candidate, pick: Candidate) -> bool:
    return key(candidate.version) > key(pick.version)


def _sibling_cost(candidate: Candidate) -> str:
    return "none" if candidate.native else "minor-version compatibility: no PTX, some newer driver features missing"


def _alternative(candidate: Candidate, text: str, cost: str) -> Alternative:
    package = PlannedPackage(
        name=candidate.package, version=candidate.version, variant=candidate.variant, index=candidate.index
    )
    return Alternative(text=text, cost=cost, packages=[package])


def impossible(
    candidates: list[Candidate], case: Case, judge: Callable[[Case], list[Candidate]]
) -> tuple[Impossible, list[Reason]]:
    """The constraint that decides that nothing fits and the nearest change; and the row that it rests on.

    `judge` judges the candidates anew for a case with fewer GPUs.
    """
    title = case.framework.title
    if not candidates:
        where = f"{case.facts.os} on {case.facts.arch}"
        none = Impossible(constraint="arch", text=f"{title} has no wheels for {where}", nearest="Linux on x86_64")
        return none, []
    # What was asked for is the user's word: it decides only when the versions asked for would do but for nothing else.
    wanted = [c for c in candidates if all(check.constraint != "request" for check in c.failing)]
    deciding, best, check = _decide(wanted or candidates)
    if deciding == "gpu-arch":
        nearest = _fewer_gpus(case, judge) or check.need
    elif deciding in _ENDS:
        nearest = check.need
    else:
        nearest = "; and ".join(dict.fromkeys(c.need for c in best.failing))
        nearest += "" if best.label in nearest else f" (then {best.label})"
    if other := next(iter(fits(candidates, but_for="request")), None):
        asking = f"ask for {title} {other.version} ({other.label} fits)"
        nearest = asking if deciding == "gpu-arch" else f"{nearest}; or {asking}"
    return Impossible(constraint=deciding, text=_titled(title, check.text), nearest=nearest), [_reason(check)]


def _decide(candidates: list[Candidate]) -> tuple[Constraint, Candidate, Check]:
    """The deciding constraint, the build that comes closest, and its verdict."""
    # One change is enough: the one that leads to the newest release, another GPU or framework last of all.
    ways = [(c, able[0]) for c in _ORDER if (able := fits(candidates, but_for=c))]
    if ways:
        constraint, best = max(ways, key=lambda way: (way[0] not in _LAST, key(way[1].version), -_ORDER.index(way[0])))
        return constraint, best, best.failing[0]
    # No single change helps: what stops every build decides, else what stops the one that comes closest.
    closest = min(
        candidates, key=lambda c: (len({check.constraint for check in c.failing}), [-n for n in key(c.version)])
    )
    stops = {check.constraint: check for check in reversed(closest.failing)}
    always = [c for c in stops if all(any(check.constraint == c for check in other.failing) for other in candidates)]
    deciding = min(always or stops, key=_ORDER.index)
    return deciding, closest, stops[deciding]


def _titled(title: str, text: str) -> str:
    return text if text.startswith(title) else f"{title} {text}"


def _fewer_gpus(case: Case, judge: Callable[[Case], list[Candidate]]) -> str | None:
    """For GPUs that no build serves together: what each would get alone."""
    if len({d.cc for d in case.target.devices}) == 1:
        return None
    ways: list[str] = []
    for device in case.target.devices:
        alone = msgspec.structs.replace(case, target=msgspec.structs.replace(case.target, devices=[device]))
        if best := next(iter(fits(judge(alone))), None):
            ways.append(f"CUDA_VISIBLE_DEVICES={device.index} ({device.label}): {best.label}")
    return "hide GPUs and make one environment per kind: " + "; ".join(ways) if ways else None
