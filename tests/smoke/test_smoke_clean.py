"""A healthy machine is never accused: ten seeds, two at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from envsetup.report.smoke_progress import Silent
from envsetup.smoke.host import HostLook
from envsetup.smoke.runner import Request, prove

pytestmark = [pytest.mark.torch, pytest.mark.proof, pytest.mark.xdist_group("clean")]

# Data and golden curve do not depend on the seed; one full run stands in test_smoke_faults.
CHECKS = ["op-parity", "gradient-parity", "repeatability", "no-fallback", "learning", "cleanup"]


@pytest.fixture(scope="module")
def reports(torch_python):
    def run(seed):
        request = Request(python=torch_python, device="cpu", checks=CHECKS, seed=seed, threads=1)
        return prove(request, look=HostLook, watcher=Silent())

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, range(10)))


@pytest.mark.parametrize("seed", range(10))
def test_a_clean_run_passes(reports, seed):
    report = reports[seed]
    assert report.verdict == "pass", report.headline
    assert {check.status for check in report.checks} == {"PASS"}


def test_seeds_make_different_runs(reports):
    learned = [next(check for check in report.checks if check.id == "learning") for report in reports]
    assert len({check.evidence["losses"][0] for check in learned}) == 10
