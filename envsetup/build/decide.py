"""From a request to a decision that can be built: machine, sources, interpreter and plan, then the lock."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Optional

import msgspec

from envsetup.build import interpreters, locking
from envsetup.build.pipconfig import read_pip_config
from envsetup.build.sources import OFFICIAL, Sources, for_plan, gather
from envsetup.build.uv import Uv, make_uv
from envsetup.build.uvenv import uv_flags, uv_settings
from envsetup.model.errors import InputError
from envsetup.model.plan import Plan, PlannedPackage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envsetup.build.interpreters import Interpreter
    from envsetup.model.lock import Lock
    from envsetup.model.machine import Machine
    from envsetup.model.offers import Offers
    from envsetup.model.plan import Device, Request
    from envsetup.model.software import Python

# What is asked of the sources, by the framework's name in a plan.
PACKAGES = {
    "torch": ["torch", "torchvision", "torchaudio"],
    "tensorflow": ["tensorflow", "tensorflow-cpu"],
    "jax": ["jax", "jaxlib", "jax-cuda12-plugin", "jax-cuda13-plugin"],
}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What will be built, from where, with what. `machine` and `offers` are None where nobody looked."""

    plan: Plan
    interpreter: Interpreter
    sources: Sources
    uv: Uv
    spare: Optional[Uv] = None  # with the official index too, for a given lock that the configured sources lack
    machine: Optional[Machine] = None
    offers: Optional[Offers] = None


def engine(request: Request, variants: list[str]) -> tuple[Sources, Uv]:
    """The sources of a request, and uv set up to use them."""
    sources = gather(read_pip_config(), request.source, variants)
    return sources, uv_for(sources, offline=request.offline)


def uv_for(sources: Sources, *, offline: bool) -> Uv:
    """Uv that installs from these sources."""
    return make_uv(uv_settings(sources), uv_flags(sources), secrets=sources.secrets, offline=offline)


def look_at_sources(request: Request) -> Offers | None:
    """What the sources of a request offer of its frameworks; None when it may not ask (`--offline`)."""
    from envsetup.build.offers import ask  # noqa: PLC0415 - a given lock needs neither HTTP nor tables
    from envsetup.compat.torch import releases  # noqa: PLC0415
    from envsetup.resolve.asked import read  # noqa: PLC0415

    names = [name for framework in read(request).frameworks for name in PACKAGES[framework.name]]
    if request.offline:
        return None
    sources, uv = engine(request, sorted({variant.name for row in releases() for variant in row.variants}))
    return ask(sources, names, uv)


def hopeless(request: Request, machine: Machine) -> Plan | None:
    """The plan that is impossible on this machine whatever the sources offer, or None: then it is worth asking them."""
    from envsetup.resolve import resolve  # noqa: PLC0415 - as above

    plan = resolve(request, machine)
    return plan if plan.impossible and plan.impossible.constraint == "device" else None


def choose(python: str | None) -> tuple[Interpreter, Iterator[Interpreter]]:
    """The interpreter to begin with, as `--python` wants it, and the others to fall back on.

    Raises InputError when there is none.
    """
    installed = interpreters.candidates(python)
    choice = next(installed, None)
    if choice is None:
        found = ", ".join(dict.fromkeys(i.short for i in interpreters.candidates())) or "none"
        hint = "let uv fetch it with --install-python"
        raise InputError(f"--python {python}: not installed; found {found}", hint=hint)
    return choice, installed


def decide(
    request: Request, machine: Machine, offers: Offers | None, choice: Interpreter, others: Iterator[Interpreter]
) -> Decision:
    """The plan for this machine and the installed interpreter that it is made for; it may say why there is none.

    `request.python` is None where another interpreter may be taken than `choice`.
    """
    from envsetup.resolve import resolve  # noqa: PLC0415 - tables are read only where something is planned

    here = msgspec.structs.replace(machine, python=as_python(choice), pythons=[])
    plan = resolve(request, here, offers)
    if plan.impossible and plan.impossible.constraint in {"python", "source"} and request.python is None:
        # Only now is it worth the time to run every interpreter on this machine.
        rest = list(others)
        plan = resolve(request, msgspec.structs.replace(here, pythons=[as_python(other) for other in rest]), offers)
        choice = next((other for other in rest if other.short == plan.python), choice)
    sources, _ = engine(request, [package.variant for package in plan.packages if package.variant])
    sources = for_plan(without_silent(sources, offers), plan)
    return Decision(
        plan=plan,
        interpreter=choice,
        sources=sources,
        uv=uv_for(sources, offline=request.offline),
        machine=here,
        offers=offers,
    )


def without_silent(sources: Sources, offers: Offers | None) -> Sources:
    """The sources without those that did not answer: pip passes over them, uv would give up.

    One that answered with a refusal stays: uv may have credentials for it that envsetup does not look for.
    """
    dead = {name for name, why in offers.unreachable.items() if not why.startswith("answered")} if offers else set()
    kept = [source for source in sources.all if source.name not in dead or source.url in {None, sources.pip.index_url}]
    return msgspec.structs.replace(sources, all=kept)


def in_one_environment(plan: Plan, request: Request) -> None:
    """Refuse a plan of several environments: each framework brings CUDA libraries that break the others.

    Raises InputError with the command for each of them.
    """
    names = list(dict.fromkeys(package.environment for package in plan.packages if package.environment))
    if len(names) > 1:
        each = "; ".join(_command(name, request) for name in names)
        raise InputError(f"{' and '.join(names)} bring CUDA libraries of their own: make one environment each: {each}")


def _command(name: str, request: Request) -> str:
    """What makes one of several environments: the framework as it was asked for, in the target that has it."""
    from envsetup.build.targets import folder  # noqa: PLC0415 - targets import this module
    from envsetup.compat import conda  # noqa: PLC0415 - as above
    from envsetup.resolve.asked import read  # noqa: PLC0415

    typed = zip(read(request).frameworks, request.frameworks, strict=True)
    package, wanted = next(((f.name, text) for f, text in typed if f.title.lower() == name), (name, name))
    target = request.target
    if target == "conda" and conda.framework(package) is None:
        target = "venv"
    more = "" if target == "venv" else f" --target {target}"
    return f"envsetup create {folder(target)}-{name} --framework {shlex.quote(wanted)} --gpu{more}"


def decide_by_lock(request: Request, lock: Lock, interpreter: Interpreter) -> Decision:
    """A given lock is the decision: what it holds is the plan, and nothing is looked at.

    Raises InputError when what was asked for beside the lock is not in it.
    """
    frameworks = [name for names in PACKAGES.values() for name in names]
    packages = []
    for package in lock.packages:
        if package.name in frameworks:
            version, _, local = package.version.partition("+")
            packages.append(PlannedPackage(name=package.name, version=version, variant=local or None))
    asked_but_missing(request, packages)
    variants = sorted({package.variant for package in packages if package.variant})
    plan = Plan(status="ok", device=_device(variants), packages=packages, python=interpreter.short)
    sources, uv = engine(request, variants)
    official = [msgspec.structs.replace(package, index=OFFICIAL) for package in packages if package.variant]
    more = for_plan(sources, msgspec.structs.replace(plan, packages=official))
    return Decision(
        plan=plan,
        interpreter=interpreter,
        sources=sources,
        uv=uv,
        spare=uv_for(more, offline=request.offline) if official and not sources.pip.no_index else None,
    )


def asked_but_missing(request: Request, packages: list[PlannedPackage]) -> None:
    """Refuse a lock that contradicts `--framework`, `--gpu` or `--cpu`."""
    if request.frameworks:
        from envsetup.resolve.asked import read  # noqa: PLC0415 - as above

        for framework in read(request).frameworks:
            there = next((package for package in packages if package.name == framework.name), None)
            if there is None or not framework.accepts(there.version, there.variant):
                raise InputError(f"--lock holds no {framework.title} {framework.specifier}".rstrip())
    device = _device([package.variant for package in packages if package.variant])
    plain = any(package.variant is None for package in packages)  # what a plain version holds, its name does not say
    if not plain and packages and request.device == ("gpu" if device == "cpu" else "cpu"):
        raise InputError(f"--lock holds the {device} build, --{request.device} was asked for")


def _device(variants: list[str]) -> Device:
    known: dict[str, Device] = {"cu": "cuda", "rocm": "rocm", "xpu": "xpu"}
    return next((device for start, device in known.items() for v in variants if v.startswith(start)), "cpu")


def lock_for(
    decision: Decision, extras: list[str], tick: Callable[[], None], *, fresh: bool = False
) -> tuple[Lock, bool]:
    """The lock of a decision, and whether it was made before; `fresh` asks the sources in any case."""
    question = question_of(decision, extras)
    if not fresh and (lock := locking.recall(question)) is not None:
        return lock, True
    lock = locking.make_lock(question, decision.interpreter, decision.uv, tick)
    locking.remember(question, lock)
    return lock, False


def question_of(decision: Decision, extras: list[str]) -> locking.Question:
    """What the lock of a decision answers."""
    from envsetup.build.wanted import requirements  # noqa: PLC0415 - as above

    wanted = requirements(decision.plan, decision.offers, extras)
    return locking.question(wanted, decision.interpreter, decision.sources)


def as_python(interpreter: Interpreter) -> Python:
    """An interpreter as a fact of the machine."""
    from envsetup.model.software import Python  # noqa: PLC0415 - as above

    return Python(
        version=interpreter.version,
        free_threaded=interpreter.free_threaded,
        implementation=interpreter.implementation,
        executable=interpreter.path,
    )


def wanted_python(machine: Machine) -> str | None:
    """The interpreter that a described machine asks for, as `--python` would be typed."""
    from envsetup.model.maybe import known  # noqa: PLC0415

    python = known(machine.python)
    version = known(python.version) if python else None
    return ".".join(version.split(".")[:2]) if version else None
