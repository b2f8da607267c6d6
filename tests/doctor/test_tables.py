"""The small tables that only the doctor asks: old releases, NumPy 2, Xid numbers."""

from __future__ import annotations

import pytest
from described import GPU, LINUX, NVIDIA, environment, machine, torch

from envsetup.compat import older, xid
from envsetup.compat.torch import arch_list, variant
from envsetup.doctor.builds import computes, fitting, floor
from envsetup.doctor.case import Case
from envsetup.doctor.catalogue import entries
from envsetup.doctor.examine import examine


def test_before_cuda_11_every_minor_has_a_floor_of_its_own():
    assert floor("10.1.243", "linux").minor_compat == "418.39"
    assert floor("10.0.130", "linux").minor_compat == "410.48"
    assert floor("11.8", "linux").minor_compat < floor("11.8", "linux").native
    assert floor("10.2", "windows").minor_compat == "441.22"


@pytest.mark.parametrize(
    ("version", "driver", "code"),
    [("1.4.0", "410.78", "driver-too-old-for-cuda"), ("1.4.0", "418.67", None), ("1.1.0", "418.39", None)],
)
def test_the_default_wheel_of_an_old_release_is_known(version, driver, code):
    facts = machine(
        LINUX, NVIDIA, {"driver": {"nvidia": driver}}, environment(frameworks=[{"name": "torch", "version": version}])
    )
    found = [finding.code for finding in examine(facts).findings if finding.severity == "error"]
    assert (code in found) if code else ("driver-too-old-for-cuda" not in found)


@pytest.mark.parametrize(("vision", "fits"), [("0.5.0", True), ("0.6.0", False)])
def test_companions_of_old_releases(vision, fits):
    facts = machine(LINUX, torch("1.4.0", "cu101", packages={"torch": "1.4.0", "torchvision": vision}))
    codes = [finding.code for finding in examine(facts).findings]
    assert ("torchvision-torch-mismatch" not in codes) is fits


def test_every_xid_speaks_for_a_known_code_and_cites_its_source():
    for row in xid.table().rows:
        assert row.code in entries()
        assert xid.cite(row)
    assert xid.row(79).code == "gpu-fallen-off-bus"
    assert xid.row(31).code == "xid-application-fault"
    assert xid.row(99999) is None


def test_every_row_of_the_older_releases_cites_its_source():
    table = older.table()
    for row in (*table.torch, *table.cuda, *table.numpy2, *table.toolkit_last_cc):
        assert older.cite(row.source)
    assert older.old_torch("1.12.0") is None


def test_the_offered_build_is_the_installed_release_where_one_of_its_builds_fits():
    case = Case(machine(LINUX, NVIDIA, {"driver": {"nvidia": "550.54.14"}}, torch("2.14.1", "cu130")))
    assert (fitting(case).version, fitting(case).variant) == ("2.14.1", "cu126")


def test_a_release_without_a_fitting_build_gives_way_to_one_that_has():
    volta = {"gpus": [{"vendor": "nvidia", "name": "Tesla V100-SXM2-16GB", "compute_capability": "7.0"}]}
    choice = fitting(Case(machine(LINUX, NVIDIA, volta, torch("2.15.0", "cu132"))))
    assert (choice.version, choice.variant) == ("2.14.1", "cu126")


def test_a_display_card_that_nothing_serves_is_no_lost_device():
    old = {"gpus": [{"vendor": "nvidia", "name": "GeForce GT 710", "compute_capability": "3.5"}]}
    assert computes(Case(machine(LINUX, NVIDIA, old)), "nvidia") is False
    assert computes(Case(machine(LINUX, NVIDIA)), "nvidia") is True
    assert computes(Case(machine({})), "nvidia") not in (True, False)


def test_an_unconfirmed_build_is_named_only_where_no_confirmed_one_fits():
    new = {"gpus": [{**GPU, "name": "RTX 5090", "compute_capability": "12.0"}], "driver": {"nvidia": "570.86.10"}}
    case = Case(machine(LINUX, NVIDIA, new, torch("2.6.0", "cu124")))
    choice = fitting(case)
    assert arch_list(choice.version, choice.variant).certain
    assert variant(choice.version, choice.variant).certain
