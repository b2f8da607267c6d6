"""Whether this is a container, and of which runtime."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.model.machine import Container, Machine

if TYPE_CHECKING:
    from envsetup.probe.look import Look

# In the order in which they are believed: a pod's containers also carry the marks of the runtime below.
VARIABLES = {
    "KUBERNETES_SERVICE_HOST": "kubernetes",
    "APPTAINER_CONTAINER": "apptainer",
    "SINGULARITY_CONTAINER": "singularity",
}
MARKS = {"/run/.containerenv": "podman", "/.dockerenv": "docker", "/.singularity.d": "apptainer"}
CGROUPS = {"kubepods": "kubernetes", "docker": "docker", "libpod": "podman", "lxc": "lxc", "containerd": "containerd"}
NAMES = re.compile(r"[a-z][a-z-]{1,30}")


def probe_container(look: Look) -> Machine:
    """Fact `container`; runtime None when there is no mark of one."""
    for name, runtime in VARIABLES.items():
        if look.variable(name):
            return _found(runtime, f"variable {name}")
    for path, runtime in MARKS.items():
        if look.exists(path):
            return _found(runtime, path)
    ladder = {
        "/run/systemd/container": _by_name(look.text("/run/systemd/container")),
        "/proc/1/cgroup": _by_cgroup(look.text("/proc/1/cgroup")),
        "variable container": _by_name(look.variable("container")),
    }
    rung = next(((runtime, evidence) for evidence, runtime in ladder.items() if runtime), None)
    return _found(*rung) if rung else Machine(container=Container(runtime=None))


def _found(runtime: str, evidence: str) -> Machine:
    return Machine(container=Container(runtime=runtime, evidence=evidence))


def _by_name(text: str) -> str | None:
    """The name that systemd writes: the runtime's own; WSL with systemd writes `wsl`, which is no container to us."""
    name = text.strip()
    return name if NAMES.fullmatch(name) and name != "wsl" else None


def _by_cgroup(text: str) -> str | None:
    return next((runtime for mark, runtime in CGROUPS.items() if re.search(rf"[:/][^:\n]*{mark}", text)), None)
