"""Every fault is planted in a real PyTorch, and the checks that promise to catch it do."""

from __future__ import annotations

import pytest

from envsetup.smoke.faults import FAULTS
from envsetup.smoke.runner import Request
from envsetup.smoke.selftest import self_test

# The module-wide run belongs to one worker; without the group each worker would make it again.
pytestmark = [pytest.mark.torch, pytest.mark.faults, pytest.mark.xdist_group("faults")]


@pytest.fixture(scope="module")
def rows(torch_python):
    heard = []
    report = self_test(Request(python=torch_python, device="cpu"), heard.append, faults=FAULTS, every_check=False)
    assert report.verdict == "pass", report.headline
    assert len(heard) == len(FAULTS)
    return {row.fault: row for row in report.self_test}


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_caught_by_the_checks_that_promise_it(rows, name):
    row = rows[name]
    assert not row.missed_by
    assert row.control or set(row.caught_by) >= set(FAULTS[name].caught_by)


def test_every_check_catches_something():
    from envsetup.smoke.catalogue import catalogue

    promised = {check for fault in FAULTS.values() if fault.how != "PASS" for check in fault.caught_by}
    assert promised == {spec.id for spec in catalogue().checks}


@pytest.mark.parametrize("name", ["hang", "crash"])
def test_a_child_that_ends_early_costs_only_the_check_that_ended_it(rows, name):
    others = {check: status for check, status in rows[name].statuses.items() if check not in FAULTS[name].caught_by}
    assert set(others.values()) <= {"PASS", "SKIP"}
