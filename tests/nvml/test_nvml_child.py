"""The child that asks NVML, through the real pynvml on a real shared library that plays the driver."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from envsetup.probe import children
from envsetup.probe.nvml import Reply
from envsetup.world.process import run_with_deadline

CHILD = str(Path(children.__file__).with_name("nvml.py"))


@pytest.fixture
def ask(scripted):
    def run(*lines, timeout=20.0):
        return run_with_deadline([sys.executable, "-I", CHILD], timeout=timeout, env=scripted(*lines))

    return run


def reply(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_fact_of_a_gpu(ask):
    answer = reply(ask("value.throttle=0x44", "value.ecc_pending=0"))
    assert answer["status"] == "ok"
    assert (answer["driver"], answer["cuda"], answer["library"]) == ("550.54.14", "12.4", "12.550.54.14")
    assert answer["gpus"] == [
        {
            "vendor": "nvidia",
            "index": 0,
            "name": "NVIDIA Fake 4090",
            "compute_capability": "8.9",
            "pci_address": "0000:0a:00.0",
            "memory_mib": 24564,
            "memory_used_mib": 430,
            "utilization_pct": 7,
            "temperature_c": 38,
            "power_w": 28.4,
            "power_limit_w": 450.0,
            "clock_sm_mhz": 210,
            "clock_sm_max_mhz": 3105,
            "throttle_reasons": ["sw-power-cap", "hw-thermal"],
            "processes": [],
            "ecc_mode": "enabled",
            "ecc_mode_pending": "disabled",
            "ecc_uncorrected_volatile": 0,
            "ecc_uncorrected_aggregate": 0,
            "remapped_rows_pending": False,
            "remapped_rows_failure": False,
            "retired_pages_pending": False,
            "pcie_gen": 1,
            "pcie_gen_max": 4,
            "pcie_width": 16,
            "pcie_width_max": 16,
            "mig_mode": "disabled",
            "mig_mode_pending": "disabled",
            "compute_mode": "default",
            "persistence_mode": True,
            "virtualization": "none",
        }
    ]


def test_the_reply_is_what_the_model_reads(ask):
    import msgspec

    assert msgspec.json.decode(ask("gpus=2").stdout, type=Reply).status == "ok"


def test_library_and_module_differ(ask):
    answer = reply(ask("error.nvmlInitWithFlags=18"))
    assert answer == {"status": "error", "error": "Driver/library version mismatch", "code": 18}


def test_driver_not_loaded(ask):
    assert reply(ask("error.nvmlInitWithFlags=9")) == {"status": "error", "error": "Driver Not Loaded", "code": 9}


def test_a_lost_gpu_costs_only_its_own_facts(ask):
    answer = reply(ask("gpus=2", "error.nvmlDeviceGetHandleByIndex_v2.1=15"))
    assert answer["gpus"][0]["name"] == "NVIDIA Fake 4090"
    assert answer["gpus"][1] == {"vendor": "nvidia", "index": 1, "error": "GPU is lost"}


def test_what_is_not_supported_is_none_or_left_out(ask):
    answer = reply(
        ask("error.nvmlDeviceGetEccMode=3", "error.nvmlDeviceGetMigMode=3", "error.nvmlDeviceGetPowerUsage=3")
    )
    gpu = answer["gpus"][0]
    assert gpu["ecc_mode"] is None
    assert gpu["mig_mode"] is None
    assert "power_w" not in gpu


def test_what_is_not_permitted_is_unknown_and_not_none(ask):
    gpu = reply(ask("error.nvmlDeviceGetEccMode=4", "error.nvmlDeviceGetComputeRunningProcesses_v3=4"))["gpus"][0]
    assert "ecc_mode" not in gpu
    assert "processes" not in gpu


def test_what_waits_for_a_reset_is_told(ask):
    gpu = reply(ask("value.mig=0", "value.mig_pending=1", "value.retire_pending=1"))["gpus"][0]
    assert (gpu["mig_mode"], gpu["mig_mode_pending"], gpu["retired_pages_pending"]) == ("disabled", "enabled", True)


@pytest.mark.parametrize("count", [0, 7])
def test_mig_instances_are_counted(ask, count):
    assert reply(ask("value.mig=1", f"value.mig_instances={count}"))["gpus"][0]["mig_instances"] == count


def test_a_process_that_holds_memory(ask):
    [process] = reply(ask(f"value.process={os.getpid()}"))["gpus"][0]["processes"]
    assert process["pid"] == os.getpid()
    assert process["memory_mib"] == 1024
    assert process["alive"] is True
    assert "/" not in process["name"]


def test_a_process_that_is_gone(ask):
    [process] = reply(ask("value.process=4194303"))["gpus"][0]["processes"]
    assert process["alive"] is False


def test_a_value_out_of_its_range_is_left_out(ask):
    assert "compute_mode" not in reply(ask("value.compute_mode=99"))["gpus"][0]


def test_a_hang_ends_at_the_deadline(ask):
    done = ask("hang=nvmlInitWithFlags", timeout=1.0)
    assert done.timed_out
    assert done.returncode is None
    assert done.ms < 3000


def test_a_crash_of_the_library_is_a_signal_of_the_child(ask):
    assert ask("crash=nvmlDeviceGetName").returncode == -11


def test_no_library_at_all():
    done = run_with_deadline([sys.executable, "-I", CHILD], timeout=20.0)
    if json.loads(done.stdout)["status"] == "ok":
        pytest.skip("this machine has a real NVML")
    assert json.loads(done.stdout)["status"] in {"missing", "error"}


def test_a_library_beside_the_loader_is_named_by_an_argument(fake_library, scripted):
    environment = {**scripted("driver=566.36"), "LD_LIBRARY_PATH": ""}
    command = [sys.executable, "-I", CHILD, str(fake_library / "libnvidia-ml.so.1")]
    answer = reply(run_with_deadline(command, timeout=20.0, env=environment))
    assert answer["driver"] == "566.36"


def test_nvlinks_are_counted_and_the_one_that_is_down_is_seen(ask):
    answer = reply(ask("gpus=2", "value.nvlinks.0=4", "value.nvlink_down.0=2"))
    assert answer["gpus"][0]["nvlinks"] == [True, True, False, True]
    assert "nvlinks" not in answer["gpus"][1]
