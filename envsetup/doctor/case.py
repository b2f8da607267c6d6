"""What is judged: a machine with what was asked of it. Groups of facts that are unknown read as empty groups."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from envsetup.model.drivers import AmdStack, Cuda, Driver, IntelStack, NvidiaStack, Nvml
from envsetup.model.hardware import Cpu, Limits, Memory
from envsetup.model.machine import Container, Libc, Machine, OperatingSystem
from envsetup.model.maybe import known
from envsetup.model.software import Environment, Python

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envsetup.model.comparison import Change
    from envsetup.model.project import Project
    from envsetup.model.symptom import SymptomHit

Require = Literal["gpu", "cuda", "rocm", "none"]
Kind = Literal["live", "snapshot", "text"]


@dataclass(frozen=True)
class Case:
    """A machine, what the user requires of it, and the errors the user saw.

    The properties spare every check the question whether a whole group is unknown: each field of an
    empty group is UNKNOWN, so `case.nvidia.module_loaded is False` is true only when somebody looked.
    """

    machine: Machine
    require: Require | None = None
    symptoms: Sequence[SymptomHit] = ()
    kind: Kind = "live"
    project: Project | None = None
    differences: tuple[list[Change], list[str]] | None = None  # from an expected machine, when there is one

    def source(self, read_from: str) -> str:
        """Where a fact was read, for evidence: everything in a pasted text comes from that text."""
        return "the given text" if self.kind == "text" else read_from

    @cached_property
    def os(self) -> OperatingSystem:
        return known(self.machine.os) or OperatingSystem()

    @cached_property
    def libc(self) -> Libc:
        return known(self.machine.libc) or Libc()

    @cached_property
    def cpu(self) -> Cpu:
        return known(self.machine.cpu) or Cpu()

    @cached_property
    def memory(self) -> Memory:
        return known(self.machine.memory) or Memory()

    @cached_property
    def limits(self) -> Limits:
        return known(self.machine.limits) or Limits()

    @cached_property
    def container(self) -> Container:
        return known(self.machine.container) or Container()

    @cached_property
    def driver(self) -> Driver:
        return known(self.machine.driver) or Driver()

    @cached_property
    def nvidia(self) -> NvidiaStack:
        return known(self.machine.nvidia) or NvidiaStack()

    @cached_property
    def nvml(self) -> Nvml | None:
        return known(self.nvidia.nvml)

    @cached_property
    def amd(self) -> AmdStack:
        return known(self.machine.amd) or AmdStack()

    @cached_property
    def intel(self) -> IntelStack:
        return known(self.machine.intel) or IntelStack()

    @cached_property
    def cuda(self) -> Cuda:
        return known(self.machine.cuda) or Cuda()

    @cached_property
    def variables(self) -> dict[str, str]:
        return known(self.machine.env) or {}

    @cached_property
    def environment(self) -> Environment:
        return known(self.machine.environment) or Environment(kind="unknown")

    @cached_property
    def packages(self) -> dict[str, str]:
        """Distributions of the environment by normalised name; conda's versions where pip's list has none."""
        conda = known(self.environment.conda_packages) or {}
        named = {name: entry.split(" ")[0] for name, entry in conda.items()}
        return {**named, **(known(self.environment.packages) or {})}

    @cached_property
    def python(self) -> Python:
        """The environment's interpreter, else the one a plan would be made for."""
        return known(self.environment.python) or known(self.machine.python) or Python()
