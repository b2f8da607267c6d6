"""The steps that `doctor --fix` can take itself, each made of the findings and of what is on this machine's disk."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envsetup.model.codec import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from envsetup.build.create import Order
    from envsetup.build.life.mend import Mended
    from envsetup.build.steps import Progress
    from envsetup.model.finding import Finding
    from envsetup.model.machine import Machine
    from envsetup.model.plan import Request

NAMED = 12  # packages of the old environment that the plan names
KERNELS = "share/jupyter/kernels"
_VARIABLE = re.compile(r"(?:unset|export) [A-Za-z_][^#\n]*")


class Step(NamedTuple):
    """One step: what it does in a line, which codes it is for, what else to know, and how it is taken."""

    text: str
    codes: list[str]
    remarks: list[str]
    take: Callable[[Progress], list[str]]  # answers what to say when it is done


def steps(faults: Sequence[Finding], machine: Machine) -> list[Step]:
    """In the order in which to take them; none where files have no owners."""
    if not hasattr(os, "getuid"):
        return []
    rebuilding = _rebuilding(faults, machine)
    return [*([rebuilding] if rebuilding else []), *_kernels(faults, machine), *_variables(faults, machine)]


def _rebuilding(faults: Sequence[Finding], machine: Machine) -> Step | None:
    """The rebuild of the environment, where a fault is one that it cures and it is known what was in it."""
    from envsetup.build.create import Order
    from envsetup.compat.repairs import table
    from envsetup.doctor.case import Case
    from envsetup.model.maybe import known

    codes = list(dict.fromkeys(found.code for found in faults if found.code in table().rebuild))
    environment = Case(machine).environment
    path = known(environment.path)
    if not codes or path is None or environment.kind != "venv" or not Path(path).is_dir():
        return None
    if Path(path).stat().st_uid != os.getuid():
        return None  # somebody else's
    request, python = _request(path, machine)
    if not request.frameworks:
        return None
    order = Order(target=Path(path), request=request, python=python)
    wanted, left = " ".join(request.frameworks), _left_out(path, machine)
    more = "" if len(left) <= NAMED else f" and {len(left) - NAMED} more"
    lost = f"not carried over, install them again if you need them: {' '.join(left[:NAMED])}{more}"
    text = f"rebuild {path} with {wanted} beside the old one, verify it, swap; the old one is kept"
    return Step(text, codes, [lost] if left else [], partial(_rebuild, order))


def _rebuild(order: Order, progress: Progress) -> list[str]:
    from envsetup.build.life.rebuild import rebuild

    done = rebuild(order, progress)
    return [f"the old environment is kept at {done.kept}", f"to undo: {done.undo}    (also in {done.log})"]


def _kernels(faults: Sequence[Finding], machine: Machine) -> Iterator[Step]:
    """Kernels of the environment start its own Python; the user's others that start nothing are set aside."""
    from envsetup.build.life.mend import own, point_kernel, set_aside
    from envsetup.doctor.case import Case
    from envsetup.model.maybe import known

    codes = {"jupyter-kernel-dead-path", "jupyter-kernel-other-env"} & {found.code for found in faults}
    environment = Case(machine).environment
    prefix = Path(known(environment.path) or "/nowhere")
    python = prefix / "bin/python"
    for spec in known(environment.kernelspecs) or []:
        root = prefix if spec.where == "environment" else Path(os.path.expanduser("~/.local"))  # noqa: PTH111 - no HOME is no error
        kernel = root / KERNELS / spec.name / "kernel.json"
        program = known(spec.program) or ""
        if not own(kernel):
            continue
        if spec.where == "environment" and "jupyter-kernel-other-env" in codes and spec.name == "python3":
            wrong = spec.exists is True and Path(program).is_absolute() and prefix not in Path(program).parents
        else:
            wrong = False
        if spec.where == "environment" and (spec.exists is False or wrong) and python.exists():
            code = "jupyter-kernel-other-env" if wrong else "jupyter-kernel-dead-path"
            yield Step(
                f"have the kernel {spec.name} start {python}", [code], [], _mending(point_kernel, kernel, python)
            )
        elif spec.exists is False and spec.where == "user":
            text = f"set the kernel {spec.name} aside: its {program} is gone"
            yield Step(text, ["jupyter-kernel-dead-path"], [], _mending(set_aside, kernel))


def _variables(faults: Sequence[Finding], machine: Machine) -> Iterator[Step]:
    """Variables that do harm, set right whenever the environment is activated."""
    from envsetup.build.life.mend import own, set_variables
    from envsetup.compat.repairs import table
    from envsetup.doctor.case import Case
    from envsetup.model.maybe import known

    environment = Case(machine).environment
    script = _activation(environment.kind, Path(known(environment.path) or "/nowhere"))
    lines: dict[str, str] = {}
    for found in faults:
        command = next((remedy.command for remedy in found.remedies if remedy.command), None)
        if found.code in table().variables and command and _VARIABLE.fullmatch(command):
            lines.setdefault(command, found.code)
    if lines and script is not None and (own(script) or not script.exists()):
        text = f"{'; '.join(lines)} at each activation of the environment, in {script}"
        remark = "it holds from the next activation on"
        yield Step(text, list(dict.fromkeys(lines.values())), [remark], _mending(set_variables, script, list(lines)))


def _activation(kind: str, prefix: Path) -> Path | None:
    """The script that runs when the environment is activated, in a folder of the user's own."""
    script = {"venv": prefix / "bin/activate", "conda": prefix / "etc/conda/activate.d/envsetup.sh"}.get(kind)
    if script is None or not prefix.is_dir() or prefix.stat().st_uid != os.getuid():
        return None
    return script if kind == "conda" or script.exists() else None


def _mending(change: Callable[..., Mended], *what: object) -> Callable[[Progress], list[str]]:
    def take(_: Progress) -> list[str]:
        done = change(*what)
        return [f"{done.path} is changed", f"to undo: {done.undo}    (also in {done.log})"]

    return take


def _request(path: str, machine: Machine) -> tuple[Request, str | None]:
    """What the environment was made for: as its own manifest says, else the frameworks that are in it."""
    import msgspec

    from envsetup.build.manifest import MANIFEST, Manifest
    from envsetup.doctor.builds import fitting
    from envsetup.doctor.case import Case
    from envsetup.doctor.when import frameworks, wants_gpu
    from envsetup.model.plan import Request

    try:
        manifest = decode((Path(path) / MANIFEST).read_bytes(), Manifest)
    except (OSError, msgspec.DecodeError):
        case = Case(machine)
        names = [build.name for build in frameworks(case)]
        choice = fitting(case) if "torch" in names else None
        pinned = f"pytorch=={choice.version}" if choice else "pytorch"
        request = Request(frameworks=[pinned if name == "torch" else name for name in names])
        return msgspec.structs.replace(request, device="gpu" if wants_gpu(case) else "auto"), None
    return msgspec.structs.replace(manifest.request, python=None), manifest.request.python


def _left_out(path: str, machine: Machine) -> list[str]:
    """Distributions of an environment that somebody made by hand, beside those that the frameworks bring."""
    from envsetup.build.manifest import MANIFEST
    from envsetup.doctor.case import Case

    if (Path(path) / MANIFEST).exists():
        return []
    brought = ("torch", "nvidia-", "triton", "pip", "setuptools", "wheel", "numpy", "tensorflow", "jax")
    return sorted(name for name in Case(machine).packages if not name.startswith(brought))
