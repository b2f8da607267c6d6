"""What an installed framework build asks of the machine, from its own files or else from the tables."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from envsetup.compat import arch, drivers, gpus, older, torch
from envsetup.compat.tables import at_least, key
from envsetup.doctor.when import framework, has_gpu
from envsetup.doctor.when import gpus as gpus_of
from envsetup.model.maybe import Maybe, known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envsetup.compat.drivers import DriverFloor
    from envsetup.compat.gpus import AmdGpu
    from envsetup.doctor.case import Case
    from envsetup.model.hardware import Gpu
    from envsetup.model.software import Framework

RECENT = 5  # releases, somewhat more than a year: what is served by none of them has been left behind
INDEX = "https://download.pytorch.org/whl/"


def system(case: Case) -> str:
    """linux, windows or macos; Linux where a text did not say."""
    return known(case.os.system) or "linux"


def processor(case: Case) -> str:
    """The machine's architecture; x86_64 where a text did not say."""
    return known(case.machine.arch) or "x86_64"


def variant_of(case: Case, build: Framework) -> str | None:
    """The build variant (cu126): as read, by its CUDA, or what the package index gives for that version."""
    read = known(build.variant)
    if read:
        return read
    cuda = known(build.cuda)
    if cuda:
        return "cu" + "".join(map(str, key(cuda)[:2]))
    version = known(build.version)
    if build.name != "torch" or version is None or build.cuda is None or _of_jetson(case, build):
        return None
    return torch.default_variant(version, system(case), processor(case))


def _of_jetson(case: Case, build: Framework) -> bool:
    """NVIDIA's own builds for Jetson carry no tag; the index has none that sees its GPU."""
    return build.cuda_available is True and any(capability(gpu) in arch.TEGRA for gpu in gpus_of(case, "nvidia"))


def cuda_of(case: Case, build: Framework) -> str | None:
    """The CUDA version that the build was made with."""
    read = known(build.cuda)
    if read:
        return read
    variant = variant_of(case, build)
    if variant:
        return torch.cuda_of(variant)
    version = known(build.version)
    old = older.old_torch(version) if build.name == "torch" and version and build.cuda is not None else None
    return old.cuda if old and system(case) == "linux" else None


def floor(cuda: str, os: str) -> DriverFloor | None:
    """The oldest drivers of a CUDA version; before CUDA 11 there is no compatibility within a major."""
    row = older.old_cuda(cuda)
    if row is None:
        return drivers.minimum_driver(cuda, os)
    oldest = row.windows if os == "windows" else row.linux
    return drivers.DriverFloor(
        cuda=cuda, native=oldest, minor_compat=oldest, certain=True, table=older.cite(row.source)
    )


@dataclass(frozen=True)
class Archs:
    """Architectures that a build has code for; `source` is the file or the table with its date."""

    entries: list[str]
    source: str
    certain: bool


def archs(case: Case, build: Framework) -> Archs | None:
    """The architecture list of a PyTorch build, or None when nobody knows it."""
    read = known(build.arch_list)
    if read:
        return Archs(read, case.source(known(build.source) or "the build"), certain=True)
    version, variant = known(build.version), variant_of(case, build)
    if build.name != "torch" or version is None or variant is None:
        return None
    row = torch.arch_list(version, variant, system(case), processor(case))
    return Archs(row.archs, row.table, row.certain) if row else None


def capability(gpu: Gpu) -> str | None:
    """The compute capability of an NVIDIA GPU: as the driver says, else by its name."""
    read = known(gpu.compute_capability)
    if read:
        return read
    name = known(gpu.name)
    row = gpus.compute_capability(name) if name else None
    return row.cc if row else None


def label(gpu: Gpu) -> str:
    """A GPU as a person names it, with its architecture."""
    cc = capability(gpu)
    name = known(gpu.name) or "NVIDIA GPU"
    row = None if known(gpu.compute_capability) else gpus.compute_capability(name)
    unsure = gpus.unsure(row) if row else ""
    return f"{name} (sm_{cc.replace('.', '')}){unsure}" if cc else name


def computes(case: Case, vendor: str) -> Maybe[bool]:
    """Whether a GPU of this vendor is one that PyTorch serves today: old display cards and most iGPUs are not."""
    here = has_gpu(case, vendor)
    if here is not True:
        return here
    found = gpus_of(case, vendor)
    if vendor == "amd":
        return "HSA_OVERRIDE_GFX_VERSION" in case.variables or any(_rocm_serves(gpu) for gpu in found)
    ccs = [capability(gpu) for gpu in found]
    # Jetson's GPUs are served by builds of their own, which the tables of the common ones do not hold.
    return not ccs or None in ccs or any(cc in arch.TEGRA or _cuda_serves(cc) for cc in ccs if cc is not None)


def _amd_row(gpu: Gpu) -> AmdGpu | None:
    gfx = known(gpu.gfx)
    return gpus.amd_by_gfx(gfx) if gfx else gpus.amd_gfx(known(gpu.name) or "")


def integrated(gpu: Gpu) -> bool:
    """Whether an AMD GPU is known to be part of a processor."""
    row = _amd_row(gpu)
    return row is not None and row.kind != "discrete"


def _rocm_serves(gpu: Gpu) -> bool:
    """Integrated GPUs that ROCm happens to serve are nobody's wish by their mere presence."""
    row = _amd_row(gpu)
    return row is not None and row.kind == "discrete" and bool(row.wheels)


@cache
def _cuda_serves(cc: str) -> bool:
    """Whether any build of the recent releases has code for it."""
    return any(
        row.linux_x86_64 is not None and row.name.startswith("cu") and arch.covers(row.linux_x86_64.split(), cc)
        for release in torch.releases()[:RECENT]
        for row in release.variants
    )


@dataclass(frozen=True)
class Choice:
    """A PyTorch build that fits a machine."""

    version: str
    variant: str


def fitting(case: Case) -> Choice | None:
    """The newest PyTorch build for every NVIDIA GPU here, this driver and this Python; the installed version first.

    A build that rests on a row which nobody confirmed is named only where no confirmed one fits, as in a plan.
    """
    build = framework(case, "torch")
    have = known(build.version) if build else None
    versions = [row.version for row in torch.releases()]
    ordered = [have, *versions] if have in versions else versions
    found = [pair for version in ordered if version for pair in _fitting(case, version)]
    return next((choice for certain, choice in found if certain), found[0][1] if found else None)


def _fitting(case: Case, version: str) -> Iterator[tuple[bool, Choice]]:
    """The variants of a release that fit, whether confirmed: those first, then native ones, then the default."""
    os, cpu = system(case), processor(case)
    python, driver = known(case.python.version), known(case.driver.nvidia)
    ccs = [cc for gpu in gpus_of(case, "nvidia") if (cc := capability(gpu))]
    if python and ".".join(python.split(".")[:2]) not in torch.pythons(version, os, cpu):
        return
    if _libc_too_old(case, version):
        return
    default = torch.default_variant(version, os, cpu)
    fits: list[tuple[bool, bool, bool, tuple[int, ...], str]] = []
    for row in torch.variants(version, os, cpu):
        cuda = torch.cuda_of(row.name)
        need = floor(cuda, os) if cuda else None
        code = torch.arch_list(version, row.name, os, cpu)
        if need is None or code is None or (driver and not at_least(driver, need.minor_compat)):
            continue
        native = bool(driver and need.native and at_least(driver, need.native))
        if all(arch.covers(code.archs, cc, native_driver=native or driver is None) for cc in ccs):
            fits.append((row.certain and code.certain, native, row.name == default, key(need.cuda), row.name))
    for certain, *_, name in sorted(fits, reverse=True):
        yield certain, Choice(version, name)


def _libc_too_old(case: Case, version: str) -> bool:
    have, need = known(case.libc.version), torch.libc_floor(version, arch=processor(case))
    return bool(have and need and case.libc.name == "glibc" and key(have) < key(need))


def pip(case: Case) -> str:
    """How to install into the environment looked at: its own pip, or uv where it has none."""
    path = known(case.environment.path)
    if path is None or case.kind == "text":
        return "python -m pip install"
    folder = "Scripts/python.exe" if case.os.system == "windows" else "bin/python"
    python = shlex.quote(known(case.python.executable) or f"{path}/{folder}")
    installed = known(case.environment.packages)
    if installed is not None and "pip" not in installed:
        return f"uv pip install --python {python}"
    return f"{python} -m pip install"


def reinstall(case: Case, choice: Choice) -> str:
    """The command that puts a PyTorch build into this environment, with torchvision when it is there."""
    how = pip(case)
    again = "--reinstall" if how.startswith("uv") else "--force-reinstall"
    names = [f"torch=={choice.version}", *(["torchvision"] if "torchvision" in case.packages else [])]
    return f"{how} {again} {' '.join(names)} --index-url {INDEX}{choice.variant}"
