"""Messages in the light of the machine: one text, another cause, according to the facts that are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from envsetup.doctor import requirement
from envsetup.doctor.circumstances import FACTS
from envsetup.doctor.symptoms import rule

if TYPE_CHECKING:
    from envsetup.doctor.case import Case
    from envsetup.model.symptom import SymptomHit


def decide(case: Case) -> list[SymptomHit]:
    """The case's messages, each with the code that the first deciding fact gives it, surest first as before."""
    return [_decided(case, hit) for hit in case.symptoms]


def _decided(case: Case, hit: SymptomHit) -> SymptomHit:
    row = rule(hit.rule)
    given = next((given for given in row.facts if FACTS[given.fact](case)), None) if row else None
    # A word of the text that decided already says more than what the requirement alone makes likely.
    asked = requirement.cause(case, hit) if row is None or hit.code == row.code else None
    code = asked or (given.code if given else hit.code)
    return msgspec.structs.replace(
        hit,
        code=code,
        severity=hit.severity if code == hit.code else None,
        confidence=(given.confidence if given else None) or hit.confidence,
        alternatives=[other for other in (hit.code, *hit.alternatives) if other != code],
    )
