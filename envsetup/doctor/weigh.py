"""Error texts weighed against the facts: what they confirm, what they add, what stays open between several causes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from envsetup.doctor.catalogue import entries
from envsetup.doctor.check import finding, fix, seen

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from envsetup.model.finding import Evidence, Finding
    from envsetup.model.symptom import SymptomHit

PROOF = "envsetup doctor --markdown"


def weigh(
    findings: Sequence[Finding], refuted: Collection[str], hits: Sequence[SymptomHit]
) -> tuple[list[Finding], set[str]]:
    """Findings of the facts joined with those of the texts, and the codes that the texts speak for.

    A hit whose code, or one of whose alternatives, the facts show as well becomes evidence of that finding.
    A hit that the facts refute (`refuted`: codes whose check looked and found nothing) yields to its first open
    alternative; a message with one meaning is believed before the facts.
    """
    joined = list(findings)
    told: set[str] = set()
    for hit in hits:
        codes = [code for code in (hit.code, *hit.alternatives) if code in entries()]
        if not codes:
            continue
        match = _confirmed(joined, codes)
        if match is not None and joined[match].confidence == "possible" != hit.confidence:
            told.add(codes[0])
            joined[match] = _surer(joined[match], hit, codes)
            continue
        if match is not None:
            joined[match] = _with_text(joined[match], hit)
            told.add(joined[match].code)
            continue
        open_codes = [code for code in codes if code not in refuted or hit.confidence == "certain"] or codes[:1]
        told.add(open_codes[0])
        joined.append(_from_text(hit, open_codes))
    return joined, told


def _confirmed(findings: Sequence[Finding], codes: Sequence[str]) -> int | None:
    """The finding that a hit speaks of: by its own code first, then by its alternatives in their order."""
    places = {finding.code: index for index, finding in reversed(list(enumerate(findings)))}
    return next((places[code] for code in codes if code in places), None)


def _surer(found: Finding, hit: SymptomHit, codes: Sequence[str]) -> Finding:
    """What the facts only suspect does not decide between a message's meanings: the message does, and is backed."""
    said = _from_text(hit, codes)
    return msgspec.structs.replace(said, evidence=[*said.evidence, *found.evidence], subject=found.subject)


def _text(hit: SymptomHit) -> Evidence:
    place = f"{hit.source}, line {hit.line}" if hit.line else hit.source
    return seen("message", hit.text, place)


def _with_text(found: Finding, hit: SymptomHit) -> Finding:
    """An error that the user saw makes a risk or a remark a fault of the catalogue's severity."""
    severity = found.severity
    if severity in ("warning", "info") and hit.code == found.code:
        severity = entries()[found.code].severity
    text = _text(hit)
    evidence = found.evidence if text in found.evidence else [*found.evidence, text]
    return msgspec.structs.replace(found, severity=severity, evidence=evidence)


def _from_text(hit: SymptomHit, codes: Sequence[str]) -> Finding:
    """A finding that only a text speaks for; it names what else it can be and what would decide."""
    code, others = codes[0], list(codes[1:])
    evidence = [_text(hit)]
    if hit.extension:
        evidence.append(seen("in the frames of", hit.extension, hit.source))
    remedies = list(entries()[code].remedies)
    if others:
        evidence.append(seen("can also mean", ", ".join(others), "symptom table"))
    if hit.decides:
        remedies.append(fix(f"To be sure, look at: {hit.decides}", PROOF, "none"))
    severity = hit.severity if hit.severity and code == hit.code else entries()[code].severity
    if hit.confidence == "possible" and severity in ("critical", "error"):
        severity = "warning"  # a text that may mean something else raises no alarm
    return finding(code, *evidence, severity=severity, confidence=hit.confidence, remedies=remedies, subject="text")
