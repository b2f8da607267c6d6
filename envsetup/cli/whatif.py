"""The machine that a command plans for: this one or a recorded one, with what the user wants to be different."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envsetup.model.machine import Machine


def described(**o: Any) -> Machine:  # noqa: ANN401 - click's parameters by name
    """The machine by `--machine`, else this one, changed by `--gpu-name`, `--driver`, `--os`, `--arch`, `--glibc`.

    Raises InputError for a file that cannot be read, and for values that mean nothing.
    """
    from envsetup.resolve.whatif import changed

    if o["machine"]:
        from envsetup.probe.snapshot import read_snapshot

        machine = read_snapshot(o["machine"])
    else:
        from envsetup.probe.collect import probe
        from envsetup.world.live import LiveWorld

        machine = probe(LiveWorld())
    return changed(
        machine, gpu_name=o["gpu_name"], driver=o["driver"], system=o["system"], arch=o["arch"], glibc=o["glibc"]
    )
