"""Whether what a project asks for can work on this machine. The questions are loaded only when there is a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.doctor.check import Check, Outcome, When

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.doctor.case import Case

PROJECT = When(lambda case: case.project is not None, "no project was given: only with --project")


def _asked(name: str) -> Callable[[Case], Outcome]:
    """A question of `doctor/projected.py` by its name: version specifiers take time to import."""

    def look(case: Case) -> Outcome:
        from envsetup.doctor import projected  # noqa: PLC0415

        answer: Outcome = getattr(projected, name)(case)
        return answer

    return look


CHECKS = (
    Check("project-requirements", "project", _asked("requirements"), PROJECT),
    Check("project-wheels", "project", _asked("wheels"), PROJECT),
    Check("project-releases", "project", _asked("releases"), PROJECT),
    Check("project-pins", "project", _asked("contradictions"), PROJECT),
    Check("project-containers", "project", _asked("containers"), PROJECT),
    Check("project-imports", "project", _asked("imports"), PROJECT),
    Check("project-files", "project", _asked("unread"), PROJECT),
)
