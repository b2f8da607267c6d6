"""What the driver says is held against what the framework says, in real runs with a scripted driver."""

from __future__ import annotations

import pytest

from envsetup.model.hardware import Gpu
from envsetup.report.smoke_progress import Silent
from envsetup.smoke.host import HostLook
from envsetup.smoke.runner import Request, prove
from envsetup.smoke.verdict import exit_code

pytestmark = pytest.mark.torch


@pytest.fixture
def run(torch_python, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def proven(*looks, **request):
        answers = iter(looks)
        return prove(Request(python=torch_python, **request), look=lambda: next(answers), watcher=Silent())

    return proven


def gpus(count, **facts):
    return HostLook(gpus=[Gpu(vendor="nvidia", index=i, **facts) for i in range(count)])


def status(report, check):
    return next(found for found in report.checks if found.id == check)


def test_a_gpu_that_the_framework_does_not_use_is_a_failure_not_a_cpu_proof(run):
    report = run(gpus(2), device="auto", checks=["data"])
    assert (report.verdict, report.device, int(exit_code(report))) == ("fail", "cpu", 1)
    assert status(report, "devices").reason == "the driver offers 2 NVIDIA GPU(s), pytorch sees none"


@pytest.mark.parametrize(
    ("look", "ending"), [(gpus(1), ("fail", "FAIL", 1)), (HostLook(gpus=[]), ("not-verified", "SKIP", 3))]
)
def test_a_cuda_device_asked_for_and_missing_is_a_fault_only_where_there_is_a_gpu(run, look, ending):
    report = run(look, device="cuda", checks=["data"])
    found = status(report, "devices")
    assert (report.verdict, found.status, int(exit_code(report))) == ending
    assert "build without CUDA" in found.reason


def test_a_cpu_may_be_asked_for_on_a_gpu_machine(run):
    report = run(gpus(2), device="cpu", checks=["data"])
    assert report.verdict == "pass"
    assert "GPU acceleration was not verified" in report.headline


# The fault makes PyTorch announce one GPU and run on the CPU: as much of a GPU as this test can have.
IMAGINED = {"device": "cuda", "fault": "silent-cpu"}


def test_a_device_that_the_framework_misses_is_counted(run):
    report = run(gpus(2), gpus(2), checks=["devices"], **IMAGINED)
    found = status(report, "devices")
    assert found.status == "FAIL"
    assert found.metrics["devices_missing"].value == 1


def test_a_memory_error_during_the_run_fails_it(run):
    before, after = gpus(1, ecc_uncorrected_volatile=0), gpus(1, ecc_uncorrected_volatile=1)
    report = run(before, after, checks=["devices", "counters"], **IMAGINED)
    assert status(report, "devices").status == "PASS"
    assert status(report, "counters").status == "FAIL"
    assert report.verdict == "fail"


def test_counters_that_nobody_could_read_are_not_passed_over(run):
    report = run(HostLook(), HostLook(), checks=["devices", "counters"], **IMAGINED)
    assert status(report, "counters").status == "SKIP"
    assert (report.verdict, int(exit_code(report))) == ("not-verified", 3)


def test_an_imagined_gpu_with_a_healthy_driver_is_still_caught(run):
    report = run(gpus(1), gpus(1), checks=["devices", "counters", "no-fallback"], **IMAGINED)
    assert {check.id: check.status for check in report.checks} == {
        "import": "PASS",
        "devices": "PASS",
        "no-fallback": "FAIL",
        "counters": "PASS",
    }
