"""What is read from the driver's looks; and the sampler as a program, beside sysfs trees of AMD's and Intel's cards."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

import envsetup.smoke
from envsetup.smoke import telemetry
from envsetup.smoke.telemetry import Looks, busy_numbers, clock_numbers, link_numbers, sampling, strip

SAMPLER = Path(envsetup.smoke.__file__).parent / "sampler.py"
IDLE = {"utilisation": 0, "memory_mib": 500.0, "power_w": 70.0, "power_limit_w": 700.0, "clock_mhz": 345, "pids": []}
LOAD = {**IDLE, "utilisation": 97, "memory_mib": 3000.0, "power_w": 500.0, "clock_mhz": 1980, "pids": [7, 42]}
LINK = {"pcie_generation": 5, "pcie_width": 16, "pcie_width_max": 16}


def looks(load=LOAD, idle=IDLE, check="busy"):
    samples = [(0.1 * n, dict(idle)) for n in range(10)] + [(1 + 0.1 * n, dict(load)) for n in range(20)]
    return Looks(samples=samples, spans={check: (1.0, 3.0)}, ready=0.95)


def test_a_busy_device_is_seen_from_outside():
    assert busy_numbers(looks(), 42, held_mib=1000) == {
        "samples": 20,
        "own_process": 1,
        "process_hidden": 0,
        "utilisation_max": 97,
        "memory_rise_share": 2.5,
        "power_rise_share": pytest.approx(430 / 63),
        "clock_rise_mhz": 1635,
    }


def test_a_small_card_needs_twenty_watts():
    small = {**IDLE, "power_w": 10.0, "power_limit_w": 70.0}
    numbers = busy_numbers(looks({**LOAD, "power_w": 40.0}, small), 42, held_mib=1)
    assert numbers["power_rise_share"] == 1.5


def test_what_the_driver_does_not_report_is_left_out():
    bare = {"utilisation": 50}
    assert set(busy_numbers(looks(bare, bare), 42, held_mib=1)) == {"samples", "utilisation_max"}


@pytest.mark.parametrize(("container", "expected"), [(False, {"own_process": 0}), (True, {"process_hidden": 1})])
def test_another_process_is_a_fault_and_in_a_container_a_doubt(monkeypatch, container, expected):
    monkeypatch.setattr(telemetry, "_in_container", lambda: container)
    assert expected.items() <= busy_numbers(looks(), 4711, held_mib=1).items()


def test_copies_are_a_share_of_what_the_slot_carries():
    load = looks(LINK, LINK, "link")
    numbers = link_numbers(load, {"h2d_pinned_gbps": 54.8, "d2h_pinned_gbps": 46.8}, {"5": 3.938})
    assert numbers == {
        "h2d_of_link": pytest.approx(0.87, abs=0.01),
        "d2h_of_link": pytest.approx(0.743, abs=0.01),
        "lanes_missing": 0,
    }
    assert link_numbers(looks(check="link"), {}, {"5": 3.938}) == {}
    narrow = looks({**LINK, "pcie_width": 4}, LINK, "link")
    assert link_numbers(narrow, {}, {"5": 3.938})["lanes_missing"] == 12


@pytest.mark.parametrize(
    ("reason", "power", "number", "value"),
    [
        ("hw-slowdown", 500, "hw_slowdown", 20),
        ("hw-thermal", 500, "hw_thermal", 20),
        ("hw-power-brake", 500, "hw_power_brake", 20),
        ("sw-thermal", 500, "sw_thermal_share", 1),
        ("sw-power-cap", 500, "power_cap_early_share", 1),
        ("sw-power-cap", 697, "power_cap_early_share", 0),
    ],
)
def test_reasons_are_counted_and_a_cap_at_the_limit_is_normal(reason, power, number, value):
    numbers = clock_numbers(looks({**LOAD, "reasons": [reason], "power_w": power}))
    assert numbers[number] == value
    assert numbers["samples"] == 20


def test_the_strip_of_a_long_run_is_short():
    long = Looks(samples=[(n / 10, {"power_w": float(n), "reasons": ["hw-thermal"]}) for n in range(100_000)])
    found = strip(long)
    assert len(found["seconds"]) == len(found["power_w"]) == len(found["reasons"]) <= 600
    assert found["reasons"][0] == ["hw-thermal"]
    assert strip(Looks()) == {}


def sampled(tmp_path, *arguments, lines=3, **env):
    """Rows of a sampler that runs until it has written so many."""
    out = tmp_path / "out"
    process = subprocess.Popen([sys.executable, str(SAMPLER), str(out), *arguments], env=env or None)
    try:
        for _ in range(400):
            rows = [json.loads(line) for line in out.read_text().splitlines()[:-1]] if out.exists() else []
            rows = [row for row in rows if "gpus" in row]
            if len(rows) >= lines:
                return rows
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    raise AssertionError(rows)


def card(root, name, **files):
    folder = root / "devices" / name
    link = root / "class/drm" / f"card{len(list((root / 'class/drm').glob('card*')))}"
    link.mkdir(parents=True)
    (link / "device").symlink_to(folder)
    for path, value in files.items():
        target = folder / path.replace("__", "/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"{value}\n")
    return folder


def test_cards_of_amd_and_intel_answer_through_the_kernels_files(tmp_path):
    (tmp_path / "class/drm").mkdir(parents=True)
    (tmp_path / "class/kfd/kfd/proc/4242").mkdir(parents=True)
    amd = card(
        tmp_path,
        "0000:c1:00.0",
        vendor="0x1002",
        gpu_busy_percent=98,
        mem_info_vram_used=2 << 30,
        hwmon__hwmon3__power1_average=560000000,
        hwmon__hwmon3__power1_cap=750000000,
        hwmon__hwmon3__temp1_input=61000,
        current_link_width=16,
        max_link_width=16,
    )
    (amd / "current_link_speed").write_text("32.0 GT/s PCIe\n")
    intel = card(tmp_path, "0000:03:00.0", vendor="0x8086", hwmon__hwmon1__energy1_input=1000000)
    card(tmp_path, "0000:04:00.0", vendor="0x10de")  # NVML's business
    rows = sampled(tmp_path, str(tmp_path))
    assert rows[0]["gpus"]["0000:c1:00.0"] == {
        "utilisation": 98.0,
        "memory_mib": 2048.0,
        "power_w": 560.0,
        "power_limit_w": 750.0,
        "temperature_c": 61.0,
        "pcie_width": 16.0,
        "pcie_width_max": 16.0,
        "pcie_generation": 5,
        "pids": [4242],
    }
    assert "0000:04:00.0" not in rows[0]["gpus"]
    assert rows[-1]["gpus"]["0000:03:00.0"]["power_w"] == 0
    assert rows[1]["t"] - rows[0]["t"] == pytest.approx(0.1, abs=0.09)
    assert intel.is_dir()


def test_a_sampler_is_gone_afterwards(tmp_path):
    with sampling(tmp_path, {}, wanted=True) as sampler:
        process = sampler._process
        assert process.poll() is None
    assert process.poll() is not None
    with sampling(tmp_path, {}, wanted=False) as nobody:
        assert nobody is None
