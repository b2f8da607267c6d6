"""The doctor's way: ask every check, weigh the texts, find the causes, say it in one line."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from envsetup import __version__
from envsetup.doctor.case import Case
from envsetup.doctor.causes import explained
from envsetup.doctor.check import Check, NotApplicable, Unknown, missing
from envsetup.doctor.checks import CHECKS
from envsetup.doctor.checks.tried import told as tried_texts
from envsetup.doctor.verdict import verdict
from envsetup.doctor.weigh import weigh
from envsetup.model.finding import SEVERITY_ORDER, CheckResult, DoctorReport, Target
from envsetup.model.machine import LATE
from envsetup.model.maybe import UNKNOWN, known

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from envsetup.doctor.case import Kind, Require
    from envsetup.model.comparison import Change
    from envsetup.model.finding import Finding
    from envsetup.model.machine import Machine
    from envsetup.model.project import Project
    from envsetup.model.symptom import SymptomHit


TOO_LATE = ("timeout", "timed out", LATE)
GENERAL = ("host", "gpu")  # subjects that do not tell one device from another


def examine(
    machine: Machine,
    *,
    require: Require | None = None,
    target: Kind = "live",
    symptoms: Sequence[SymptomHit] = (),
    areas: Collection[str] = (),
    weak: Collection[str] = (),
    differences: tuple[list[Change], list[str]] | None = None,
    project: Project | None = None,
    notes: Sequence[str] = (),
    checks: Sequence[Check] = CHECKS,
) -> DoctorReport:
    """Diagnose a machine; any subset of its facts will do. Never raises for what the facts are.

    `require` is what the user asks of the machine, `target` what kind of look it was, `symptoms` what error texts
    say, `areas` restricts the checks, `weak` are fact paths that rest on a sentence alone: what is found by them is
    likely, not certain; `differences` are those from an expected machine, `notes` what was said of the text itself.
    Findings come in reading order, each consequence with `caused_by`.
    """
    started = time.monotonic()
    case = _with_errors_of_trials(
        Case(machine, require=require, symptoms=symptoms, kind=target, differences=differences, project=project)
    )
    asked = [check for check in checks if not areas or check.area in areas]
    results: list[CheckResult] = []
    findings: list[Finding] = []
    for check in asked:
        result, found = ask(check, case)
        results.append(result)
        findings.extend(doubted(found) if rests_on(check, weak) else found)
    # What a pasted text leaves out is unknown, so nothing that it fails to show is refuted.
    refuted = {result.id for result in results if result.status == "ok"} if target != "text" else set()
    joined, told = weigh(_once(findings), refuted, _decided(case))
    ordered = explained(joined)
    return DoctorReport(
        version=__version__,
        target=Target(kind=target, env=known(case.environment.path), notes=list(notes)),
        verdict=verdict(case, ordered, results, told, weak),
        findings=ordered,
        checks=results,
        ms=int((time.monotonic() - started) * 1000),
    )


def rests_on(check: Check, weak: Collection[str]) -> bool:
    """Whether a check's answer rests on facts that somebody only said."""
    groups = {"environment.frameworks": "frameworks.", "environment.packages": "packages."}
    needs = {path for need in check.needs for path in need.split("|")}
    told = {group for group, start in groups.items() if any(path.startswith(start) for path in weak)}
    return bool(needs & ({*weak} | told))


def doubted(findings: Sequence[Finding]) -> list[Finding]:
    """The same findings, none of them certain."""
    return [
        msgspec.structs.replace(found, confidence="likely") if found.confidence == "certain" else found
        for found in findings
    ]


def _with_errors_of_trials(case: Case) -> Case:
    """What a trial import died of is read as an error that the user brings."""
    texts = tried_texts(case)
    if not texts:
        return case
    from envsetup.doctor.symptoms import read_all  # noqa: PLC0415 - as below

    return replace(case, symptoms=[*case.symptoms, *read_all(texts)])


def _decided(case: Case) -> Sequence[SymptomHit]:
    """The messages in the light of the facts. A live look has none, and is spared the import of the text readers."""
    if not case.symptoms:
        return ()
    from envsetup.doctor.triage import decide  # noqa: PLC0415

    return decide(case)


def ask(check: Check, case: Case) -> tuple[CheckResult, list[Finding]]:
    """One check's answer. A check that fails is a fault of the doctor, told as such, and the others go on."""
    started = time.monotonic()

    def result(status: str, reason: str = "") -> CheckResult:
        ms = int((time.monotonic() - started) * 1000)
        return CheckResult(id=check.id, status=status, ms=ms, reason=reason)  # type: ignore[arg-type]

    try:
        holds = check.when.holds(case)
        if holds is False:
            return result("not-applicable", check.when.otherwise), []
        gap = missing(case.machine, check.needs)
        if gap is None and holds is UNKNOWN:
            gap = f"whether this applies is not known ({check.when.otherwise}?)"
        if gap is not None:
            return result("timeout" if any(word in gap for word in TOO_LATE) else "unknown", gap), []
        answer = check.look(case)
    except Exception as error:  # noqa: BLE001 - one broken check must not hide the others
        return result("crashed", f"{type(error).__name__}: {error}"), []
    if isinstance(answer, Unknown):
        return result("unknown", answer.reason), []
    if isinstance(answer, NotApplicable):
        return result("not-applicable", answer.reason), []
    found = answer if isinstance(answer, list) else [answer] if answer else []
    return result("finding" if found else "ok"), found


def _once(findings: Sequence[Finding]) -> list[Finding]:
    """Two checks may name one fault by different facts: one finding then, with the evidence of both."""
    merged: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        place = (finding.code, finding.subject)
        if finding.subject in GENERAL:
            place = next((other for other in merged if other[0] == finding.code), place)
        first = merged.get(place)
        if first is None:
            merged[place] = finding
            continue
        worse, other = sorted((first, finding), key=lambda one: SEVERITY_ORDER.index(one.severity))
        more = [item for item in other.evidence if item not in worse.evidence]
        merged[place] = msgspec.structs.replace(worse, evidence=[*worse.evidence, *more])
    return list(merged.values())
