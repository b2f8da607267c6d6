"""What trying it out says: which number means what, which copy failed, which cause explains the import."""

from __future__ import annotations

import pytest
from described import LINUX, NVIDIA, machine, merged, torch
from tried_machines import OK, cu_init, peers, tried

from envsetup.compat import cuda_errors
from envsetup.doctor.catalogue import entries
from envsetup.doctor.examine import examine


def codes(parts):
    return {finding.code: finding for finding in examine(machine(*parts)).findings}


@pytest.mark.parametrize("row", cuda_errors.table().rows, ids=lambda row: row.name)
def test_an_error_number_of_cuda_names_its_failure_mode(row):
    assert row.code in entries()
    found = codes(cu_init(status="error", code=row.number, name=row.name))
    # This machine has no switch, and its kernel log tells of no sleep.
    here = {"fabric-manager-not-running": "cuda-802-hmm-kaslr", "uvm-broken-after-suspend": "uvm-not-loaded"}
    expected = here.get(row.code, row.code)
    assert found[expected].severity in ("error", "critical")


def test_without_a_switch_nobody_waits_for_a_fabric_manager():
    parts = cu_init(status="error", code=802)
    assert "cuda-802-hmm-kaslr" in codes(parts)
    assert "fabric-manager-not-running" in codes([*parts, {"nvidia": {**NVIDIA["nvidia"], "nvswitches": 4}}])


def test_a_number_that_nobody_knows_is_told_as_it_is():
    assert (
        "4242" in codes(cu_init(status="error", code=4242, name="CUDA_ERROR_NEW"))["cuda-init-fails"].evidence[0].value
    )


def test_a_copy_that_raises_is_another_fault_than_one_that_arrives_damaged():
    assert "p2p-broken-iommu-acs" in codes(peers(error="RuntimeError: invalid device ordinal"))
    assert codes(peers(equal=False))["p2p-data-corruption"].severity == "critical"


def test_no_kernel_image_is_read_as_what_it_means():
    error = "RuntimeError: CUDA error: no kernel image is available for execution on the device"
    gpu = {"vendor": "nvidia", "index": 0, "name": "NVIDIA GeForce RTX 5090", "compute_capability": "12.0"}
    parts = tried(devices=[{"name": "cuda:0", "error": error}])
    report = examine(machine(*parts, torch("2.6.0", "cu124"), {"gpus": [gpu]}))
    assert report.verdict.root_cause == "gpu-arch-too-new-for-wheel"
    assert next(f for f in report.findings if f.code == "gpu-kernel-fails").caused_by == "gpu-arch-too-new-for-wheel"


def test_libraries_from_outside_that_work_are_a_risk_and_no_failure():
    bundled = {"bundled": [{"soname": "libcublas.so.13", "package": "nvidia-cublas"}]}
    parts = [LINUX, NVIDIA, torch(**bundled)]
    deep = {
        "deep": {"frameworks": [{"name": "torch", "trials": [OK], "loaded": ["/usr/local/cuda/lib64/libcublas.so.13"]}]}
    }
    assert codes([*parts, deep])["ld-library-path-shadows-cuda"].severity == "warning"
    inside = merged(deep)
    inside["deep"]["frameworks"][0]["loaded"] = [
        "/home/u/.venv/lib/python3.12/site-packages/nvidia/lib/libcublas.so.13"
    ]
    assert codes([*parts, inside]) == {}


def test_an_unknown_error_after_a_sleep_is_that_of_the_sleep():
    slept = {"kernel_events": [{"kind": "resume", "text": "PM: suspend exit"}]}
    assert "uvm-broken-after-suspend" in codes([*cu_init(status="error", code=999), slept])
