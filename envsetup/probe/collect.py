"""The whole machine: every topic at once, each with its own deadline, and then the GPU's driver.

/proc and /sys are read before a GPU is touched: they still answer on a machine whose driver hangs.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import msgspec

from envsetup import __version__
from envsetup.model.errors import InputError
from envsetup.model.machine import LATE, LOOK_FAILED, Machine
from envsetup.model.maybe import UNKNOWN, known
from envsetup.probe.amd import probe_amd
from envsetup.probe.apple import probe_apple
from envsetup.probe.container import probe_container
from envsetup.probe.cpu import probe_cpu
from envsetup.probe.cuda import probe_cuda
from envsetup.probe.disk import probe_disks
from envsetup.probe.environment import probe_environment
from envsetup.probe.intel import probe_intel
from envsetup.probe.interpreters import probe_interpreters
from envsetup.probe.kernel import probe_kernel
from envsetup.probe.limits import probe_limits
from envsetup.probe.look import Look
from envsetup.probe.memory import probe_memory
from envsetup.probe.merge import join_machines
from envsetup.probe.nvidia import probe_nvidia
from envsetup.probe.nvml import probe_nvml
from envsetup.probe.pci import probe_pci
from envsetup.probe.rdma import probe_rdma
from envsetup.probe.system import probe_system
from envsetup.probe.variables import probe_variables
from envsetup.world.base import NotRecordedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.model.hardware import Gpu
    from envsetup.world.base import World

    Topic = Callable[[Look], Machine]

# A new topic is one function and one line here. The value is the fact that stays unknown when it runs out of time.
TOPICS: dict[str, Topic] = {
    "os": probe_system,
    "cpu": probe_cpu,
    "memory": probe_memory,
    "limits": probe_limits,
    "container": probe_container,
    "pci": probe_pci,
    "rdma": probe_rdma,
    "nvidia": probe_nvidia,
    "amd": probe_amd,
    "intel": probe_intel,
    "apple": probe_apple,
    "env": probe_variables,
    "cuda": probe_cuda,
    "environment": probe_environment,
    "pythons": probe_interpreters,
    "disks": probe_disks,
    "kernel_events": probe_kernel,
}
DEFAULT_TIMEOUT = 5.0  # seconds for everything: doctor promises an answer within six
FILES_TIMEOUT = 1.0  # seconds that /proc and /sys get before the driver is asked all the same
NOTICE_AFTER = 1.0  # seconds without an answer that need a word to the user
TRACES = ("pci", "nvidia")  # the topics that tell whether there is a driver to ask
ANSWER_MARGIN = 0.3  # seconds that the driver's answer keeps free for ending a child that hangs


class Work(threading.Thread):
    """One topic in a thread of its own. It is a daemon: a read that never returns cannot be ended, only left."""

    def __init__(self, fact: str, topic: Topic, look: Look) -> None:
        super().__init__(name=f"probe-{fact}", daemon=True)
        self.fact, self.topic, self.look = fact, topic, look
        self.part: Machine | None = None
        self.error: NotRecordedError | InputError | None = None

    def run(self) -> None:
        """Keep the topic's part, or why there is none."""
        try:
            part = self.topic(self.look)
        except (NotRecordedError, InputError) as error:  # for the maker of the recording, for the user
            self.error = error
        except Exception as error:  # noqa: BLE001 - one topic's bug must not cost the facts of the others
            self.part = Machine(unknown={self.fact: f"{LOOK_FAILED}: {type(error).__name__}: {error}"})
        else:
            self.part = msgspec.structs.replace(part, unknown={**part.unknown, **self.look.reasons})

    def result(self, deadline: float) -> Machine:
        """The part, or the reason that it did not come in time."""
        self.join(max(0.0, deadline - time.monotonic()))
        if self.error is not None:
            raise self.error
        return self.part or Machine(unknown={self.fact: f"{LATE}: a file system or a device hangs"})


def probe(
    world: World,
    *,
    env: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    deep: float | None = None,
    notice: Callable[[str], None] | None = None,
) -> Machine:
    """The machine and the environment `env` (a venv, conda prefix or interpreter; by default the active one).

    Answers within about `timeout` seconds whatever hangs; after the first second `notice` is told what is waited for.
    `deep` is the number of seconds that each child may take which imports a framework of it; None imports nothing.
    Raises InputError when `env` is not there.
    """
    started = time.monotonic()
    deadline = started + timeout
    look = Look(world, env=env, timeout=timeout)

    def begin(fact: str, topic: Topic, seconds: float) -> Work:
        work = Work(fact, topic, Look(world, env=env, timeout=seconds, loader=look.loader))
        work.start()
        return work

    works = [begin(fact, topic, timeout - ANSWER_MARGIN) for fact, topic in TOPICS.items()]
    early = min(deadline, started + FILES_TIMEOUT)
    for work in works:
        work.join(max(0.0, early - time.monotonic()) if work.fact in TRACES else 0.0)
    seen = join_machines([work.part for work in works if work.part])
    left = deadline - time.monotonic() - ANSWER_MARGIN
    driver = begin("nvidia.nvml", lambda look: probe_nvml(look, seen), max(0.1, left))
    if notice:
        _tell(notice, [driver, *works], started + NOTICE_AFTER)
    # What files were slow to tell is waited for while the driver is asked.
    parts = [work.result(deadline) for work in works]
    machine = join_machines([*parts, driver.result(deadline + ANSWER_MARGIN)])
    if deep is not None:
        from envsetup.probe.deep import probe_deep  # only when asked for  # noqa: PLC0415

        tried = begin("deep", lambda look: probe_deep(look, machine), deep)
        # Two runs of a child that fails, one of a child that hangs: their own deadlines end them.
        machine = join_machines([machine, tried.result(time.monotonic() + 3 * deep + ANSWER_MARGIN)])
    return _finished(world, machine)


def _named(machine: Machine) -> list[Gpu]:
    """GPUs whose driver gives no name get that of the PCI id table."""
    names = {device.address: device.name for device in known(machine.pci) or [] if known(device.name)}
    gpus = known(machine.gpus) or []
    return [
        gpu if known(gpu.name) else msgspec.structs.replace(gpu, name=names.get(known(gpu.pci_address) or "", UNKNOWN))
        for gpu in gpus
    ]


def _tell(notice: Callable[[str], None], works: list[Work], at: float) -> None:
    """Say what is still asked at that moment, if anything is."""
    for work in works:
        work.join(max(0.0, at - time.monotonic()))
    late = [work.fact for work in works if work.is_alive()]
    if late:
        notice(f"waiting for {', '.join(late)}")


def _finished(world: World, machine: Machine) -> Machine:
    """Stamped; GPUs that nobody could ask are unknown, and a machine without a driver's trace has none."""
    gpus = _named(machine) if isinstance(machine.gpus, list) else machine.gpus
    if gpus is UNKNOWN and "gpus" not in machine.unknown and isinstance(machine.pci, list):
        gpus = []
    unknown = dict(machine.unknown)
    if gpus is UNKNOWN:
        unknown.setdefault("gpus", "no PCI bus to look at, and no driver that answers")
    return msgspec.structs.replace(
        machine,
        tool=f"envsetup {__version__}",
        recorded=str(world.system("now")),
        gpus=gpus,
        unknown=dict(sorted(unknown.items())),
    )
