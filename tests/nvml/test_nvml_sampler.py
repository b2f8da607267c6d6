"""The sampler through the real binding on a real shared library that plays the driver."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import envsetup.smoke
from envsetup.smoke.telemetry import Sampler

SAMPLER = Path(envsetup.smoke.__file__).parent / "sampler.py"


@pytest.fixture
def sampler(scripted, tmp_path):
    started = []

    def start(*lines):
        folder = tmp_path / "work"
        folder.mkdir()
        started.append(Sampler(folder, {**os.environ, **scripted(*lines)}))
        return started[0]

    yield start
    for one in started:
        one.stop()


def looks(sampler, count, pci=None, index=0):
    for _ in range(400):
        found = sampler.looks(pci, index)
        if len(found.samples) >= count or found.missing:
            return found
        time.sleep(0.05)
    raise AssertionError(sampler._file.read_text())


def test_ten_looks_a_second_with_every_fact(sampler):
    found = looks(sampler("value.throttle=0x44", "value.process=4242", "value.power=512000"), 12)
    assert found.samples[3][1] == {
        "utilisation": 7,
        "memory_mib": 430.0,
        "power_w": 512.0,
        "power_limit_w": 450.0,
        "clock_mhz": 210,
        "temperature_c": 38,
        "reasons": ["sw-power-cap", "hw-thermal"],
        "pids": [4242],
        "pcie_generation": 1,
        "pcie_width": 16,
        "pcie_width_max": 16,
    }
    assert found.samples[0][1]["pcie_sent_mbps"] == 1500.0
    seconds = found.samples[11][0] - found.samples[0][0]
    assert 0.8 < seconds < 5


def test_the_card_is_found_by_its_address_and_else_by_its_place(sampler):
    started = sampler("gpus=2", "value.power.0=100000", "value.power.1=200000")
    assert looks(started, 1, pci="0000:0b:00.0").samples[0][1]["power_w"] == 200
    assert looks(started, 1, index=1).samples[0][1]["power_w"] == 200
    assert looks(started, 1, pci="0000:ff:00.0").samples[0][1]["power_w"] == 100


def test_what_is_refused_is_left_out(sampler):
    found = looks(sampler("error.nvmlDeviceGetPowerUsage=3", "error.nvmlDeviceGetComputeRunningProcesses_v3=4"), 1)
    assert not {"power_w", "pids"} & set(found.samples[0][1])


def test_a_driver_that_is_not_loaded_is_said(sampler):
    assert "Driver Not Loaded" in looks(sampler("error.nvmlInitWithFlags=9"), 99).missing


def test_a_driver_that_hangs_holds_nobody_up(sampler):
    started = sampler("hang=nvmlDeviceGetUtilizationRates")
    began = time.monotonic()
    started.wait(0.5)
    assert started.looks(None, 0).samples == []
    started.stop()
    assert time.monotonic() - began < 5


def test_a_sampler_whose_runner_died_ends(scripted, tmp_path):
    out = tmp_path / "out"
    code = (
        "import subprocess, sys, time, os\n"
        f"p = subprocess.Popen([sys.executable, {str(SAMPLER)!r}, {str(out)!r}])\n"
        "print(p.pid, flush=True); time.sleep(1); os._exit(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **scripted()}, capture_output=True, check=True, timeout=60
    )
    time.sleep(0.5)
    lines = out.read_text().splitlines()
    time.sleep(0.5)
    assert json.loads(lines[0])["gpus"]
    assert out.read_text().splitlines() == lines
    assert int(done.stdout) > 0
