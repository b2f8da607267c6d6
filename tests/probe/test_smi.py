"""nvidia-smi, the rung below NVML: what it prints, in every form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envsetup.model.maybe import UNKNOWN
from envsetup.probe.collect import probe
from envsetup.world.recorded import RecordedWorld

BASES = Path(__file__).parent.parent / "machines" / "bases"
QUERY = (
    "nvidia-smi --query-gpu=index,name,driver_version,memory.total,pci.bus_id,compute_cap --format=csv,noheader,nounits"
)
UNREACHABLE = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
DIFFER = "Failed to initialize NVML: Driver/library version mismatch"
MISSING = {"json": {"status": "missing", "error": "NVML Shared Library Not Found", "code": 12}}


@pytest.fixture
def answers(tmp_path):
    """The machine on which nvidia-smi answers so; with NVML's answer where the driver left a trace."""

    def make(smi, nvml=None):
        content = {
            "bases": [str(BASES / "ubuntu-24.04.json")],
            "which": {"nvidia-smi": "/usr/bin/nvidia-smi"},
            "commands": {QUERY: smi, **({"@nvml": nvml} if nvml else {})},
            "files": {"/sys/module/nvidia/version": "550.54.14\n"} if nvml else {},
        }
        (tmp_path / "machine.json").write_text(json.dumps(content))
        return probe(RecordedWorld(tmp_path))

    return make


def test_rows_become_gpus(answers):
    rows = (
        "0, NVIDIA GeForce RTX 4090, 550.54.14, 24564, 00000000:01:00.0, 8.9\n"
        "1, Tesla T4, 550.54.14, [N/A], 00000000:41:00.0, [N/A]\n"
    )
    machine = answers({"stdout": rows})
    assert machine.driver.nvidia == "550.54.14"
    assert machine.nvidia.smi == "ok"
    first, second = machine.gpus
    assert (first.name, first.memory_mib, first.compute_capability) == ("NVIDIA GeForce RTX 4090", 24564, "8.9")
    assert first.pci_address == "0000:01:00.0"
    assert second.memory_mib is UNKNOWN
    assert second.compute_capability is UNKNOWN


@pytest.mark.parametrize(
    ("smi", "text"),
    [
        ({"returncode": 9, "stdout": f"{UNREACHABLE}\nMake sure that it is installed.\n"}, UNREACHABLE),
        ({"returncode": 18, "stdout": f"{DIFFER}\n"}, DIFFER),
        ({"returncode": 127, "stderr": "error while loading libraries\n"}, "error while loading libraries"),
        ({"returncode": -11}, "ended with -11"),
        ({"stdout": "No devices were found\n"}, "No devices were found"),
    ],
)
def test_what_it_says_instead_is_kept(answers, smi, text):
    machine = answers(smi)
    assert (machine.nvidia.smi, machine.nvidia.smi_text) == ("error", text)
    assert machine.gpus == []


def test_it_is_asked_when_nvml_could_not_be_loaded(answers):
    machine = answers({"stdout": "0, Tesla T4, 550.54.14, 15360, 00000000:01:00.0, 7.5\n"}, MISSING)
    assert machine.nvidia.nvml.status == "missing"
    assert machine.nvidia.smi == "ok"
    assert machine.gpus[0].name == "Tesla T4"
    assert machine.nvidia.module_version == "550.54.14"


def test_it_is_not_asked_when_nvml_answered(answers):
    error = {"json": {"status": "error", "error": "Unknown Error", "code": 999}}
    assert answers({"stdout": "never asked"}, error).nvidia.smi is UNKNOWN
