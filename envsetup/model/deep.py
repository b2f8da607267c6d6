"""What trying it out showed: the import of each framework in a child, and one use of each device."""

from __future__ import annotations

from typing import Literal, Optional

from envsetup.model.hardware import Fact
from envsetup.model.maybe import UNKNOWN, Maybe

Ending = Literal["ok", "raised", "signal", "exit", "timeout", "not-started"]


class Trial(Fact, frozen=True, kw_only=True):
    """One run of the child. `ended` says how; `step` is the last one begun: start, import, cpu, devices, kernel, peers.

    `without` are the variables that this run was spared; `text` the last lines that it wrote to stderr.
    """

    ended: Ending
    step: Maybe[str] = UNKNOWN
    without: list[str] = []
    signal: Maybe[str] = UNKNOWN  # SIGSEGV, SIGILL, ...
    returncode: Maybe[int] = UNKNOWN
    error: Maybe[str] = UNKNOWN  # "ImportError: ...", one line
    text: list[str] = []
    seconds: Maybe[float] = UNKNOWN


class UsedDevice(Fact, frozen=True, kw_only=True):
    """A device on which one kernel, one matrix product and one convolution ran; `error` is None when all were right."""

    name: str  # as the framework calls it, e.g. cuda:0
    model: Maybe[str] = UNKNOWN
    capability: Maybe[str] = UNKNOWN  # 8.9
    error: Maybe[Optional[str]] = UNKNOWN
    seconds: Maybe[float] = UNKNOWN


class PeerCopy(Fact, frozen=True, kw_only=True):
    """A copy from GPU to GPU, compared by content. `direct`: whether the driver offers peer access."""

    source: int
    target: int
    direct: Maybe[bool] = UNKNOWN
    equal: Maybe[bool] = UNKNOWN
    error: Maybe[Optional[str]] = UNKNOWN


class TriedFramework(Fact, frozen=True, kw_only=True):
    """A framework that was imported, or was tried to be. The first of `trials` is as the user's environment is."""

    name: str  # torch, tensorflow, jax
    trials: list[Trial]
    version: Maybe[str] = UNKNOWN
    available: Maybe[bool] = UNKNOWN  # whether it says that it can use a GPU
    available_s: Maybe[float] = UNKNOWN  # seconds until it said so
    unavailable: Maybe[str] = UNKNOWN  # the error when it is asked why not
    arch_list: Maybe[list[str]] = UNKNOWN
    loaded: Maybe[list[str]] = UNKNOWN  # paths of the GPU libraries that the process had mapped
    devices: Maybe[list[UsedDevice]] = UNKNOWN
    peers: Maybe[list[PeerCopy]] = UNKNOWN


class CuInit(Fact, frozen=True, kw_only=True):
    """The first call of CUDA. status: ok, error, missing (no libcuda.so.1), timeout, crashed."""

    status: str
    code: Maybe[int] = UNKNOWN
    name: Maybe[str] = UNKNOWN  # CUDA_ERROR_..., as the driver itself calls it
    devices: Maybe[int] = UNKNOWN
    library: Maybe[str] = UNKNOWN  # the file that the loader took
    seconds: Maybe[float] = UNKNOWN


class Deep(Fact, frozen=True, kw_only=True):
    """All that `--deep` tried."""

    frameworks: Maybe[list[TriedFramework]] = UNKNOWN
    cu_init: Maybe[CuInit] = UNKNOWN
