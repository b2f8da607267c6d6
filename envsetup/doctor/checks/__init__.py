"""One file per area; a check is one small function from facts to findings. All of them are listed here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.doctor.checks import (
    amd,
    container,
    driver,
    expected,
    frameworks,
    health,
    kernel,
    libraries,
    limits,
    nodes,
    notebooks,
    packages,
    project,
    python,
    rdma,
    served,
    storage,
    system,
    tried,
    unseen,
    variables,
    versions,
    wheel,
    wsl,
)

if TYPE_CHECKING:
    from envsetup.doctor.check import Check

# In the order of the layers, from the hardware up: the order in which passes are told.
AREAS = (
    health.CHECKS,
    driver.CHECKS,
    nodes.CHECKS,
    kernel.CHECKS,
    container.CHECKS,
    wsl.CHECKS,
    amd.CHECKS,
    versions.CHECKS,
    unseen.CHECKS,
    libraries.CHECKS,
    system.CHECKS,
    python.CHECKS,
    wheel.CHECKS,
    packages.CHECKS,
    frameworks.CHECKS,
    served.CHECKS,
    tried.CHECKS,
    notebooks.CHECKS,
    variables.CHECKS,
    rdma.CHECKS,
    limits.CHECKS,
    storage.CHECKS,
    project.CHECKS,
    expected.CHECKS,
)
# Two checks may look for one failure mode by different facts, so the key is not always the code.
CHECKS: tuple[Check, ...] = tuple(check for area in AREAS for check in area)
