"""The interpreter and its environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.compat import torch
from envsetup.compat.tables import key
from envsetup.doctor.builds import processor, system
from envsetup.doctor.check import Check, NotApplicable, Outcome, finding, fix, seen
from envsetup.doctor.when import CONDA, ENVIRONMENT, WINDOWS, env_subject, framework, frameworks
from envsetup.model.maybe import known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case

BITS_32 = 32
# Packages with compiled parts that must fit each other.
NATIVE = ("torch", "torchvision", "torchaudio", "numpy", "tensorflow", "jax", "jaxlib", "triton", "protobuf")
FRESH_DAYS = 540  # a Python whose last wheel is older than this has been left behind


def _last_for(case: Case, python: str, *, free_threaded: bool) -> torch.Release | None:
    """The newest PyTorch release with a wheel for this Python here."""
    os, arch = system(case), processor(case)
    return next(
        (r for r in torch.releases() if python in torch.pythons(r.version, os, arch, free_threaded=free_threaded)), None
    )


def _days(date: str) -> int:
    """An ISO date as days, good enough for the distance of two releases."""
    year, month, day = (int(part) for part in date.split("-"))
    return year * 365 + month * 30 + day


def unsupported(case: Case) -> Outcome:
    """Judged before anything is installed: what is installed and runs needs no wheel any more."""
    version = known(case.python.version)
    if version is None or case.kind == "text":  # a text says by its errors what could not be installed
        return NotApplicable("nothing is being installed")
    python = ".".join(version.split(".")[:2])
    free = case.python.free_threaded is True
    build = framework(case, "torch")
    if frameworks(case) and build is None:
        return NotApplicable("a framework is installed")
    installed = known(build.version) if build else None
    if installed is not None:
        tags = torch.pythons(installed, system(case), processor(case), free_threaded=free)
        by = (known(case.environment.installer) or {}).get("torch")
        if not tags or python in tags or by not in ("pip", "uv"):
            return None
    newest = torch.releases()[0]
    last = None if installed else _last_for(case, python, free_threaded=free)
    if last is not None and _days(newest.date) - _days(last.date) <= FRESH_DAYS:
        return None
    offered = torch.pythons(newest.version, system(case), processor(case))
    if not offered:
        return NotApplicable("no builds for this system and processor")
    shown = f"{version}{' (free-threaded)' if free else ''}"
    want = offered[len(offered) // 2]
    return finding(
        "python-unsupported",
        seen("Python", shown, case.source(known(case.python.executable) or "interpreter")),
        seen(f"PyTorch {installed or newest.version} has wheels for", ", ".join(offered), torch.cite(newest.source)),
        subject=env_subject(case),
        title=f"There is no {'current ' if last else ''}PyTorch for Python {shown}",
        severity="warning" if last else None,
        consequence=f"The last PyTorch for it is {last.version} of {last.date}." if last else None,
        remedies=[
            fix(
                "Make an environment with a Python that has wheels",
                f"envsetup create --framework pytorch --python {want}",
            )
        ],
    )


def bits(case: Case) -> Outcome:
    if case.python.bits != BITS_32:
        return None
    return finding("python-32bit", seen("Python", "32-bit", case.source("interpreter")), subject=env_subject(case))


def emulated(case: Case) -> Outcome:
    """Under Rosetta the machine itself says x86_64: the processor's name gives it away."""
    own, machine = known(case.python.arch), known(case.machine.arch)
    apple = "apple" in (known(case.cpu.model) or "").lower()
    rosetta = case.os.system == "macos" and apple and "x86_64" in (own, machine)
    if not rosetta and (own is None or machine is None or {own, machine} != {"x86_64", "arm64"}):
        return None
    return finding(
        "python-arch-emulated",
        seen("Python", own or machine, case.source("interpreter")),
        seen("processor", known(case.cpu.model) or machine, case.source("cpu")),
        subject=env_subject(case),
    )


def broken(case: Case) -> Outcome:
    """An environment without pip is no problem: uv makes them so."""
    problems = known(case.environment.problems) or []
    if not problems:
        return None
    path = known(case.environment.path) or "environment"
    code = "conda-env-damaged" if case.environment.kind == "conda" else "broken-venv"
    return finding(
        code,
        *[seen("problem", problem, "files of the environment") for problem in problems],
        subject=env_subject(case),
        title=f"The environment {path} is broken",
    )


def shadowing_path(case: Case) -> Outcome:
    """PYTHONPATH alone is common and mostly harmless: ROS and editable installs live from it."""
    value = case.variables.get("PYTHONPATH", "")
    if "site-packages" not in value and "dist-packages" not in value:
        return None
    prefix = known(case.environment.path)
    if case.kind == "text" and prefix is None:
        return NotApplicable("where the environment lies is not known")
    foreign = [part for part in value.split(":") if "-packages" in part and not (prefix and part.startswith(prefix))]
    if not foreign:
        return None
    return finding(
        "pythonpath-shadow", seen("PYTHONPATH", value, case.source("environment")), subject=env_subject(case)
    )


def store(case: Case) -> Outcome:
    path = known(case.python.executable) or known(case.environment.base) or ""
    if "WindowsApps" not in path and "PythonSoftwareFoundation" not in path:
        return None
    return finding("windows-store-python", seen("Python", path, case.source("interpreter")), subject=env_subject(case))


def conda_channel(case: Case) -> Outcome:
    """The channel itself is not in the facts: the last release of the channel is."""
    entry = (known(case.environment.conda_packages) or {}).get("pytorch", "")
    if "pytorch-mutex" not in (known(case.environment.conda_packages) or {}) or not entry:
        return None
    return finding(
        "conda-pytorch-channel-dead",
        seen("conda package", f"pytorch {entry}", case.source("conda-meta")),
        subject=env_subject(case),
        confidence="likely" if key(entry.split(" ")[0]) else "possible",
    )


def user_site(case: Case) -> Outcome:
    """Of no harm for tools; a framework or NumPy of the user's folder wins over that of the conda environment."""
    user, own = known(case.environment.user_packages) or {}, case.packages
    mixed = sorted(name for name in user if name in own and name in NATIVE)
    if not mixed:
        return None
    python = ".".join((known(case.python.version) or "3").split(".")[:2])
    return finding(
        "user-site-leak",
        *[
            seen(name, f"{user[name]} in ~/.local wins over {own[name]}", f"~/.local/lib/python{python}")
            for name in mixed
        ],
        subject=env_subject(case),
    )


def managed(case: Case) -> Outcome:
    """A fact to know before an install, and no fault of a machine on which nobody installs into it."""
    if case.environment.externally_managed is not True:
        return None
    evidence = seen("EXTERNALLY-MANAGED", "beside the standard library", "lib/python3.*/EXTERNALLY-MANAGED")
    return finding("externally-managed-environment", evidence, subject=env_subject(case), severity="info")


CHECKS = (
    Check("python-unsupported", "python", unsupported, needs=("python|environment.python",)),
    Check("python-32bit", "python", bits, needs=("python.bits|environment.python.bits",)),
    Check("python-arch-emulated", "python", emulated, needs=("arch",)),
    Check("windows-store-python", "windows", store, WINDOWS, ("python|environment.python",)),
    Check("broken-venv", "python", broken, ENVIRONMENT, ("environment.problems",)),
    Check("pythonpath-shadow", "python", shadowing_path, ENVIRONMENT, ("env",)),
    Check("user-site-leak", "python", user_site, CONDA, ("environment.user_packages",)),
    Check("externally-managed", "python", managed, ENVIRONMENT, ("environment.externally_managed",)),
    Check("conda-pytorch-channel-dead", "packages", conda_channel, CONDA, ("environment.conda_packages",)),
)
