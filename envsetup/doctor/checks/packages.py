"""Whether the installed packages fit each other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.compat import older, tensorflow, torch
from envsetup.compat.tables import key
from envsetup.doctor.builds import INDEX, pip, system, variant_of
from envsetup.doctor.check import Check, NotApplicable, Outcome, finding, fix, seen
from envsetup.doctor.when import CONDA, ENVIRONMENT, MACOS, env_subject, framework
from envsetup.model.maybe import known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case
    from envsetup.model.finding import Evidence

PIN = re.compile(r"(nvidia-[a-z0-9-]+)\s*\(?==\s*([0-9][\w.]*)")
MARKED = re.compile(r"platform_system\s*==\s*['\"](\w+)['\"]")
NIGHTLY = re.compile(r"dev|\ba0\b|git|nightly")


def _row(case: Case, name: str) -> Evidence:
    return seen("installed", f"{name} {case.packages[name]}", case.source("installed distributions"))


def _torch(case: Case) -> str | None:
    """The version of PyTorch with its local tag."""
    listed = case.packages.get("torch") or case.packages.get("pytorch")
    build = framework(case, "torch")
    return listed or (known(build.version) if build else None)


def vision(case: Case) -> Outcome:
    """The metadata of torchvision decides; nightly builds are numbered by date and are left alone."""
    version, installed = _torch(case), case.packages.get("torchvision")
    if version is None or installed is None:
        return NotApplicable("torch and torchvision are not both installed")
    if NIGHTLY.search(version) or NIGHTLY.search(installed):
        return NotApplicable("a nightly build")
    old = older.old_torch(version)
    fits = torch.matches(version, installed) if old is None else key(installed)[:2] == key(old.torchvision)
    if fits is None:  # newer or older than the table: the other way round the release names its companions
        row = torch.companions(version)
        fits = None if row is None or not row.torchvision_pinned else installed.split("+")[0] in row.torchvision
    local = [text.partition("+")[2] for text in (version, installed)]
    tags_differ = all(local) and local[0] != local[1] and "cpu" in local
    if fits is not False and not tags_differ:
        return None
    where = f" --index-url {INDEX}{local[0]}" if local[0] else ""
    row = torch.companions(version)
    wanted = f"torchvision=={row.torchvision[-1]}" if row and row.torchvision else "torchvision"
    again = "--reinstall" if pip(case).startswith("uv") else "--force-reinstall"
    command = f"{pip(case)} {again} torch=={version.split('+')[0]} {wanted}{where}"
    return finding(
        "torchvision-torch-mismatch",
        seen("installed", f"torch {version}", case.source("installed distributions")),
        _row(case, "torchvision"),
        subject=env_subject(case),
        title=f"torchvision {installed} was not built for torch {version}",
        remedies=[fix("Install the two that belong together", command)],
    )


def numpy2(case: Case) -> Outcome:
    numpy = case.packages.get("numpy")
    if not numpy or not key(numpy):
        return NotApplicable("no NumPy is listed")
    if key(numpy)[0] < 2:  # noqa: PLR2004 - NumPy 2
        return None
    for name in ("torch", "tensorflow"):
        version = _torch(case) if name == "torch" else case.packages.get(name)
        first = older.first_for_numpy2(name, system(case))
        if not version or not first or key(version.split("+")[0]) >= key(first.first):
            continue
        return finding(
            "numpy2-abi-break",
            _row(case, "numpy"),
            seen("installed", f"{name} {version}", case.source("installed distributions")),
            seen(f"first {name} for NumPy 2", first.first, older.cite(first.source)),
            subject=env_subject(case),
            title=f"NumPy {numpy} does not work with {name} {version}",
            remedies=[
                fix("Go back to NumPy 1", f"{pip(case)} 'numpy<2'"),
                fix(f"Or update {name}", f"{pip(case)} --upgrade {name}"),
            ],
        )
    return None


def duplicates(case: Case) -> Outcome:
    found = []
    for name, versions in (known(case.environment.duplicates) or {}).items():
        listed = ", ".join(versions)
        remove = f"{pip(case).rsplit(' ', 1)[0]} uninstall -y {name}"
        found.append(
            finding(
                "duplicate-distributions",
                seen("installed", f"{name} {listed}", "site-packages"),
                subject=env_subject(case),
                title=f"{name} is installed {len(versions)} times: {listed}",
                severity=None if name in ("torch", "numpy", "tensorflow", "jax", "jaxlib") else "warning",
                remedies=[fix("Remove all copies, then install one", f"{remove}; {remove}; {pip(case)} {name}")],
            )
        )
    return found


def nvidia_pins(case: Case) -> Outcome:
    """PyTorch pins its CUDA libraries exactly; a pin for another system does not count."""
    requires = (known(case.environment.requires) or {}).get("torch", [])
    installed = known(case.environment.packages) or {}
    wrong: list[Evidence] = []
    for text in requires:
        pin, mark = PIN.match(text), MARKED.search(text)
        if pin is None or "extra ==" in text or (mark and mark[1].lower() != system(case)):
            continue
        name, version = pin[1], pin[2]
        have = installed.get(name)
        if have is not None and have != version and not _later_in_series(have, version):
            wrong.append(seen(name, f"{have} installed, {version} asked for", "METADATA of torch"))
    if not wrong:
        return None
    return finding(
        "nvidia-pip-inconsistent", *wrong[:5], subject=env_subject(case), severity="warning", confidence="likely"
    )


def missing_pins(case: Case) -> Outcome:
    """A pinned CUDA library that is not there, as after an install without dependencies. conda brings its own."""
    build = framework(case, "torch")
    by = (known(case.environment.installer) or {}).get("torch")
    if build is None or by not in ("pip", "uv") or case.environment.kind == "conda":
        return NotApplicable("torch is not installed by pip")
    installed = known(case.environment.packages) or {}
    gone = []
    for text in (known(case.environment.requires) or {}).get("torch", []):
        pin, mark = PIN.match(text), MARKED.search(text)
        applies = pin and "extra ==" not in text and not (mark and mark[1].lower() != system(case))
        if pin and applies and pin[1] not in installed:
            gone.append(pin)
    cudnn = [pin for pin in gone if "cudnn" in pin[1]]
    others = [pin for pin in gone if pin not in cudnn]
    return [
        finding(
            code,
            *[seen("not installed", f"{pin[1]}=={pin[2]}", "METADATA of torch") for pin in pins[:5]],
            subject=env_subject(case),
            confidence="likely",
            remedies=[
                fix("Install what is missing", f"{pip(case)} {' '.join(f'{pin[1]}=={pin[2]}' for pin in pins)}"),
            ],
        )
        for code, pins in (("cudnn-missing", cudnn), ("cuda-runtime-lib-missing", others))
        if pins
    ]


def metal(case: Case) -> Outcome:
    rule = tensorflow.table().rules.metal
    version = case.packages.get("tensorflow")
    if version is None or rule.package not in case.packages:
        return NotApplicable(f"{rule.package} is not installed")
    if key(version) < key(rule.tensorflow_below):
        return None
    return finding(
        "tf-metal-mismatch",
        _row(case, "tensorflow"),
        _row(case, rule.package),
        seen(
            f"{rule.package} {rule.version} goes with",
            f"tensorflow < {rule.tensorflow_below}",
            tensorflow.cite(rule.source),
        ),
        subject=env_subject(case),
        remedies=[fix("Pin a pair that works", f"{pip(case)} 'tensorflow<{rule.tensorflow_below}' {rule.package}")],
    )


def _later_in_series(have: str, pinned: str) -> bool:
    """The same release with a later fix: kept on purpose by people who follow NVIDIA's fixes."""
    return key(have)[:2] == key(pinned)[:2] and key(have) >= key(pinned)


def conda_mix(case: Case) -> Outcome:
    conda = known(case.environment.conda_packages) or {}
    by_pip = {name for name, tool in (known(case.environment.installer) or {}).items() if tool in ("pip", "uv")}
    native = ({"numpy"} & by_pip & set(conda)) | ({"torch"} & by_pip if "pytorch" in conda else set())
    if not native:
        return None
    return finding(
        "conda-pip-mix",
        *[seen(name, "installed by conda and by pip", "conda-meta, site-packages") for name in sorted(native)],
        subject=env_subject(case),
        severity="warning",
    )


def protobuf(case: Case) -> Outcome:
    """By TensorFlow's own range; the ranges of other packages are wider than they say."""
    version, have = case.packages.get("tensorflow"), case.packages.get("protobuf")
    row = tensorflow.release(version) if version else None
    if row is None or have is None:
        return NotApplicable("TensorFlow and protobuf are not both installed")
    below = re.search(r"<\s*([\d.]+)", row.protobuf)
    if below is None or key(have) < key(below[1]):
        return None
    return finding(
        "protobuf-incompatible",
        _row(case, "protobuf"),
        _row(case, "tensorflow"),
        seen("TensorFlow asks for", row.protobuf, tensorflow.cite(row.source)),
        subject=env_subject(case),
        confidence="likely",
    )


def triton(case: Case) -> Outcome:
    """CPU builds come without triton by design; what matters is another version than the pin."""
    requires = (known(case.environment.requires) or {}).get("torch", [])
    have, build = case.packages.get("triton"), framework(case, "torch")
    pin = next((found[1] for text in requires if (found := re.match(r"triton\s*\(?==\s*([\d.]+)", text))), None)
    if pin is None or have is None or build is None or variant_of(case, build) == "cpu":
        return NotApplicable("torch pins no triton, or there is none")
    if key(have) == key(pin):
        return None
    return finding(
        "triton-missing-or-mismatched",
        _row(case, "triton"),
        seen("torch asks for", f"triton {pin}", "METADATA of torch"),
        subject=env_subject(case),
        severity="warning",
    )


LISTED = ("environment.packages|environment.conda_packages",)
CHECKS = (
    Check("torchvision-torch-mismatch", "packages", vision, ENVIRONMENT, LISTED),
    Check("numpy2-abi-break", "packages", numpy2, ENVIRONMENT, LISTED),
    Check("duplicate-distributions", "packages", duplicates, ENVIRONMENT, ("environment.duplicates",)),
    Check("nvidia-pip-inconsistent", "packages", nvidia_pins, ENVIRONMENT, ("environment.requires",)),
    Check("cuda-packages-missing", "packages", missing_pins, ENVIRONMENT, ("environment.requires", *LISTED)),
    Check("tf-metal-mismatch", "macos", metal, MACOS, LISTED),
    Check("conda-pip-mix", "packages", conda_mix, CONDA, ("environment.conda_packages", "environment.installer")),
    Check("protobuf-incompatible", "packages", protobuf, ENVIRONMENT, LISTED),
    Check("triton-missing-or-mismatched", "packages", triton, ENVIRONMENT, ("environment.requires",)),
)
