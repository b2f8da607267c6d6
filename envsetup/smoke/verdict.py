"""The one line: what was proven, what was not, and the exit code that goes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.model.errors import Exit
from envsetup.smoke.catalogue import ACCELERATORS

if TYPE_CHECKING:
    from envsetup.model.proof import SmokeCheck, SmokeReport, SmokeVerdict

EXIT = {"pass": Exit.OK, "fail": Exit.FINDINGS, "not-verified": Exit.UNDECIDED}


def decide(
    checks: list[SmokeCheck], *, asked: str, device: str, subject: str, partial: bool
) -> tuple[SmokeVerdict, str]:
    """The verdict and its headline. `asked` is what the user wanted, `device` what was used, `subject` what was tested.

    A required check that did not come to PASS or WARN is never passed over.
    """
    failed = [check for check in checks if check.status == "FAIL"]
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        reason = failed[0].reason.split(";")[0]
        return "fail", f"{subject} on {device}: {failed[0].title} FAILED: {reason}{more}"
    silent = [check for check in checks if check.required and check.status in ("ERROR", "TIMEOUT", "SKIP")]
    if silent:
        first = silent[0]
        return "not-verified", f"{subject} on {device} is not proven: {first.reason} ({first.id} {first.status})"
    if not any(check.status in ("PASS", "WARN") for check in checks):
        return "not-verified", f"{subject} on {device}: no check applied"
    did = "passes the checks that were asked for" if partial else "trains correctly"
    warned = sum(check.status == "WARN" for check in checks)
    warnings = f", {warned} warning{'s' * (warned > 1)}" if warned else ""
    if device in ACCELERATORS:
        return "pass", f"{subject} {did} on {device}{'' if partial else ', end to end'}{warnings}"
    proof = f"CPU proof: {subject} {did}{warnings}; GPU acceleration was not verified"
    return ("pass" if asked == "cpu" else "not-verified"), proof


def exit_code(report: SmokeReport) -> Exit:
    """0 pass, 1 fail, 3 not verified."""
    return EXIT[report.verdict]
