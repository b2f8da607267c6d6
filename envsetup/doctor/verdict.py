"""The answer in one line: ready with what, degraded, broken, or unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.doctor.builds import integrated
from envsetup.doctor.causes import SERIOUS, root_cause
from envsetup.doctor.checks.variables import left_by_masks
from envsetup.doctor.checks.versions import NAMES, build_name
from envsetup.doctor.when import driver_works, frameworks, gpus, has_any_gpu, is_gpu_build, vendor_of, wants_gpu
from envsetup.model.finding import CheckResult, Finding, Verdict
from envsetup.model.machine import LATE, LOOK_FAILED
from envsetup.model.maybe import UNKNOWN, known

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from envsetup.doctor.case import Case
    from envsetup.model.project import Project
    from envsetup.model.software import Framework

# Without an answer to these there is no saying whether the GPU works.
DECIDING = ("driver-answers", "no-supported-gpu")
NO_FRAMEWORK = "no framework yet"
VENDORS = ("nvidia", "amd", "intel", "apple")
FAILED_LOOKS = (LATE, LOOK_FAILED)
DOUBTED = (*SERIOUS, "warning")
UNDECIDED = ("unknown", "timeout", "crashed")


def verdict(
    case: Case,
    findings: Sequence[Finding],
    results: Sequence[CheckResult],
    told: Collection[str] = (),
    weak: Collection[str] = (),
) -> Verdict:
    """The verdict on findings in reading order.

    `told` are the codes that an error text speaks for, `weak` the paths of facts that rest on a sentence alone.
    """
    root = root_cause(findings, told)
    first = next((finding for finding in findings if finding.code == root), None)
    if first is not None and any(finding.severity in SERIOUS for finding in findings):  # what follows from it, too
        return Verdict(status="broken", headline=first.title, root_cause=root)
    doubtful = next((finding for finding in findings if finding.code in told and finding.severity in DOUBTED), None)
    if doubtful is not None and first is None:
        return Verdict(status="unknown", headline=f"perhaps: {_lower(doubtful.title)}; this text does not decide it")
    gap = _gap(case, results, first, weak)
    if gap:
        return Verdict(status="unknown", headline=gap, root_cause=root)
    if first is not None:
        nothing_else = case.kind == "text" and not frameworks(case)
        headline = first.title if nothing_else else f"{_ready(case)}, but {_lower(first.title)}"
        return Verdict(status="degraded", headline=headline, root_cause=root)
    ready = _ready(case)
    return Verdict(status="ready", headline=f"{ready}: envsetup create" if ready.endswith(NO_FRAMEWORK) else ready)


def _lower(title: str) -> str:
    """A title inside a sentence: names and acronyms keep their capital."""
    first = title.split(" ", 1)[0]
    return title if first != first.capitalize() or first in NAMES.values() else title[0].lower() + title[1:]


def _gap(case: Case, results: Sequence[CheckResult], first: Finding | None, weak: Collection[str]) -> str | None:
    """A look that a GPU or an expectation depends on and that could not be taken."""
    expected = next((result for result in results if result.id == "as-expected" and result.status == "unknown"), None)
    if expected is not None:
        return f"cannot say whether this machine is as expected: {expected.reason}"
    if case.require not in (None, "none") and has_any_gpu(case) is UNKNOWN:
        return "cannot say whether there is a GPU that can be used"
    if case.kind == "text":
        return _text_gap(case, first, weak)
    late = case.machine.unknown.get("environment", "")
    if late.startswith(FAILED_LOOKS) and case.require != "none":
        return f"cannot say what is installed: {late}"
    if not any(fact is not UNKNOWN for fact in _telling(case)):
        return "this snapshot says nothing of a GPU, a driver or an environment"
    if not wants_gpu(case):
        return None
    for result in results:
        if result.id in DECIDING and result.status in UNDECIDED:
            return f"cannot say whether the GPU works: {result.reason}"
    return None


def _telling(case: Case) -> Sequence[object]:
    """The facts of which one at least is needed to say anything; a live look always has some."""
    machine = case.machine
    return machine.gpus, machine.pci, machine.driver, machine.nvidia, machine.environment, machine.deep


def _text_gap(case: Case, first: Finding | None, weak: Collection[str]) -> str | None:
    blind = next((build for build in frameworks(case) if build.cuda_available is False and is_gpu_build(build)), None)
    if blind is not None and has_any_gpu(case) is True and case.require != "none":
        return f"{build_name(case, blind)} sees no GPU although there is one, and this text does not say why"
    if first:
        return None
    named = [f"frameworks.{build.name}.version" for build in frameworks(case)]
    named += ["gpus"] if gpus(case, "nvidia") or gpus(case, "amd") else []
    named += [f"packages.{name}" for name in case.packages]
    if not named:
        return "this text names no GPU, driver or framework; nothing in it says that something is wrong"
    if all(path in weak for path in named):  # that a sentence names a GPU and a build is no proof that they work
        return "nothing said here is a fault, but no tool's output shows that it works: ask for `envsetup doctor`"
    return None


def _ready(case: Case) -> str:
    """With what it is ready: framework and devices, or only one of them, or neither."""
    if case.project is not None:
        return _project(case.project)
    names = ", ".join(build_name(case, build) for build in frameworks(case))
    blind = any(b.cuda_available is False and (known(b.cuda) or known(b.hip)) for b in frameworks(case))
    served = [] if blind or case.require == "none" else [(build, _served(case, build)) for build in frameworks(case)]
    using = [(build, count) for build, count in served if count]
    if using:
        gpu_names = ", ".join(build_name(case, build) for build, _ in using)
        return f"{gpu_names} can use {_plural(max(count for _, count in using))}"
    seeing = [build_name(case, build) for build in frameworks(case) if build.cuda_available is True]
    if seeing and case.require != "none":
        return f"{', '.join(seeing)} can use a GPU"
    if names:
        return f"{names}{_no_gpu(case)}"
    if case.kind == "text":
        return "nothing wrong in what this text shows"
    count = sum(_working(case, vendor) for vendor in VENDORS)
    what = f"{_plural(count)} ready" if count else _bare(case)
    return f"{what}, {NO_FRAMEWORK}"


def _plural(count: int) -> str:
    return f"{count} GPU{'s' if count > 1 else ''}"


def _working(case: Case, vendor: str) -> int:
    """The vendor's GPUs that answer and that no variable hides. An integrated AMD GPU counts only where it is alone."""
    found = gpus(case, vendor)
    if vendor == "nvidia" and driver_works(case) is False:
        return 0
    if vendor == "amd":
        found = [gpu for gpu in found if not integrated(gpu)] or found
    return left_by_masks(case, vendor, len(found))


def _served(case: Case, build: Framework) -> int:
    """How many GPUs a build can use: those of the vendor that it is made for."""
    vendor = vendor_of(build) or ("apple" if gpus(case, "apple") else None)
    return _working(case, vendor) if vendor else 0


def _bare(case: Case) -> str:
    """What there is to build on where no GPU answers and no framework is installed."""
    here = has_any_gpu(case)
    if case.require == "none":
        return "CPU only, as asked"
    if here is UNKNOWN:
        return "no GPU is known"
    return "a GPU is here that cannot be used now" if here else "no GPU on this machine (CPU only)"


def _project(project: Project) -> str:
    files = [scope.file for scope in project.scopes] + [service.place.file for service in project.services]
    if not files:
        return f"nothing in {project.root} says what it needs"
    named = list(dict.fromkeys(files))
    return f"what {', '.join(named)} {'asks' if len(named) == 1 else 'ask'} for can work here"


def _no_gpu(case: Case) -> str:
    here = has_any_gpu(case)
    if case.require == "none":
        return ": CPU only, as asked"
    if here is UNKNOWN:
        return ": on the CPU, no GPU is known" if known(case.machine.os) else ": no GPU is named"
    if here is True and not any(build.cuda_available is False or is_gpu_build(build) for build in frameworks(case)):
        return ": whether it uses the GPU is not known"
    return ": no GPU on this machine (CPU only)" if here is False else ": CPU only"
