"""The decision: a request, a machine and what is known give a plan, or the constraint that makes it impossible."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from envsetup.compat import stacks, torch
from envsetup.compat.tables import key
from envsetup.model.plan import Alternative, Impossible, Plan, PlannedPackage, Reason, Rejected
from envsetup.resolve import asked as asking
from envsetup.resolve import explain, extensions, facts, jax, offered, pytorch, target, tensorflow
from envsetup.resolve.candidate import Blocked, Candidate, Case, Target, fits

if TYPE_CHECKING:
    from envsetup.model.machine import Machine
    from envsetup.model.offers import Offers
    from envsetup.model.plan import Request
    from envsetup.resolve.asked import Asked, Framework
    from envsetup.resolve.facts import Facts

_CANDIDATES = {"torch": pytorch.candidates, "tensorflow": tensorflow.candidates, "jax": jax.candidates}
Row = TypeVar("Row", Reason, Rejected, Alternative)
_STEADY = 12  # releases that must all have a Python before it is proposed to someone who named none


def resolve(request: Request, machine: Machine, offers: Offers | None = None) -> Plan:
    """Decide what to install. Pure: the same input gives the same plan.

    With `offers`, only builds that a source really offers are taken. Raises InputError for a request that names
    something that does not exist; what cannot work is a plan of status "impossible", never an exception.
    """
    asked = asking.read(request)
    known = facts.read(machine)
    gpu = [] if asked.device == "cpu" else target.options(machine, known)
    failed: list[Plan] = [_blocked(option) for option in gpu if isinstance(option, Blocked)]
    for option in gpu:
        if isinstance(option, Target):
            plan = _for_target(asked, known, option, offers)
            if plan.status == "ok":
                return plan
            failed.insert(0, plan)
    if asked.device == "gpu":
        return failed[0] if failed else _no_gpu(known)
    plan = _for_target(asked, known, target.cpu(known, asked=asked.device == "cpu"), offers)
    if asked.device == "cpu" or not failed or plan.status != "ok":
        return plan
    why = failed[0].impossible
    note = f"the GPU is not used: {why.text}; to use it: {why.nearest}" if why else "the GPU is not used"
    return msgspec.structs.replace(plan, warnings=[note, *plan.warnings])


def _blocked(option: Blocked) -> Plan:
    why = Impossible(constraint=option.constraint, text=option.text, nearest=option.nearest)
    rests_on = Reason(constraint=option.constraint, text=option.text, evidence=option.evidence, table=option.table)
    reasons = [rests_on] if option.table else []
    return Plan(status="impossible", device=option.kind, reasons=reasons, impossible=why, tables=_tables())


def _no_gpu(known: Facts) -> Plan:
    if not known.devices_known:
        text = "it is not known which GPU this machine has"
        nearest = "name it: gpus in the machine file, or plan --gpu-name; or ask for a CPU environment with --cpu"
    elif known.container:
        text = f"no usable GPU in this {known.container} container"
        nearest = "start the container with a GPU (--gpus all, --device /dev/kfd), or ask for --cpu"
    else:
        text = "no usable GPU on this machine"
        nearest = "a machine with a GPU, or ask for a CPU environment with --cpu"
    why = Impossible(constraint="device", text=text, nearest=nearest)
    return Plan(status="impossible", device="mps" if known.os == "macos" else "cuda", impossible=why, tables=_tables())


def _for_target(asked: Asked, known: Facts, goal: Target, offers: Offers | None) -> Plan:
    if len(asked.frameworks) > 1 and (common := _common(asked, known, goal, offers)):
        return common
    plans = [_alone(asked, framework, known, goal, offers) for framework in asked.frameworks]
    bad = next((plan for plan in plans if plan.status != "ok"), None)
    if len(plans) == 1:
        return plans[0]
    if bad:
        return _others_fit(bad, asked, plans)
    return _together(asked, plans) if goal.kind == "cuda" else _no_common_python(asked, plans)


def _common(asked: Asked, known: Facts, goal: Target, offers: Offers | None) -> Plan | None:
    """The plan of several frameworks for the first interpreter that all of them have wheels for."""
    order = [_pythons(asked, framework, known) for framework in asked.frameworks]
    for python in dict.fromkeys(python for one in order for python in one):
        held = msgspec.structs.replace(asked, python=python)
        plans = [_alone(held, framework, known, goal, offers) for framework in asked.frameworks]
        if all(plan.status == "ok" for plan in plans):
            return _together(asked, plans)
    return None


def _others_fit(bad: Plan, asked: Asked, plans: list[Plan]) -> Plan:
    """The plan of the framework that stands in the way, with those that would do without it."""
    able = [(f.title, plan.packages[0]) for f, plan in zip(asked.frameworks, plans, strict=True) if plan.status == "ok"]
    if bad.impossible is None or not able:
        return bad
    alone = ", ".join(f"{title} {p.version}{f'+{p.variant}' if p.variant else ''}" for title, p in able)
    nearest = f"{bad.impossible.nearest}; without it there is {alone}"
    return msgspec.structs.replace(bad, impossible=msgspec.structs.replace(bad.impossible, nearest=nearest))


def _no_common_python(asked: Asked, plans: list[Plan]) -> Plan:
    """Each framework has an interpreter here, but no interpreter serves them all, and they share an environment."""
    each = "; ".join(f"{f.title}: Python {plan.python}" for f, plan in zip(asked.frameworks, plans, strict=True))
    why = Impossible(
        constraint="python",
        text=f"no interpreter here serves all that was asked for ({each})",
        nearest="another Python for all of them, or one environment for each",
    )
    return msgspec.structs.replace(plans[0], status="impossible", packages=[], impossible=why, alternatives=[])


def _alone(asked: Asked, framework: Framework, known: Facts, goal: Target, offers: Offers | None) -> Plan:
    """The plan for one framework, with the first interpreter that it can be made for."""
    judge = _CANDIDATES[framework.name]
    plans: list[Plan] = []
    for python in _pythons(asked, framework, known):
        here = msgspec.structs.replace(known, python=python)
        case = Case(asked=asked, framework=framework, facts=here, target=goal)
        judged = judge(case)
        candidates = offered.apply(judged, offers, here)
        if fits(candidates):
            return _plan(case, judged, candidates, offers)
        why, rests_on = explain.impossible(candidates, case, judge)
        plans.append(
            Plan(
                status="impossible",
                device=goal.kind,
                python=python,
                rejected=explain.rejected(candidates, None),
                warnings=[*known.assumed, *goal.warnings],
                impossible=why,
                reasons=rests_on,
                tables=_tables(),
            )
        )
    return plans[0]


def _pythons(asked: Asked, framework: Framework, known: Facts) -> list[str | None]:
    """Interpreters in the order of choice: the one asked for, the machine's own, its others, or a proposed one."""
    if asked.python:
        return [asked.python]
    have = [p for p in [known.python, *sorted(known.pythons, key=key, reverse=True)] if p]
    if have:
        return list(dict.fromkeys(have))
    proposed: list[str] = []
    if framework.name == "torch":
        steady = [set(torch.pythons(row.version, known.os, known.arch)) for row in torch.releases()[:_STEADY]]
        proposed = sorted(set.intersection(*steady), key=key, reverse=True) if steady else []
    return [*proposed, *(f"3.{minor}" for minor in range(13, 8, -1) if f"3.{minor}" not in proposed)]


def _plan(case: Case, judged: list[Candidate], candidates: list[Candidate], offers: Offers | None) -> Plan:
    known, goal, pick = case.facts, case.target, fits(candidates)[0]
    beside, said = _additions(pick, goal, known, offers)
    package = PlannedPackage(
        name=pick.package, version=pick.version, variant=pick.variant, index=pick.index, extras=pick.extras
    )
    warnings = [*known.assumed, *goal.warnings, *said, *_warnings(case, pick, offers)]
    others = [*extensions.options(case, candidates, pick), *explain.alternatives(candidates, pick)]
    if first := _first_choice(judged, pick):
        cost = "an older release" if key(first.version) > key(pick.version) else "another build of the same release"
        why = next((row.text for row in explain.rejected(candidates, pick) if row.candidate == first.label), "")
        warnings.append(f"first choice was {first.label}: {why or 'no source offers it'}; {pick.label} instead: {cost}")
    return Plan(
        status="ok",
        device=goal.kind,
        packages=[package, *beside],
        python=known.python,
        reasons=explain.reasons(pick, case),
        rejected=explain.rejected(candidates, pick),
        warnings=list(dict.fromkeys(warnings)),
        alternatives=others,
        gpu_targets=sorted({what for d in goal.devices if (what := d.cc or d.gfx)}),
        tables=_tables(),
    )


def _first_choice(judged: list[Candidate], pick: Candidate) -> Candidate | None:
    """What the data alone would have taken, when the sources made it something else."""
    best = next(iter(fits(judged)), None)
    return (
        best
        if best and (best.version, best.variant) != (pick.version, pick.variant) and best.rank > pick.rank
        else None
    )


def _additions(
    pick: Candidate, goal: Target, known: Facts, offers: Offers | None
) -> tuple[list[PlannedPackage], list[str]]:
    if pick.package == "tensorflow":
        return tensorflow.additions(pick, goal)
    if pick.package == "jax":
        return jax.additions(pick, goal)
    row = torch.companions(pick.version)
    vision = offered.companion("torchvision", row.torchvision if row else [], pick, offers, known)
    if vision is None:
        return [], [f"no source offers a torchvision built like torch {pick.label}; it is left out"]
    return [PlannedPackage(name="torchvision", version=vision, variant=pick.variant, index=pick.index)], []


def _warnings(case: Case, pick: Candidate, offers: Offers | None) -> list[str]:
    known, goal = case.facts, case.target
    said: list[str] = []
    if pick.package == "torch" and (disputed := pytorch.disputed_on_windows(known, goal, pick)):
        said.append(disputed)
    said += _stack_notes(case, pick)
    if pick.ptx:
        said.append("PTX: no code for this GPU is in the build; the driver compiles it on the first run (JIT, minutes)")
    if not pick.native and known.driver_version:
        said.append(
            f"minor-version compatibility: driver {known.driver_version} is older than the toolkit of {pick.label}; "
            "compiled code runs, PTX does not"
        )
    if not pick.certain:
        said.append(f"{pick.label} is unconfirmed ({pick.doubt}); verify after the install with envsetup smoke")
    if pick.held:
        said.append(pick.held.text)
    if goal.kind == "cuda" and pick.package == "torch":
        last = pytorch.last_release_for(goal.devices, known)
        if last and last != torch.releases()[0].version:
            alone = [d for d in goal.devices if pytorch.last_release_for([d], known) == last]
            names = ", ".join(d.label for d in alone or goal.devices)
            said.append(f"{last} is the last PyTorch release with code for {names}")
    if known.os == "linux" and known.libc_version is None:
        said.append("glibc's version is unknown: a current one is assumed")
    newest = asking.known_versions(pick.package)[0][0]
    if later := offered.unknown_releases(offers, pick.package, newest):
        said.append(f"{later[-1]} is offered, but newer than envsetup's data, so it was not judged")
    return said


def _stack_notes(case: Case, pick: Candidate) -> list[str]:
    """What is to be said of the extra packages beside this pick."""
    said: list[str] = []
    asked_for = {framework.name for framework in case.asked.frameworks}
    for row in filter(None, (stacks.stack(name) for name in case.asked.extras)):
        if row.frameworks and not asked_for & set(row.frameworks):
            said.append(f"--with {row.name} is of use with {' or '.join(row.frameworks)}, which was not asked for")
        served = row.wheels and stacks.build_for(row.wheels, pick.version, pick.variant or "cpu")
        if row.wheels and not served and pick.package == "torch" and not pick.held:
            said.append(f"{row.wheels.package} has no wheel for torch {pick.label}: {row.title} works, but slower")
    return [*said, *extensions.notes(case, pick)]


def _together(asked: Asked, plans: list[Plan]) -> Plan:
    """Several frameworks: one environment on the CPU, one for each where each brings its own CUDA libraries."""
    first = plans[0]
    apart = first.device == "cuda"
    packages: list[PlannedPackage] = []
    for framework, plan in zip(asked.frameworks, plans, strict=True):
        name = framework.title.lower() if apart else None
        packages += [msgspec.structs.replace(p, environment=name) for p in plan.packages]
    plans = [_titled(framework.title, plan) for framework, plan in zip(asked.frameworks, plans, strict=True)]
    warnings = [w for plan in plans for w in plan.warnings]
    alternatives = [a for plan in plans for a in plan.alternatives]
    if apart:
        *others, last = (framework.title for framework in asked.frameworks)
        names = f"{', '.join(others)} and {last}"
        pythons = list(dict.fromkeys(plan.python for plan in plans))
        each = ", ".join(f"{f.title} on Python {plan.python}" for f, plan in zip(asked.frameworks, plans, strict=True))
        warnings.insert(
            0,
            f"{names} each bring their own CUDA libraries: one environment for each is planned"
            + (f" ({each})" if len(pythons) > 1 else ""),
        )
        cost = "libraries of one may break the other; create does not make it"
        alternatives.insert(0, Alternative(text="all in one environment", cost=cost))
    return msgspec.structs.replace(
        first,
        packages=packages,
        reasons=list(dict.fromkeys(r for plan in plans for r in plan.reasons)),
        rejected=[r for plan in plans for r in plan.rejected],
        warnings=list(dict.fromkeys(warnings)),
        alternatives=alternatives,
    )


def _titled(title: str, plan: Plan) -> Plan:
    """The plan with the framework's name before each sentence that speaks of a version alone."""

    def named(row: Row) -> Row:
        return msgspec.structs.replace(row, text=f"{title} {row.text}") if row.text[:1].isdigit() else row

    return msgspec.structs.replace(
        plan,
        reasons=[named(row) for row in plan.reasons],
        rejected=[named(row) for row in plan.rejected],
        alternatives=[named(row) for row in plan.alternatives],
    )


def _tables() -> str:
    return max(source.date for source in torch.table().sources.values())
