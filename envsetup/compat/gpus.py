"""From the name that a driver prints to what the GPU is: compute capability, gfx target, XPU or not."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Optional

from envsetup.compat.tables import Row, Table, key, load


class NvidiaGpu(Row, frozen=True, kw_only=True):
    """kind: consumer, workstation, datacenter, jetson, desktop-superchip. memory_gb is None where unknown."""

    name: str
    cc: str
    kind: str
    memory_gb: Optional[float] = None


class AmdGpu(Row, frozen=True, kw_only=True):
    """`wheels`: ROCm channels of PyTorch that hold code for this gfx target; `override`: HSA_OVERRIDE_GFX_VERSION.

    `since`: the first ROCm that knew it at all, where that is known.
    """

    name: str
    names: list[str]
    gfx: str
    kind: str  # discrete, apu
    wheels: list[str]
    since: Optional[str] = None
    since_source: Optional[str] = None
    override: Optional[str] = None
    override_source: Optional[str] = None


class IntelGpu(Row, frozen=True, kw_only=True):
    """`xpu`: whether PyTorch's XPU builds serve it; None when that is not known. `discrete`: a card of its own."""

    name: str
    match: str
    xpu: Optional[bool]
    discrete: bool = False


class RocmOnWsl(Row, frozen=True, kw_only=True):
    """gfx generations that ROCm serves inside WSL; older cards work under native Linux only."""

    gfx: list[str]


class GpuTable(Table, frozen=True, kw_only=True):
    """gpus.json."""

    nvidia: list[NvidiaGpu]
    amd: list[AmdGpu]
    intel: list[IntelGpu]
    rocm_on_wsl: RocmOnWsl


@lru_cache(maxsize=1)
def table() -> GpuTable:
    """The GPU names."""
    return load("gpus.json", GpuTable)


# What board makers, form factors, memory sizes, vGPU profiles and MIG add to a name without changing the chip.
_NOISE = re.compile(
    r"\bmig\b.*"
    r"|\b\d+\s?(?:gb?|mb)\b"
    r"|\bmax-?q\b|\bsxm\d?\b|\bpci-?e\b|\bhbm\de?\b|\bnvl\b|\bnvgpu\b|\boam\b|\bvf\b"
    r"|\b(?:nvidia|amd|intel|corporation|geforce|tesla|quadro|grid|ati|laptop|mobile|gpu|design|with|generation|workstation"
    r"|server|edition|graphics|blackwell|radeon|instinct|lite hash rate|collectors|ac|rev a\d)\b"
    r"|\((?:r|tm)\)|[®™]"
)


# A virtual GPU's type: the board with its letters for memory and form, the instance, the frame buffer and the licence.
# NVIDIA vGPU documentation, virtual GPU types: V100DX-32Q, A100D-80C, H100XM-1-10CME, RTX6000-24Q.
_VGPU = re.compile(r"\b((?:rtx ?)?[a-z]{0,3}\d+s?)(?:xm|dx|[dlpx])?(-ada)?(?:-\d+)?-\d+[abcq](?:me)?\b")


@lru_cache(maxsize=256)
def canonical(name: str) -> str:
    """The name without vendor, brand, form factor and memory: "NVIDIA GeForce RTX 3080 Laptop GPU" is "rtx 3080"."""
    text = name.lower()
    inner = re.search(r"\[([^\]]+)\]", text)  # lspci: AD102 [GeForce RTX 4090]
    board = _VGPU.sub(lambda found: found[1].replace("rtx", "rtx ") + (found[2] or ""), inner[1] if inner else text)
    text = _NOISE.sub(" ", board)
    return " ".join(re.findall(r"[a-z0-9]+", text))


@lru_cache(maxsize=1)
def _nvidia_names() -> dict[str, NvidiaGpu]:
    names: dict[str, NvidiaGpu] = {}
    for row in table().nvidia:
        names.setdefault(canonical(row.name), row)
    # The full name decides where two generations share a short one: Quadro M4000 and RTX 4000.
    names.update({row.name.lower(): row for row in table().nvidia})
    return names


def compute_capability(name: str) -> NvidiaGpu | None:
    """The row of an NVIDIA GPU's name as nvidia-smi, NVML or lspci print it, or None when it is not known."""
    names = _nvidia_names()
    exact = re.sub(r"^nvidia (corporation )?", "", name.lower()).strip()
    return names.get(exact) or names.get(canonical(name))


def amd_gfx(name: str) -> AmdGpu | None:
    """The row of an AMD GPU's name, or None. lspci's several names (RX 7900 XT/7900 XTX) give the first known one."""
    known = {canonical(alias): row for row in table().amd for alias in [row.name, *row.names]}
    found = known.get(canonical(name))
    if found:
        return found
    inner = re.search(r"\[([^\]]+)\]", name.split("]", 1)[-1] if name.lower().count("[") > 1 else name)
    parts = (inner.group(1) if inner else name).split("/")
    return next((known[canonical(part)] for part in parts if canonical(part) in known), None)


def rocm_serves(row: AmdGpu, channel: str) -> bool | None:
    """Whether the wheels of a ROCm channel (rocm6.1.3 is of rocm6.1) have code for a GPU; None where nobody knows."""
    release, held = key(channel)[:2], [key(entry)[:2] for entry in row.wheels]
    oldest, newest = _rocm_releases()
    if release in held or oldest <= release <= newest:
        return release in held
    if release > newest:
        return None
    seen_to_appear = not held or min(held) > oldest
    newer = bool(row.since) and release < key(row.since or "")[:2]
    return False if seen_to_appear or newer else None


@lru_cache(maxsize=1)
def _rocm_releases() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The first and the last release of which the table says what its wheels hold."""
    known = sorted(key(entry)[:2] for row in table().amd for entry in row.wheels)
    return known[0], known[-1]


def amd_by_gfx(gfx: str) -> AmdGpu | None:
    """The first row of a gfx target; a target's feature suffix (gfx90a:sramecc+) is left out of the comparison."""
    target = gfx.partition(":")[0].lower()
    return next((row for row in table().amd if row.gfx == target), None)


def intel(name: str) -> IntelGpu | None:
    """The family of an Intel GPU's name, or None when it is not known."""
    text = name.lower().replace("(r)", "").replace("(tm)", "")
    return next((row for row in table().intel if re.search(row.match, text)), None)


def cite(row: Row) -> str:
    """Source and date of a row of this table."""
    return table().cite(row.source)


def unsure(row: Row) -> str:
    """The clause for what rests on an unconfirmed row of this table; empty for a confirmed one."""
    return table().unsure(row.source, certain=row.certain)


def rocm_channels() -> set[str]:
    """The ROCm channels ("rocm7.2") whose gfx targets were read."""
    return {name for row in table().amd for name in row.wheels}
