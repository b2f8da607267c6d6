from __future__ import annotations

import re

import msgspec
import pytest

from envsetup.cli.created import why
from envsetup.model.plan import Alternative, Impossible, Plan, PlannedPackage, Reason, Rejected
from envsetup.report.plan_text import Page, requirement, text

REASONS = [
    Reason(constraint="python", text="has a wheel", evidence="python: 3.12", table="wheels (2026-11-24)"),
    Reason(constraint="gpu-arch", text="has code", evidence="gpu 0: RTX 4090", table="RELEASE.md (2026-11-24)"),
    Reason(constraint="driver", text="runs", evidence="driver.nvidia: 580", table="wheels (2026-11-24)"),
    Reason(constraint="libc", text="needs glibc", evidence="libc: 2.39", table="wheels (2026-11-24)"),
]
PLAN = Plan(
    status="ok",
    device="cuda",
    python="3.12",
    packages=[
        PlannedPackage(name="torch", version="2.15.0", variant="cu132", index="pypi"),
        PlannedPackage(
            name="tensorflow", version="2.21.0", extras=["and-cuda"], index="pypi", environment="tensorflow"
        ),
    ],
    reasons=REASONS,
    rejected=[Rejected(candidate="2.16.0+cu134", constraint="driver", text="driver too old")],
    warnings=["a long remark " * 12],
    alternatives=[Alternative(text="another", cost="nothing")],
)
NO = Plan(status="impossible", device="cuda", impossible=Impossible(constraint="driver", text="no", nearest="yes"))


def test_the_answer_comes_first_and_hardware_reasons_lead():
    lines = text(PLAN, Page()).splitlines()
    assert lines[0] == "PyTorch 2.15.0+cu132 and TensorFlow 2.21.0 for NVIDIA GPU, Python 3.12"
    assert next(line for line in lines if line.startswith("  why")) == "  why  has code"
    assert "environment tensorflow" in lines[2]


def test_three_frameworks_are_a_list_and_not_a_chain():
    jax = PlannedPackage(name="jax", version="0.10.2", variant="cuda13", index="pypi", environment="jax")
    three = msgspec.structs.replace(PLAN, packages=[jax, *PLAN.packages])
    head = text(three, Page()).splitlines()[0]
    assert head.startswith("JAX 0.10.2+cuda13, PyTorch 2.15.0+cu132 and TensorFlow 2.21.0 for")


def test_sources_are_numbered_once():
    shown = text(PLAN, Page(verbose=True))
    assert shown.count("wheels (2026-11-24)") == 1
    assert "[1]" in shown
    assert "2.16.0+cu134" in shown


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width):
    shown = text(PLAN, Page(verbose=True, width=width))
    assert max(len(line) for line in shown.splitlines()) <= width


def test_a_pipe_gets_whole_lines_without_colour():
    assert "\x1b" not in text(PLAN, Page())
    assert max(len(line) for line in text(PLAN, Page()).splitlines()) > 120


def test_colour_changes_no_word():
    painted = text(PLAN, Page(colour=True))
    assert "\x1b" in painted
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == text(PLAN, Page())


def test_impossible_is_two_lines():
    assert text(NO, Page()).splitlines() == ["impossible: no", "nearest:    yes"]


def test_quiet_is_the_pick_alone():
    assert len(text(PLAN, Page(quiet=True)).splitlines()) == 3


def test_requirements_as_pip_would_be_told():
    assert requirement(PLAN.packages[0]) == "torch==2.15.0"  # the package index has no torch 2.15.0+cu132
    assert "from pypi, where it is the cu132 build" in text(PLAN, Page())
    for index in ("pytorch", "nju", "/wheels"):
        other = PlannedPackage(name="torch", version="2.15.0", variant="cu130", index=index)
        assert requirement(other) == "torch==2.15.0+cu130"
    mirrored = PlannedPackage(name="torch", version="2.15.0", variant="cu132", index="tuna")
    assert requirement(mirrored) == "torch==2.15.0"
    assert requirement(PLAN.packages[1]) == "tensorflow[and-cuda]==2.21.0"
    assert requirement(PlannedPackage(name="jax", version="0.10.2", variant="cuda12")) == "jax==0.10.2"


def test_names_from_a_machine_file_cannot_forge_lines_or_colours():
    forged = Reason(constraint="gpu-arch", text="RTX\x1b[31m 4090\nimpossible: \u202eno", evidence="", table="t")
    shown = text(Plan(status="ok", device="cuda", python="3.12", packages=PLAN.packages, reasons=[forged]), Page())
    assert not {"\x1b", "\u202e"} & set(shown)
    assert not any(line.startswith("impossible") for line in shown.splitlines())


def test_create_gives_a_reason_without_saying_its_kind_twice():
    assert next(iter(why(PLAN))) == "  because   has a wheel (python: 3.12; wheels (2026-11-24))"
