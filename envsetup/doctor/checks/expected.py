"""A machine against a recorded good one: each difference that may break things, and the rest as one remark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.doctor.check import Check, Outcome, Unknown, When, finding, fix, seen

if TYPE_CHECKING:
    from envsetup.doctor.case import Case
    from envsetup.model.comparison import Change
    from envsetup.model.finding import Finding, Severity

SEVERITY: dict[str, Severity] = {"likely": "error", "possible": "warning", "unlikely": "info"}
CODE = "differs-from-expected"
SHOWN = 20  # of the differences that matter little

EXPECTED = When(lambda case: case.differences is not None, "nothing to compare with: only with --expect")


def _value(value: str | None) -> str:
    return "not there" if value is None else value


def _finding(change: Change) -> Finding:
    before, after = _value(change.before), _value(change.after)
    return finding(
        CODE,
        seen("expected", before, "the snapshot given with --expect"),
        seen("here", after, "this machine"),
        subject=change.fact,
        severity=SEVERITY[change.effect],
        title=f"{change.fact} is {after}, expected {before}",
        consequence=change.why[:1].upper() + change.why[1:] + "." if change.why else None,
        remedies=[fix("Bring it back to what is expected, or record a new snapshot", "envsetup probe -o good.json")],
    )


def as_expected(case: Case) -> Outcome:
    """The changes that can break things each by itself; a fact that nobody could look at here decides nothing."""
    if case.differences is None:
        return None
    changes, unknown = case.differences
    found = [_finding(change) for change in changes if change.effect != "unlikely"]
    minor = [change for change in changes if change.effect == "unlikely"]
    if minor:
        evidence = [
            seen(change.fact, f"{_value(change.after)}, expected {_value(change.before)}", "the snapshot given")
            for change in minor[:SHOWN]
        ]
        number = f"{len(minor)} small difference{'s' if len(minor) > 1 else ''} from the expected machine"
        found.append(finding(CODE, *evidence, subject="details", severity="info", title=number, remedies=[]))
    if unknown and not found:
        return Unknown(f"expected, and not known here: {', '.join(unknown[:5])}")
    return found


CHECKS = (Check("as-expected", "expect", as_expected, EXPECTED),)
