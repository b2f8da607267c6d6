"""Apple silicon: the GPU is part of the chip, and Metal drives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.model.hardware import Gpu
from envsetup.model.machine import Machine

if TYPE_CHECKING:
    from envsetup.probe.look import Look


def probe_apple(look: Look) -> Machine:
    """The GPU of an Apple chip, by the processor's name; nothing elsewhere."""
    if look.system("platform") != "darwin" or look.system("machine") != "arm64":
        return Machine()
    name = look.run("sysctl", "-n", "machdep.cpu.brand_string").stdout.strip()
    return Machine(gpus=[Gpu(vendor="apple", index=0, name=name)]) if name.startswith("Apple") else Machine()
