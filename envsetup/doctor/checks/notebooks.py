"""Notebook kernels: which Python they really start."""

from __future__ import annotations

from posixpath import isabs
from typing import TYPE_CHECKING

from envsetup.doctor.check import Check, Outcome, finding, seen
from envsetup.doctor.when import ENVIRONMENT, env_subject
from envsetup.model.maybe import known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case

DEFAULT = "python3"  # the kernel that a notebook takes when nobody chooses


def dead(case: Case) -> Outcome:
    """Left over from an environment that was moved or removed."""
    gone = [spec for spec in known(case.environment.kernelspecs) or [] if spec.exists is False]
    if not gone:
        return None
    ours = any(spec.where == "environment" for spec in gone)
    return finding(
        "jupyter-kernel-dead-path",
        *[seen(f"kernel {spec.name}", f"starts {known(spec.program)}, which is gone", "kernel.json") for spec in gone],
        subject=env_subject(case),
        severity=None if ours else "info",
    )


def other(case: Case) -> Outcome:
    """Kernels of the user point to all their environments on purpose; this is the environment's own default."""
    prefix = (known(case.environment.path) or "").rstrip("/")
    for spec in known(case.environment.kernelspecs) or []:
        program = known(spec.program) or ""
        if spec.name != DEFAULT or spec.where != "environment" or not isabs(program) or spec.exists is False:
            continue
        if prefix and not program.startswith(prefix + "/"):
            return finding(
                "jupyter-kernel-other-env",
                seen(f"kernel {spec.name} of the environment", f"starts {program}", "kernel.json"),
                seen("environment", prefix, "environment"),
                subject=env_subject(case),
                severity="warning",
            )
    return None


CHECKS = (
    Check("jupyter-kernel-dead-path", "jupyter", dead, ENVIRONMENT, ("environment.kernelspecs",)),
    Check("jupyter-kernel-other-env", "jupyter", other, ENVIRONMENT, ("environment.kernelspecs",)),
)
