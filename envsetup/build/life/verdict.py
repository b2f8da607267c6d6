"""The result of `envsetup verify`. Schema `envsetup.verify/1`, additive only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from envsetup import __version__
from envsetup.build.verify import NoAnswerError
from envsetup.model.errors import BuildError, Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Status = Literal["PASS", "FAIL", "SKIP", "ERROR"]
# Without these nothing is verified, whatever the others say.
REQUIRED = frozenset({"lock", "files", "imports"})


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One look. `reason` is what was found, or why nobody could look (SKIP: it does not apply; ERROR: it failed)."""

    id: str
    status: Status
    reason: str
    faults: list[str] = []


class Report(msgspec.Struct, frozen=True, kw_only=True, rename={"schema_": "schema"}):
    """What was looked at (`kind`: venv, conda or image; `target`: its path or name) and what came of it."""

    schema_: str = "envsetup.verify/1"
    version: str = __version__
    kind: str
    target: str
    verdict: Literal["pass", "fail", "not-verified"]
    headline: str
    checks: list[Check]

    @property
    def exit_code(self) -> Exit:
        """0, 1 or 3."""
        return {"pass": Exit.OK, "fail": Exit.FINDINGS, "not-verified": Exit.UNDECIDED}[self.verdict]


def passed(name: str, fact: str) -> Check:
    """A look that found what was meant."""
    return Check(id=name, status="PASS", reason=fact)


def judged(name: str, faults: Iterable[str], fact: str) -> Check:
    """FAIL with the faults, or PASS with the fact."""
    found = list(faults)
    return Check(id=name, status="FAIL", reason="; ".join(found), faults=found) if found else passed(name, fact)


def skipped(name: str, why: str) -> Check:
    """A look that does not apply."""
    return Check(id=name, status="SKIP", reason=why)


def attempt(name: str, look: Callable[[], Check]) -> Check:
    """The look, or how it ended: a program that dies of it is a fault, one that does not answer proves nothing."""
    try:
        return look()
    except NoAnswerError as error:
        return Check(id=name, status="ERROR", reason=error.message)
    except BuildError as error:
        return judged(name, [error.message], "")
    except msgspec.DecodeError as error:
        return Check(id=name, status="ERROR", reason=f"what conda notes of a package cannot be read: {error}")
    except OSError as error:
        return Check(id=name, status="ERROR", reason=f"{error.filename or name}: {error.strerror}")


def report(kind: str, target: str, checks: list[Check], facts: str) -> Report:
    """The verdict over all checks: no SKIP and no ERROR of a required look is a pass."""
    failed = [check for check in checks if check.status == "FAIL"]
    unseen = [c for c in checks if c.status == "ERROR" or (c.id in REQUIRED and c.status == "SKIP")]
    if failed:
        count = sum(len(check.faults) for check in failed)
        more = f" (and {count - 1} more)" if count > 1 else ""
        headline = f"{target} is not as it was made: {failed[0].faults[0]}{more}"
    elif unseen:
        headline = f"{target} could not be verified: {unseen[0].id}: {unseen[0].reason}"
    else:
        headline = f"{target} is as it was made: {facts}"
    verdict: Literal["pass", "fail", "not-verified"] = "fail" if failed else "not-verified" if unseen else "pass"
    return Report(kind=kind, target=target, verdict=verdict, headline=headline, checks=checks)
