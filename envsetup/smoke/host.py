"""What the driver says beside the framework: how many devices there are, and its error counters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from envsetup.model.hardware import Gpu  # noqa: TC001 - msgspec reads it at run time
from envsetup.model.machine import Machine
from envsetup.model.maybe import UNKNOWN, Maybe, known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envsetup.world.base import World


class HostLook(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the driver. `gpus` are NVIDIA's in NVML's order; `xids` counts Xid lines of the kernel's log."""

    gpus: Maybe[list[Gpu]] = UNKNOWN
    xids: Maybe[int] = UNKNOWN


def look_at(world: World, *, timeout: float = 10.0) -> HostLook:
    """Ask NVML, in a child with a deadline, and the kernel's log; a machine without a trace of NVIDIA pays nothing."""
    from envsetup.probe.kernel import probe_kernel  # noqa: PLC0415 - only a run needs the probes
    from envsetup.probe.look import Look  # noqa: PLC0415
    from envsetup.probe.nvidia import probe_nvidia  # noqa: PLC0415
    from envsetup.probe.nvml import probe_nvml  # noqa: PLC0415
    from envsetup.probe.pci import probe_pci  # noqa: PLC0415

    look = Look(world, timeout=timeout)
    seen = Machine(nvidia=probe_nvidia(look).nvidia, pci=probe_pci(look).pci)
    answer = probe_nvml(look, seen)
    gpus = known(answer.gpus)
    if gpus is None:
        return HostLook()
    events = known(probe_kernel(look).kernel_events)
    xids = UNKNOWN if events is None else sum(event.kind == "xid" for event in events)
    return HostLook(gpus=[gpu for gpu in gpus if gpu.vendor == "nvidia"], xids=xids)


def expected_devices(look: HostLook, environ: Mapping[str, str]) -> int | None:
    """How many CUDA devices a process should see; None when the driver could not be asked.

    CUDA_VISIBLE_DEVICES is read as CUDA reads it: everything after the first entry that does not exist is hidden.
    """
    gpus = known(look.gpus)
    if gpus is None:
        return None
    usable = [gpu for gpu in gpus if not known(gpu.error)]
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return len(usable)
    count = 0
    for entry in (part.strip() for part in visible.split(",")):
        if entry.isdecimal() and int(entry) >= len(usable):
            break
        if not entry.isdecimal() and not entry.startswith(("GPU-", "MIG-")):
            break
        count += 1
    return count


def counted(before: HostLook, after: HostLook) -> dict[str, float | None]:
    """What the counters gained between two looks; a counter that nobody keeps is left out."""
    first, last = known(before.gpus) or [], known(after.gpus) or []
    gained: dict[str, float | None] = {"lost_gpus": len(first) - sum(not known(gpu.error) for gpu in last)}
    pairs = list(zip(first, last, strict=False))
    ecc = [(known(a.ecc_uncorrected_volatile), known(b.ecc_uncorrected_volatile)) for a, b in pairs]
    if any(a is not None and b is not None for a, b in ecc):
        gained["ecc_uncorrected"] = sum(b - a for a, b in ecc if a is not None and b is not None)
    remapped = [gpu for gpu in last if known(gpu.remapped_rows_pending) is not None]
    if remapped:
        gained["remapping"] = sum(
            bool(known(gpu.remapped_rows_pending)) + bool(known(gpu.remapped_rows_failure)) for gpu in remapped
        )
    old, new = known(before.xids), known(after.xids)
    if old is not None and new is not None:
        gained["xid"] = max(new - old, 0)
    return gained
