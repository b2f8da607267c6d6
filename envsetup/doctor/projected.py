"""Whether what a project asks for can work on this machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from envsetup.compat import jax, tensorflow, torch
from envsetup.compat.tables import at_least, key
from envsetup.doctor.builds import floor, processor, system
from envsetup.doctor.check import finding, fix, missing, seen
from envsetup.doctor.checks import frameworks, packages, versions, wheel
from envsetup.doctor.project import FRAMEWORKS, Planned, exact, planned, wanted
from envsetup.doctor.when import has_gpu, is_gpu_build
from envsetup.model.finding import Evidence, Finding
from envsetup.model.maybe import known
from envsetup.model.project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.doctor.case import Case
    from envsetup.doctor.check import Check, Outcome
    from envsetup.model.project import Requirement, Scope, Service

# The questions to an installed environment that can be asked of a planned one as well.
ASKED = {
    *("driver-too-old-for-cuda", "gpu-arch", "cpu-wheel-on-gpu-machine", "wrong-accelerator-build"),
    *("torchvision-torch-mismatch", "numpy2-abi-break", "jax-cpu-only", "jax-plugin-version-mismatch", "jax-driver"),
    *("tf-cpu-package", "tf-windows-gpu-dropped", "tf-metal-mismatch"),
}
CUDA_IMAGE = re.compile(r"(?:^|/)nvidia/cuda:(\d+\.\d+)[\d.]*-(\S+)")
COMPILED = ("flash-attn", "deepspeed", "apex", "mamba-ssm", "causal-conv1d", "transformer-engine", "vllm")
TABLE = "PyTorch wheel table"
RESERVE = "deploy: {resources: {reservations: {devices: [{driver: nvidia, count: all, capabilities: [gpu]}]}}}"


def _project(case: Case) -> Project:
    return case.project or Project(root="", scopes=[])


def _plans(case: Case) -> list[Planned]:
    return [planned(case, scope) for scope in _project(case).scopes if scope.requirements or scope.base]


def _at(scope: Scope, *names: str) -> str:
    """Where to look in the project."""
    items = [item for name in names if (item := wanted(scope, name))]
    return f"project:{items[0].place if items else scope.file}"


def requirements(case: Case) -> Outcome:
    """Each set of requirements judged as if it were installed: its wheels against driver, GPU and each other."""
    every = [*versions.CHECKS, *wheel.CHECKS, *packages.CHECKS, *frameworks.CHECKS]
    asked = [check for check in every if check.id in ASKED]
    return [_told(one, plan) for plan in _plans(case) for check in asked for one in _answers(check, plan.case)]


def _answers(check: Check, case: Case) -> list[Finding]:
    """A check's findings about a planned environment; what it cannot know before the installation is not asked."""
    if check.when.holds(case) is not True or missing(case.machine, check.needs):
        return []
    answer = check.look(case)
    answers = answer if isinstance(answer, list) else [answer]
    return [one for one in answers if isinstance(one, Finding)]


def _told(one: Finding, plan: Planned) -> Finding:
    """The finding, on the line that asks for it, with what would be installed."""
    names = [name for name in FRAMEWORKS if wanted(plan.scope, name)]
    asks = [
        seen(f"{plan.scope.file} asks for", f"{item.name}{item.spec}", str(item.place))
        for name in names
        if (item := wanted(plan.scope, name))
    ]
    chosen = []
    if plan.torch and plan.variant and f"+{plan.variant}" not in str(asks):
        index = f"index {plan.scope.index}" if plan.scope.index else "the default index"
        chosen = [seen("that installs", f"torch {plan.torch}+{plan.variant}", index)]
    loose = any(not exact(item) for name in names if (item := wanted(plan.scope, name)))
    confidence = "likely" if loose and one.confidence == "certain" else one.confidence
    evidence = [*asks, *chosen, *map(_pinned, one.evidence)]
    return msgspec.structs.replace(one, subject=_at(plan.scope, *names), evidence=evidence, confidence=confidence)


def _pinned(item: Evidence) -> Evidence:
    """Nothing is installed yet: what the checks call so is what the project pins."""
    if item.what != "installed" and "version.py" not in item.source:
        return item
    return msgspec.structs.replace(item, what="to be installed", source="the project")


def wheels(case: Case) -> Outcome:
    """A PyTorch for which there is no wheel: not for this Python, not for this C library."""
    return [found for plan in _plans(case) if plan.torch for found in _no_wheel(case, plan, plan.torch)]


def releases(case: Case) -> Outcome:
    """Pins above every release that the tables know: a slip, or a release made after them."""
    return [found for plan in _plans(case) if (found := _above(plan)) is not None]


def _above(plan: Planned) -> Finding | None:
    newest = {
        "torch": torch.releases()[0].version,
        "tensorflow": tensorflow.releases()[0].version,
        "jax": jax.releases()[0].version,
    }
    above = {
        name: item
        for name in FRAMEWORKS
        if (item := wanted(plan.scope, name)) and (pin := exact(item)) and not at_least(newest[name], _public(pin))
    }
    if not above:
        return None
    asked = [seen(f"{plan.scope.file} asks for", f"{name}{item.spec}", str(item.place)) for name, item in above.items()]
    known_here = [seen("newest release known here", f"{name} {newest[name]}", "release tables") for name in above]
    names = " and ".join(f"{name} {exact(item)}" for name, item in above.items())
    return finding(
        "no-matching-wheel",
        *asked,
        *known_here,
        subject=_at(plan.scope, *above),
        severity="warning",
        confidence="likely",
        title=f"No release {names} is known here: a slip, or newer than these tables",
        remedies=[fix(f"Ask the index which {name} there is", f"pip index versions {name}") for name in above],
    )


def _public(version: str) -> str:
    return version.partition("+")[0]


def _no_wheel(case: Case, plan: Planned, version: str) -> Iterator[Finding]:
    python, libc = known(plan.case.python.version), plan.case.libc
    item = wanted(plan.scope, "torch")
    if item is None or torch.release(version) is None:
        return
    asked = seen(f"{plan.scope.file} asks for", f"torch{item.spec}", str(item.place))
    subject = _at(plan.scope, "torch")
    have = torch.pythons(version, system(case), processor(case))
    short = ".".join((python or "").split(".")[:2])
    if python and have and short not in have:
        has = seen(f"torch {version} has wheels for", f"Python {', '.join(have)}", TABLE)
        command = f"envsetup create --framework 'pytorch=={version}' --python {have[-1]}"
        remedies = [fix(f"Use Python {have[-1]}, or a torch for Python {short}", command)]
        title = f"torch {version} has no wheel for Python {short}"
        yield finding("no-matching-wheel", asked, has, subject=subject, title=title, remedies=remedies)
    need, glibc = torch.libc_floor(version, arch=processor(case)), known(libc.version)
    if glibc and need and libc.name == "glibc" and key(glibc) < key(need):
        evidence = (asked, seen(f"torch {version} needs at least glibc", need, TABLE), seen("glibc", glibc, "here"))
        yield finding("glibc-too-old", *evidence, subject=subject)
    if libc.name == "musl" and plan.scope.base:
        base = seen("base image", plan.scope.base, str(plan.scope.base_place))
        title = "PyTorch has no wheels for Alpine (musl)"
        yield finding("musl-libc", asked, base, subject=f"project:{plan.scope.base_place}", title=title)


def contradictions(case: Case) -> Outcome:
    """Two lines that no version satisfies: in one file, or in two that are installed together."""
    found = []
    told: set[tuple[str, str]] = set()
    for scope in _project(case).scopes:
        by_name: dict[str, list[Requirement]] = {}
        for item in scope.requirements:
            by_name.setdefault(item.name, []).append(item)
        for name, items in by_name.items():
            pins = {pin: item for item in items if (pin := exact(item))}
            against = [(item, other) for pin, item in pins.items() for other in items if not _allows(other, pin)]
            if not against or (name, str(against[0][0].place)) in told:
                continue
            first, second = against[0]
            told |= {(name, str(first.place)), (name, str(second.place))}
            evidence = [seen(f"{one.name}{one.spec}", "asked for", str(one.place)) for one in (first, second)]
            title = f"{name}{first.spec} and {name}{second.spec} contradict each other"
            found.append(finding("project-pins-contradict", *evidence, subject=f"project:{first.place}", title=title))
    return found


def _allows(item: Requirement, pin: str) -> bool:
    try:
        return not item.spec or Version(pin) in SpecifierSet(item.spec) or exact(item) == pin
    except (InvalidSpecifier, InvalidVersion):
        return True


def containers(case: Case) -> Outcome:
    """Images whose CUDA the driver refuses, services that ask for no GPU, and CUDA images that nobody needs."""
    found: list[Finding] = []
    plans = {plan.scope.file: plan for plan in _plans(case) if plan.scope.base}
    for plan in plans.values():
        found += _image(case, plan)
    if has_gpu(case, "nvidia") is not False:
        for service in _project(case).services:
            found += _service(service, plans)
    return found


def _image(case: Case, plan: Planned) -> Iterator[Finding]:
    base, place = plan.scope.base or "", plan.scope.base_place
    cuda = CUDA_IMAGE.search(base)
    if cuda is None:
        return
    image = seen("base image", base, str(place))
    driver, need = known(case.driver.nvidia), floor(cuda[1], "linux")
    if driver and need and not at_least(driver, need.minor_compat):
        yield finding(
            "container-cuda-requirement",
            image,
            seen("NVIDIA driver", driver, case.source("the driver")),
            seen(f"oldest driver for CUDA {cuda[1]}", need.minor_compat, need.table),
            subject=f"project:{place}",
            title=f"{base} does not start with driver {driver}",
        )
    names = {item.name for item in plan.scope.requirements}
    if names & set(FRAMEWORKS) and not names & set(COMPILED):
        brings = sorted(names & set(FRAMEWORKS))
        yield finding(
            "cuda-image-unneeded", image, seen("the wheels bring CUDA", ", ".join(brings), plan.scope.file),
            subject=f"project:{place}",
        )  # fmt: skip


def _service(service: Service, plans: dict[str, Planned]) -> Iterator[Finding]:
    plan = plans.get(service.dockerfile or "")
    image = service.image or (plan.scope.base if plan else None) or ""
    builds = known(plan.case.environment.frameworks) or [] if plan else []
    wants = bool(CUDA_IMAGE.search(image) or re.search(r"-cuda\d|-gpu\b", image)) or any(map(is_gpu_build, builds))
    if service.gpu or not wants:
        return
    asks = seen("it holds", image or str(service.dockerfile), str(service.place))
    fixes = [
        fix("compose: reserve the GPUs", RESERVE),
        fix("dev container: ask for them", '"runArgs": ["--gpus", "all"], "hostRequirements": {"gpu": "optional"}'),
    ]
    yield finding(
        "container-no-gpu",
        asks,
        seen("GPU reservation", "none", str(service.place)),
        subject=f"project:{service.place}",
        title=f"The container {service.name!r} holds a GPU build and gets no GPU",
        remedies=fixes[1:] if service.place.file.endswith(".json") else fixes[:1],
    )


def imports(case: Case) -> Outcome:
    """Frameworks that a notebook imports and that nothing in the project installs."""
    project = _project(case)
    listed = {item.name for scope in project.scopes for item in scope.requirements}
    if not project.scopes:
        listed = set(case.packages)
    files = ", ".join(scope.file for scope in project.scopes) or "no requirements"
    return [
        finding(
            "missing-package",
            seen("imports", one.module, str(one.place)),
            seen("asked for by none of", files, project.root),
            subject=f"project:{one.place}",
            severity="warning",
            confidence="likely",
            title=f"{one.place.file} imports {one.module}, which the project does not install",
        )
        for one in project.imports
        if one.module in FRAMEWORKS and one.module not in listed
    ]


def unread(case: Case) -> Outcome:
    """Files that say something and were not understood: told, so that silence about them is no clean bill."""
    files = _project(case).unread
    evidence = [seen(file, reason, "not read") for file, reason in files.items()]
    return finding("project-file-unread", *evidence[:10], severity="warning") if evidence else None
