"""Two looks at a machine, compared. Schema `envsetup.diff/1`, additive only."""

from __future__ import annotations

from typing import Literal, Optional

import msgspec

SCHEMA = "envsetup.diff/1"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One fact (a dotted path of the snapshot) with its values as text; None where the thing is not there.

    `effect` is how likely such a change breaks things; `findings` are codes of new findings that rest on it.
    """

    fact: str
    before: Optional[str]
    after: Optional[str]
    effect: Literal["likely", "possible", "unlikely"]
    why: str
    findings: list[str] = []


class Comparison(msgspec.Struct, frozen=True, kw_only=True, rename={"schema_": "schema"}):
    """What changed, the most likely culprit first, and which findings of the doctor came and went with it."""

    schema_: str = SCHEMA
    version: str
    before: str  # when it was recorded, or the file's name
    after: str
    changes: list[Change]
    new_findings: list[str] = []
    gone_findings: list[str] = []
    unknown: list[str] = []  # facts of the first look that the second could not see
