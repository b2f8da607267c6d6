from __future__ import annotations

from pathlib import Path

import pytest

from envsetup.model.hardware import Gpu
from envsetup.smoke.host import HostLook, counted, expected_devices, look_at
from envsetup.world.recorded import RecordedWorld


def gpus(count, **facts):
    return HostLook(gpus=[Gpu(vendor="nvidia", index=i, **facts) for i in range(count)])


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, 4),
        ("", 0),
        ("0", 1),
        ("1,2", 2),
        ("0,9,1", 1),
        ("-1", 0),
        ("GPU-abc,GPU-def", 2),
        ("MIG-abc", 1),
        ("x", 0),
    ],
)
def test_visible_devices_are_read_as_cuda_reads_them(visible, expected):
    environ = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert expected_devices(gpus(4), environ) == expected


def test_a_driver_that_cannot_be_asked_expects_nothing():
    assert expected_devices(HostLook(), {}) is None


def test_a_lost_gpu_is_not_expected():
    look = HostLook(gpus=[Gpu(vendor="nvidia"), Gpu(vendor="nvidia", error="GPU is lost")])
    assert expected_devices(look, {}) == 1


def test_counters_that_stand_still_gain_nothing():
    before = HostLook(gpus=gpus(2, ecc_uncorrected_volatile=3, remapped_rows_pending=False).gpus, xids=5)
    assert counted(before, before) == {"lost_gpus": 0, "ecc_uncorrected": 0, "remapping": 0, "xid": 0}


@pytest.mark.parametrize(
    ("before", "after", "metric", "gained"),
    [
        (gpus(1, ecc_uncorrected_volatile=3), gpus(1, ecc_uncorrected_volatile=5), "ecc_uncorrected", 2),
        (gpus(1, remapped_rows_pending=False), gpus(1, remapped_rows_pending=True), "remapping", 1),
        (HostLook(gpus=[], xids=1), HostLook(gpus=[], xids=2), "xid", 1),
        (gpus(2), gpus(1), "lost_gpus", 1),
        (gpus(1), gpus(1, error="GPU is lost"), "lost_gpus", 1),
    ],
)
def test_what_happened_meanwhile_is_counted(before, after, metric, gained):
    assert counted(before, after)[metric] == gained


def test_a_counter_that_nobody_keeps_is_left_out():
    assert counted(gpus(1), gpus(1)) == {"lost_gpus": 0}


MACHINES = Path(__file__).parent.parent / "machines"


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ("nvidia-h100x8-healthy", 8),
        ("nvidia-rtx4090-healthy", 1),
        ("nvidia-gpu-lost", 1),
        ("nvidia-no-driver", 0),
        ("nvidia-driver-hangs", None),
        ("cpu-laptop-healthy", None),
        ("amd-mi300x-healthy", None),
    ],
)
def test_what_the_driver_of_a_recorded_machine_offers(machine, expected):
    assert expected_devices(look_at(RecordedWorld(MACHINES / machine)), {}) == expected


def test_a_recorded_machine_looked_at_twice_gains_nothing():
    look = look_at(RecordedWorld(MACHINES / "nvidia-h100x8-healthy"))
    gained = counted(look, look)
    assert gained["lost_gpus"] == 0
    assert gained["ecc_uncorrected"] == 0
    assert not any(gained.values())
