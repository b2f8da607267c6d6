"""All frameworks of one environment, one after the other: the same numbers from each, and one report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from envsetup.model.errors import InputError
from envsetup.smoke.runner import NO_CHECK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envsetup.model.proof import SmokeReport, SmokeVerdict

ABSENT = "nothing to prove there"  # how the payload ends its word about a framework that is not installed
RANKING: tuple[SmokeVerdict, ...] = ("pass", "not-verified", "fail")


def every(frameworks: Sequence[str], once: Callable[[str], SmokeReport]) -> SmokeReport:
    """Run `once` for each framework that the environment has; the worst verdict stands.

    Raises InputError when it has none of them.
    """
    reports = [report for framework in frameworks if (report := _present(framework, once))]
    if not reports:
        raise InputError(f"--framework all: the environment has none of {', '.join(frameworks)}")
    worst = max(reports, key=lambda report: RANKING.index(report.verdict))
    if len(reports) == 1:
        return worst
    others = [report for report in reports if report is not worst]
    headline = worst.headline if worst.verdict != "pass" else "; ".join(r.headline for r in reports)
    return msgspec.structs.replace(
        worst,
        headline=headline,
        checks=[check for report in (worst, *others) for check in report.checks],
        host={**worst.host, "frameworks": [r.framework for r in reports]},
        duration_s=round(sum(report.duration_s for report in reports), 3),
    )


def _present(framework: str, once: Callable[[str], SmokeReport]) -> SmokeReport | None:
    """The framework's report, None when the environment does not have it, or it has none of the checks asked for."""
    try:
        return once(framework)
    except InputError as error:
        if error.message.endswith((ABSENT, NO_CHECK)):
            return None
        raise
