"""What would be installed and why, or why nothing can be. Schema `envsetup.plan/1`."""

from __future__ import annotations

from typing import Literal, Optional

import msgspec

SCHEMA = "envsetup.plan/1"

Constraint = Literal["gpu-arch", "driver", "python", "libc", "os", "arch", "framework", "device", "source", "request"]
Device = Literal["cuda", "rocm", "xpu", "mps", "cpu"]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked for. `device`: auto takes the GPU where one is usable."""

    frameworks: list[str] = []  # as typed, e.g. "pytorch", "pytorch==2.11.*"
    device: Literal["auto", "gpu", "cpu"] = "auto"
    extras: list[str] = []  # --with
    python: Optional[str] = None  # as typed, e.g. "3.12"
    target: str = "venv"
    source: Optional[str] = None
    offline: bool = False
    develop: bool = False  # an image with compiler and headers


class PlannedPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A pinned package; `version` is public, `variant` the build (cu126, cpu, None), `index` where it comes from.

    `extras` belong to the requirement (tensorflow[and-cuda]). `environment` names the environment that a package goes
    into when one will not do (two CUDA stacks); None while one environment holds all.
    """

    name: str
    version: str
    variant: Optional[str] = None
    index: Optional[str] = None
    extras: list[str] = []
    environment: Optional[str] = None


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a choice holds: the fact of the machine (`evidence`) and the data row it rests on (`table`)."""

    constraint: Constraint
    text: str
    evidence: str
    table: str


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate that was not taken, and the constraint that killed it."""

    candidate: str
    constraint: Constraint
    text: str


class Alternative(msgspec.Struct, frozen=True, kw_only=True):
    """Another way, and what it costs."""

    text: str
    cost: str
    packages: list[PlannedPackage] = []


class Impossible(msgspec.Struct, frozen=True, kw_only=True):
    """The deciding constraint and the nearest change that would make it possible."""

    constraint: Constraint
    text: str
    nearest: str


class Plan(msgspec.Struct, frozen=True, kw_only=True, rename={"schema_": "schema"}):
    """A decision as a value: print it, compare it, build from it."""

    schema_: str = SCHEMA
    status: Literal["ok", "impossible"]
    device: Device
    packages: list[PlannedPackage] = []
    python: Optional[str] = None
    reasons: list[Reason] = []
    rejected: list[Rejected] = []
    warnings: list[str] = []
    alternatives: list[Alternative] = []
    impossible: Optional[Impossible] = None
    # For the build and the proof: which GPUs the environment must serve ("8.9", "gfx1100"), and the tables' date.
    gpu_targets: list[str] = []
    tables: str = ""
