"""NVIDIA's GPUs as NVML describes them, asked in a child with a deadline; nvidia-smi is the rung below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

import msgspec

from envsetup.model.codec import decode
from envsetup.model.drivers import Driver, NvidiaStack, Nvml
from envsetup.model.hardware import Gpu  # noqa: TC001 - msgspec reads it at run time
from envsetup.model.machine import Machine
from envsetup.model.maybe import UNKNOWN, Maybe, known
from envsetup.probe.loader import NIXOS, WSL
from envsetup.probe.smi import ask_smi

if TYPE_CHECKING:
    from envsetup.probe.look import Look

LIBRARY = "libnvidia-ml.so.1"
BESIDE_THE_LOADER = (f"{WSL}/{LIBRARY}", f"{NIXOS}/{LIBRARY}")
# Codes of NVML that say that there is no driver to ask, so no GPU that works: uninitialised driver, no library.
NO_DRIVER = (9, 12)


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What `children/nvml.py` prints."""

    status: str
    error: Optional[str] = None
    code: Optional[int] = None
    driver: Maybe[str] = UNKNOWN
    library: Maybe[str] = UNKNOWN
    cuda: Maybe[str] = UNKNOWN
    gpus: Maybe[list[Gpu]] = UNKNOWN


def probe_nvml(look: Look, seen: Machine) -> Machine:
    """Facts `gpus`, `driver.nvidia`, `nvidia.nvml`, `nvidia.cuda_ceiling`; `seen` is what files told before.

    A machine without a trace of NVIDIA pays for nothing, save that an nvidia-smi on PATH is asked.
    """
    if not _trace(look, seen):
        return ask_smi(look) if look.world.which("nvidia-smi") else Machine()
    library = next((path for path in BESIDE_THE_LOADER if look.exists(path)), None)
    found = look.loader.find(LIBRARY)
    arguments = [library] if library and not found else []
    reply, ms = _ask(look, arguments)
    answer = _machine(look, reply, ms, found.path if found else library)
    if reply.status not in {"missing", "crashed"} or not look.world.which("nvidia-smi"):
        return answer
    return _filled(answer, ask_smi(look))


def _trace(look: Look, seen: Machine) -> bool:
    stack = known(seen.nvidia) or NvidiaStack()
    nodes = [node for node in known(stack.device_nodes) or [] if node.exists]
    on_bus = any(device.vendor == "nvidia" for device in known(seen.pci) or [])
    on_disk = look.loader.find(LIBRARY) is not None or any(look.exists(path) for path in BESIDE_THE_LOADER)
    return bool(on_bus or on_disk or nodes or known(stack.module_loaded))


def _ask(look: Look, arguments: list[str]) -> tuple[Reply, int]:
    done = look.world.helper("nvml", arguments, timeout=look.timeout)
    if done.timed_out:
        stuck = ", and the process cannot be killed (it waits inside the driver)" if done.stuck else ""
        return Reply(status="timeout", error=f"NVML gave no answer in {done.ms / 1000:.1f} s{stuck}"), done.ms
    try:
        return decode(done.stdout, Reply), done.ms
    except msgspec.DecodeError:
        last = done.stderr.strip().rsplit("\n", 1)[-1]
        return Reply(
            status="crashed", error=last or f"the process that loads NVML ended with {done.returncode}"
        ), done.ms


def _machine(look: Look, reply: Reply, ms: int, library: str | None) -> Machine:
    gpus = reply.gpus
    if reply.status == "missing" or reply.code in NO_DRIVER:
        gpus = []
    elif reply.status != "ok":
        # Without persistence mode a healthy driver takes a second or two per GPU to answer for the first time.
        hint = "; a longer --timeout waits longer" if reply.status == "timeout" else ""
        look.unknown("gpus", f"NVML: {reply.error}{hint}")
        look.unknown("nvidia.cuda_ceiling", f"NVML: {reply.error}{hint}")
    return Machine(
        driver=Driver(nvidia=reply.driver),
        nvidia=NvidiaStack(
            nvml=Nvml(status=reply.status, error=reply.error, code=reply.code, ms=ms, library=library),
            cuda_ceiling=reply.cuda,
        ),
        gpus=gpus,
    )


def _filled(answer: Machine, smi: Machine) -> Machine:
    """NVML's own status, with what nvidia-smi knew."""
    stack: Any = known(smi.nvidia)
    nvml = known(answer.nvidia)
    return msgspec.structs.replace(
        smi,
        nvidia=msgspec.structs.replace(stack, nvml=nvml.nvml if nvml else UNKNOWN),
        gpus=smi.gpus or answer.gpus,
    )
