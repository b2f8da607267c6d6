"""PyTorch's builds: which exist for which system, what they were compiled for, and what goes with them."""

from __future__ import annotations

from functools import lru_cache
from typing import Optional

import msgspec

from envsetup.compat.tables import Row, Table, key, load


class Wheels(msgspec.Struct, frozen=True, kw_only=True):
    """The Pythons ("3.12 3.13t") of one platform. `floor`: glibc or macOS version; None on Windows."""

    os: str
    arch: str
    floor: Optional[str] = None
    python: str


class VariantRow(Row, frozen=True, kw_only=True):
    """A build variant and the architectures it was compiled for, per platform; absent: not built or not known."""

    name: str
    arch_source: Optional[str] = None
    floor: Optional[str] = None
    floor_source: Optional[str] = None
    floor_certain: bool = True
    linux_x86_64: Optional[str] = msgspec.field(name="linux-x86_64", default=None)
    linux_aarch64: Optional[str] = msgspec.field(name="linux-aarch64", default=None)
    windows_x86_64: Optional[str] = msgspec.field(name="windows-x86_64", default=None)

    def archs(self, os: str, arch: str) -> str | None:
        """The compiled architectures as one string, or None when the variant does not exist there."""
        found: str | None = getattr(self, f"{os}_{arch}", None)
        return self.linux_x86_64 if found == "= linux-x86_64" else found


class Companions(Row, frozen=True, kw_only=True):
    """Versions that go with a release, the one released beside it last; `torchvision_pinned` pin torch exactly."""

    torchvision: list[str]
    torchaudio: list[str]
    torchvision_pinned: list[str]


class Release(Row, frozen=True, kw_only=True):
    """One release. `pypi`: platform to the variant that the Python package index gives; `wheel_mib`: its size there."""

    version: str
    date: str
    pypi: dict[str, str]
    wheels: list[Wheels]
    variants: list[VariantRow]
    companions: Companions
    wheel_mib: dict[str, int]
    cudnn: Optional[str] = None


class Jetson(Row, frozen=True, kw_only=True):
    """Why the ordinary aarch64 wheels do not serve Jetson, and where its builds are."""

    text: str
    index: str


class WindowsArch(Row, frozen=True, kw_only=True):
    """Windows' lists are disputed below `certain_from`."""

    certain_from: str


class OpenPin(Row, frozen=True, kw_only=True):
    """From here torchvision asks for a minimum torch instead of one exact version."""

    torch: str
    torchvision: str


class CudnnFloor(Row, frozen=True, kw_only=True):
    """From this cuDNN on, GPUs below a compute capability are not served, whatever the wheel was compiled for."""

    from_: str = msgspec.field(name="from")
    below_cc: str
    text: str


class TorchTable(Table, frozen=True, kw_only=True):
    """torch.json; releases newest first."""

    jetson: Jetson
    windows_arch: WindowsArch
    torchvision_open_from: OpenPin
    cudnn_floors: list[CudnnFloor]
    releases: list[Release]


class ArchList(msgspec.Struct, frozen=True, kw_only=True):
    """Compiled architectures of one build; `certain` is False when nobody read them from the wheel or a document."""

    archs: list[str]
    certain: bool
    table: str


@lru_cache(maxsize=1)
def table() -> TorchTable:
    """The releases."""
    return load("torch.json", TorchTable)


def releases() -> list[Release]:
    """Every release, newest first."""
    return table().releases


def release(version: str) -> Release | None:
    """The release of a version; a local part ("+cu126") is ignored. None when it is not in the table.

    People drop the last number: of "2.5" the first release counts, for its builds are the least that 2.5 has.
    """
    public = version.partition("+")[0]
    named = f"{public}.0" if public.count(".") == 1 and public.replace(".", "").isdigit() else public
    return next((row for row in releases() if row.version == named), None)


def variant(version: str, name: str) -> VariantRow | None:
    """One build variant of a release."""
    row = release(version)
    return next((v for v in row.variants if v.name == name), None) if row else None


def variants(version: str, os: str, arch: str) -> list[VariantRow]:
    """The variants of a release on "linux", "windows" x "x86_64", "aarch64". macOS has one build without a variant."""
    row = release(version)
    return [v for v in row.variants if v.archs(os, arch) is not None] if row else []


def arch_list(version: str, name: str, os: str = "linux", arch: str = "x86_64") -> ArchList | None:
    """The compiled architectures of a CUDA build, or None when the build is not known there."""
    row = variant(version, name)
    archs = row.archs(os, arch) if row else None
    if row is None or archs is None or not name.startswith("cu"):
        return None
    source = row.arch_source or row.source
    return ArchList(archs=archs.split(), certain=source != "inferred", table=table().cite(source))


def cudnn_floor(version: str, cc: str) -> CudnnFloor | None:
    """The row that shuts a GPU out by the cuDNN which a release brings, or None."""
    row = release(version)
    if row is None or row.cudnn is None:
        return None
    brought = key(row.cudnn)
    return next((f for f in table().cudnn_floors if brought >= key(f.from_) and key(cc) < key(f.below_cc)), None)


def default_variant(version: str, os: str, arch: str) -> str | None:
    """The variant that a plain `pip install torch` gives there; None on macOS (one build) or when unknown."""
    row = release(version)
    return row.pypi.get(f"{os}-{arch}") if row else None


def pythons(version: str, os: str, arch: str, *, free_threaded: bool = False) -> list[str]:
    """The Python versions ("3.12") with a wheel, ascending; `free_threaded` asks for the builds without the GIL."""
    row = release(version)
    names = {name for w in (row.wheels if row else []) if (w.os, w.arch) == (os, arch) for name in w.python.split()}
    picked = {name.rstrip("t") for name in names if name.endswith("t") == free_threaded}
    return sorted(picked, key=key)


def libc_floor(version: str, name: str | None = None, arch: str = "x86_64") -> str | None:
    """The oldest glibc of a Linux build, e.g. "2.28"; None when the release or platform is unknown."""
    row = release(version)
    if row is None:
        return None
    build = variant(version, name) if name else None
    if build and build.floor and arch == "x86_64":
        return build.floor
    return next((w.floor for w in row.wheels if (w.os, w.arch) == ("linux", arch)), None)


def macos_floor(version: str, arch: str, python: str) -> str | None:
    """The oldest macOS of a release's wheel for a Python ("3.12", "3.13t"); None when there is none."""
    row = release(version)
    found = [
        w.floor for w in (row.wheels if row else []) if (w.os, w.arch) == ("macos", arch) and python in w.python.split()
    ]
    return found[0] if found else None


def companions(version: str) -> Companions | None:
    """What goes with a release: torchvision and torchaudio."""
    row = release(version)
    return row.companions if row else None


def matches(torch_version: str, torchvision_version: str) -> bool | None:
    """Whether torchvision's own metadata accepts this torch; None when the data does not know one of them."""
    public, vision = torch_version.partition("+")[0], torchvision_version.partition("+")[0]
    open_from = table().torchvision_open_from
    if key(vision) >= key(open_from.torchvision):
        return key(public) >= key(open_from.torch)
    pinned = next((row.version for row in releases() if vision in row.companions.torchvision_pinned), None)
    return None if pinned is None else pinned == public


def cuda_of(name: str) -> str | None:
    """The CUDA version of a variant: "cu126" is "12.6"; None for cpu, rocm and xpu."""
    digits = name[2:] if name.startswith("cu") else ""
    return f"{digits[:-1]}.{digits[-1]}" if digits.isdigit() else None


def cite(source: str | None) -> str:
    """A source of this table with its date."""
    return table().cite(source)
