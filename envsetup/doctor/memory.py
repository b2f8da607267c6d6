"""Who holds a GPU's memory when it runs out: what the error says, and what `nvidia-smi` showed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envsetup.compat import gpus
from envsetup.doctor.when import gpus as gpus_of
from envsetup.model.maybe import known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case
    from envsetup.model.hardware import Gpu

_FULL = 0.9
_SMALL_MIB = 6 * 1024  # with display and context, less than most networks are trained in
_UNITS = {"KiB": 1 / 1024, "MiB": 1.0, "GiB": 1024.0, "MB": 1.0, "GB": 1024.0}
_SIZE = r"(\d{1,20}(?:\.\d{1,3})?) ([KMG]i?B)"
_TOTAL = (rf"{_SIZE} total capacity", rf"total capac\w{{2,3}} of {_SIZE}")
_OWN = (rf"{_SIZE} (?:reserved|cached)", rf"this process has {_SIZE}", rf"{_SIZE} already allocated")
_FREE = rf"{_SIZE} free"
_OTHERS = rf"Process \d{{1,8}} has {_SIZE}"


@dataclass(frozen=True)
class _Shares:
    """The numbers of PyTorch's message in MiB; what it does not say is 0."""

    total: float
    own: float
    others: float


def memory_of_others(case: Case) -> bool:
    """Whether the numbers say that other programs hold most of a GPU: the message's own, or those of `nvidia-smi`."""
    told = _messages(case)
    # In a container PyTorch does not know its own process: it then calls itself another one, with a senseless size.
    if any(one.own <= one.total < _UNITS["GiB"] ** 2 and one.others > max(one.total / 3, one.own) for one in told):
        return True
    shares = [
        used / total
        for gpu in gpus_of(case, "nvidia")
        if (used := known(gpu.memory_used_mib)) is not None and (total := known(gpu.memory_mib))
    ]
    return bool(told) and any(share >= _FULL for share in shares)


def small_memory(case: Case) -> bool:
    """Whether the GPU has less memory than most networks are trained in: the message says so, or every GPU's size."""
    if any(0 < one.total <= _SMALL_MIB and one.own > one.total / 2 for one in _messages(case)):
        return True
    sizes = [_memory_mib(gpu) for gpu in gpus_of(case, "nvidia")]
    return bool(sizes) and all(size is not None and size <= _SMALL_MIB for size in sizes)


def _memory_mib(gpu: Gpu) -> float | None:
    """As reported, else by the GPU's name."""
    reported = known(gpu.memory_mib)
    if reported:
        return reported
    row = gpus.compute_capability(known(gpu.name) or "")
    return row.memory_gb * 1024 if row and row.memory_gb else None


def _messages(case: Case) -> list[_Shares]:
    return [_shares(hit.text) for hit in case.symptoms if "out of memory" in hit.text.lower()]


def _shares(text: str) -> _Shares:
    """PyTorch's message: since 2.1 it names the other processes, before they are what is missing from the sum."""
    total = next((sum(found) for pattern in _TOTAL if (found := _sizes(pattern, text))), 0.0)
    own = next((sum(found) for pattern in _OWN if (found := _sizes(pattern, text))), 0.0)
    others, free = _sizes(_OTHERS, text), _sizes(_FREE, text)
    complete = bool(re.search(rf"{_SIZE} total capacity; .{{0,200}}(?:reserved|cached)", text)) and bool(free)
    return _Shares(total, own, total - free[0] - own if complete else sum(others))


def _sizes(pattern: str, text: str) -> list[float]:
    return [float(number) * _UNITS[unit] for number, unit in re.findall(pattern, text)]
