from __future__ import annotations

import math

import pytest

from envsetup.smoke.catalogue import catalogue, golden
from envsetup.smoke.judge import Measured, judge

CHECKS = {spec.id: spec for spec in catalogue().checks}
EPSILON = 1e-9


def healthy(spec, data="generated", device="cpu"):
    """Numbers that meet every gate, exactly at the tightest limit."""
    numbers = {}
    for gate in spec.gates:
        if gate.data in (None, data) and (not gate.on or device in gate.on):
            for name in gate.metrics:
                tighter = {"<=": min, ">=": max, "==": lambda _, limit: limit}[gate.op]
                numbers[name] = tighter(numbers[name], gate.limit) if name in numbers else gate.limit
    return numbers


def place(gate):
    """Data set and kind of device for which a gate counts."""
    return gate.data or "generated", (gate.on or ["cpu"])[0]


def verdict(spec, numbers, **where):
    return judge(
        spec, Measured(metrics=numbers), device=where.get("device", "cpu"), data=where.get("data", "generated")
    )


GATES = [(spec.id, gate, name) for spec in catalogue().checks for gate in spec.gates for name in gate.metrics]


@pytest.mark.parametrize("check", CHECKS)
def test_numbers_at_their_limits_pass(check):
    assert verdict(CHECKS[check], healthy(CHECKS[check])).status == "PASS"


@pytest.mark.parametrize(("check", "gate", "name"), GATES, ids=[f"{c}:{n}:{g.op}{g.limit:g}" for c, g, n in GATES])
def test_every_gate_can_be_tripped(check, gate, name):
    data, device = place(gate)
    beyond = {"<=": gate.limit * 1.01 + EPSILON, ">=": gate.limit * 0.99 - EPSILON, "==": gate.limit + 1}[gate.op]
    spec = CHECKS[check]
    found = verdict(spec, {**healthy(spec, data, device), name: beyond}, data=data, device=device)
    assert found.status == {"fail": "FAIL", "warn": "WARN"}[gate.severity]
    assert name in found.reason


@pytest.mark.parametrize(("check", "gate", "name"), GATES, ids=[f"{c}:{n}:{g.op}{g.limit:g}" for c, g, n in GATES])
def test_a_number_that_was_promised_and_is_missing_is_never_a_pass(check, gate, name):
    data, device = place(gate)
    numbers = healthy(CHECKS[check], data, device)
    del numbers[name]
    found = verdict(CHECKS[check], numbers, data=data, device=device)
    assert found.status == ("PASS" if gate.optional else "ERROR")


@pytest.mark.parametrize(("check", "gate", "name"), GATES, ids=[f"{c}:{n}:{g.op}{g.limit:g}" for c, g, n in GATES])
def test_a_number_that_is_not_finite_fails(check, gate, name):
    data, device = place(gate)
    spec = CHECKS[check]
    found = verdict(spec, {**healthy(spec, data, device), name: None}, data=data, device=device)
    assert found.status == "FAIL"
    assert found.metrics[name].nonfinite
    assert "not a finite number" in found.reason


def test_every_number_with_a_gate_carries_its_limit_and_source():
    found = verdict(CHECKS["golden-curve"], {"max_deviation": 9.4e-8})
    metric = found.metrics["max_deviation"]
    assert (metric.op, metric.limit) == ("<=", 1e-5)
    assert "PyTorch 9.4e-08" in metric.limit_source or "9.4e-8" in metric.limit_source


def test_the_breached_limit_is_the_one_shown():
    found = verdict(CHECKS["learning"], {**healthy(CHECKS["learning"]), "test_accuracy": 10.02})
    assert found.status == "FAIL"
    assert found.metrics["test_accuracy"].limit == 1
    assert "10 is above 1" in found.reason


def test_an_error_the_size_of_tf32_is_named_on_cuda_and_fails_elsewhere():
    numbers = {**healthy(CHECKS["op-parity"]), "matmul": 3e-4}
    on_cuda = verdict(CHECKS["op-parity"], numbers, device="cuda")
    assert on_cuda.status == "WARN"
    assert "TF32" in on_cuda.reason
    assert verdict(CHECKS["op-parity"], numbers, device="cpu").status == "FAIL"
    assert verdict(CHECKS["op-parity"], {**numbers, "matmul": 3e-3}, device="cuda").status == "FAIL"


def test_a_warning_does_not_hide_a_failure():
    numbers = {**healthy(CHECKS["op-parity"]), "matmul": 0.5, "softmax": 3e-4}
    assert verdict(CHECKS["op-parity"], numbers, device="cuda").status == "FAIL"


def test_a_failure_is_not_told_twice_as_a_warning():
    found = verdict(CHECKS["link"], {**healthy(CHECKS["link"]), "h2d_of_link": 0.3}, device="cuda")
    assert (found.status, found.reason) == ("FAIL", "h2d_of_link 0.3 is below 0.5")
    assert verdict(CHECKS["link"], {**healthy(CHECKS["link"]), "h2d_of_link": 0.55}, device="cuda").status == "WARN"


def test_who_it_was_is_named():
    numbers = {**healthy(CHECKS["ranks"]), "liars": 1}
    named = Measured(metrics=numbers, evidence={"named": {"liars": "rank 3"}})
    found = judge(CHECKS["ranks"], named, device="cpu", data="generated")
    assert found.reason == "liars 1 is not 0 (rank 3)"


def test_a_mutated_golden_curve_would_fail():
    measured = golden().losses
    for step in range(len(measured)):
        mutated = list(measured)
        mutated[step] += 1e-4
        deviation = max(abs(got / want - 1) for got, want in zip(measured, mutated, strict=True))
        assert verdict(CHECKS["golden-curve"], {"max_deviation": deviation}).status == "FAIL"


def test_many_breaches_are_counted_not_listed():
    numbers = dict.fromkeys(healthy(CHECKS["op-parity"]), 1.0)
    reason = verdict(CHECKS["op-parity"], numbers).reason
    assert reason.count(";") == 2
    assert reason.endswith(f"and {len(numbers) - 3} more")


def test_the_catalogue_is_complete():
    ids = [spec.id for spec in catalogue().checks]
    assert len(set(ids)) == len(ids)
    assert len({spec.number for spec in catalogue().checks}) == len(ids)
    assert set(range(1, 24)) <= {spec.number for spec in catalogue().checks}
    for spec in catalogue().checks:
        assert spec.proves
        assert spec.blind
        assert spec.gates
        for gate in spec.gates:
            assert gate.source
            assert math.isfinite(gate.limit)
