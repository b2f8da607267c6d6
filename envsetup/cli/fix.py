"""`doctor --fix`: the plan first, each step confirmed, only the user's own files; what needs root is only printed."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

import click

from envsetup.model.codec import decode

if TYPE_CHECKING:
    from envsetup.build.create import Order
    from envsetup.model.finding import DoctorReport, Finding
    from envsetup.model.machine import Machine
    from envsetup.model.plan import Request

NEEDS = {"user": "by hand", "none": "by hand", "root": "as root", "reboot": "with a reboot", "hardware": "on site"}
NAMED = 12  # packages of the old environment that the plan names


class Rebuilding(NamedTuple):
    """What the one step that envsetup takes itself would do."""

    order: Order
    codes: list[str]
    left_out: list[str]  # packages of the old environment that nobody asked the new one to have


def fix(report: DoctorReport, machine: Machine, *, yes: bool, quiet: bool) -> bool:
    """Show the plan on stderr and take the steps that are confirmed; whether anything was changed.

    Raises EnvsetupError when a step fails; what it was about is then as it was.
    """
    faults = [finding for finding in report.findings if finding.severity != "info"]
    step = _rebuilding(faults, machine)
    _tell(step, faults)
    if step is None:
        return False
    if not yes and not sys.stdin.isatty():
        _say("nothing was changed: confirm on a terminal, or give --yes")
        return False
    if not yes and not click.confirm("do step 1?", default=False, err=True):
        return False
    from envsetup.build.rebuild import rebuild
    from envsetup.cli.interrupt import watch
    from envsetup.cli.progress import Lines

    watch()
    done = rebuild(step.order, Lines(quiet=quiet))
    _say(f"the old environment is kept at {done.kept}")
    _say(f"to undo: {done.undo}    (also in {done.log})")
    return True


def _tell(step: Rebuilding | None, faults: list[Finding]) -> None:
    codes = step.codes if step else []
    left = [finding for finding in faults if finding.code not in codes and finding.caused_by not in codes]
    if not faults:
        _say("nothing to fix")
        return
    _say("plan:")
    if step:
        wanted = " ".join(step.order.request.frameworks)
        _say(f"  1. rebuild {step.order.target} with {wanted} beside the old one, verify it, swap; the old one is kept")
        _say(f"     for {', '.join(codes)}")
        if step.left_out:
            more = "" if len(step.left_out) <= NAMED else f" and {len(step.left_out) - NAMED} more"
            _say(f"     not carried over, install them again if you need them: {' '.join(step.left_out[:NAMED])}{more}")
    for finding in left:
        remedy = finding.remedies[0] if finding.remedies else None
        how = f"{NEEDS[remedy.needs]}: {remedy.command or remedy.text}" if remedy else "see its page"
        _say(f"  -  {finding.code}, not done by envsetup, {how}")


def _rebuilding(faults: list[Finding], machine: Machine) -> Rebuilding | None:
    """The rebuild of the environment, where a fault is one that it cures and it is known what was in it."""
    from pathlib import Path

    from envsetup.build.create import Order
    from envsetup.compat.repairs import table
    from envsetup.doctor.case import Case
    from envsetup.model.maybe import known

    if not hasattr(os, "getuid"):
        return None
    codes = [finding.code for finding in faults if finding.code in table().rebuild]
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
    return Rebuilding(order, list(dict.fromkeys(codes)), _left_out(path, machine))


def _request(path: str, machine: Machine) -> tuple[Request, str | None]:
    """What the environment was made for: as its own manifest says, else the frameworks that are in it."""
    from pathlib import Path

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
    from pathlib import Path

    from envsetup.build.manifest import MANIFEST
    from envsetup.doctor.case import Case

    if (Path(path) / MANIFEST).exists():
        return []
    brought = ("torch", "nvidia-", "triton", "pip", "setuptools", "wheel", "numpy", "tensorflow", "jax")
    return sorted(name for name in Case(machine).packages if not name.startswith(brought))


def _say(line: str) -> None:
    from envsetup.report.clean import clean

    click.echo(clean(line) if not line.startswith("  ") else "  " + clean(line[2:]), err=True)
