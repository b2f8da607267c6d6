from __future__ import annotations

import pytest

from envsetup.compat import arch, drivers
from envsetup.compat.tables import at_least, key

CU132 = ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"]


@pytest.mark.parametrize(
    ("archs", "cc", "by", "entry"),
    [
        (CU132, "8.9", "cubin", "sm_86"),
        (CU132, "8.0", "cubin", "sm_80"),
        (CU132, "10.3", "cubin", "sm_100"),
        (CU132, "12.1", "cubin", "sm_120"),
        (CU132, "7.0", "no", None),
        (CU132, "6.1", "no", None),
        (CU132, "13.0", "no", None),
        (["sm_60"], "6.1", "cubin", "sm_60"),
        (["sm_61"], "6.0", "no", None),
        (["sm_90", "compute_90"], "12.0", "ptx", "compute_90"),
        (["sm_80", "sm_86"], "8.7", "no", None),  # Orin takes no desktop code
        (["sm_87"], "8.9", "no", None),  # and no desktop GPU takes Orin's
        (["sm_87"], "8.7", "cubin", "sm_87"),
        (["sm_80", "compute_80"], "8.7", "no", None),
        ([], "8.9", "no", None),
        (["sm_120a"], "12.0", "cubin", "sm_120a"),
    ],
)
def test_what_runs_where(archs, cc, by, entry):
    found = arch.covers(archs, cc)
    assert (found.by, found.entry) == (by, entry)
    assert bool(found) is (by != "no")
    assert found.text


def test_ptx_needs_a_driver_as_new_as_the_toolkit():
    assert arch.covers(["compute_90"], "12.0", native_driver=True).by == "ptx"
    assert arch.covers(["compute_90"], "12.0", native_driver=False).by == "no"


@pytest.mark.parametrize(
    ("cuda", "os", "native", "minor"),
    [
        ("12.6", "linux", "560.28.03", "525.60.13"),
        ("12.6.3", "linux", "560.35.05", "525.60.13"),
        ("12.6", "windows", "560.76", "528.33"),
        ("13.0", "linux", "580.65.06", "580"),
        ("13.2", "windows", "595", "580"),
        ("11.8", "linux", "520.61.05", "450.80.02"),
        ("10.2", "linux", "440.33", "440.33"),
    ],
)
def test_driver_floors(cuda, os, native, minor):
    floor = drivers.minimum_driver(cuda, os)
    assert (floor.native, floor.minor_compat) == (native, minor)
    assert "2026" in floor.table


def test_unknown_cuda_has_no_floor():
    assert drivers.minimum_driver("9.2") is None
    assert drivers.minimum_driver("99.1") is None


def test_unconfirmed_toolkits_say_so():
    assert drivers.minimum_driver("13.3").certain is False
    assert drivers.minimum_driver("13.2").certain is True


@pytest.mark.parametrize(
    ("driver", "cuda"),
    [
        ("470.256.02", "11.4"),
        ("525.60.13", "12.0"),
        ("550.54.14", "12.4"),
        ("580.95.05", "13.0"),
        ("595.58.03", "13.2"),
    ],
)
def test_ceiling(driver, cuda):
    assert drivers.cuda_ceiling(driver) == cuda


def test_ceiling_of_an_ancient_driver_is_unknown():
    assert drivers.cuda_ceiling("390.48") is None
    assert drivers.cuda_ceiling("581.29", "windows") == "13.0"


@pytest.mark.parametrize(
    ("driver", "cc", "ok"),
    [
        ("580.95.05", "6.1", True),
        ("581.29", "7.0", True),  # Windows' number of branch 580
        ("590.44.01", "6.1", False),
        ("595.58.03", "7.0", False),
        ("595.58.03", "7.5", True),
        ("470.256.02", "3.7", True),
        ("525.60.13", "3.7", False),
        ("550.54.14", "12.0", False),
        ("570.26", "12.0", True),
        ("576.57", "12.0", True),
        ("575.51.03", "12.1", False),
        ("580.65.06", "12.1", True),
    ],
)
def test_branches_and_generations(driver, cc, ok):
    drive = drivers.drives(driver, cc)
    assert drive.ok is ok
    assert drive.table


def test_an_unknown_generation_is_not_judged():
    assert drivers.drives("580.95.05", "99.0") is None
    assert drivers.architecture("99.0") is None
    assert drivers.architecture("8.9") == "Ada Lovelace"


def test_forward_compatibility_is_for_data_centres():
    assert drivers.forward_compatible("datacenter").rule
    assert drivers.forward_compatible("consumer") is None
    assert drivers.forward_compatible(None) is None


def test_versions_compare_on_the_numbers_that_both_have():
    assert at_least("580", "580.65.06")
    assert at_least("580.65", "580.65.06")
    assert not at_least("579.99", "580")
    assert not at_least("N/A", "580")
    assert not arch.covers(CU132, "N/A")
    assert not arch.covers(["compute_90"], "")
    assert key("2.15.0.post1") > key("2.15.0")
    assert key("2.15.0.post1") < key("2.15.1")
