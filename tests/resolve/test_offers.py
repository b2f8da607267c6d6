"""With the sources' answer, only what is offered is taken, and what that costs is said."""

from __future__ import annotations

import pytest
from planning import label, machine, plan

from envsetup.model.offers import Offer, Offers, from_wheel_name


def offers(*names, index="pytorch", asked=("torch", "torchvision"), **rest):
    return Offers(
        offers=[offer for name in names if (offer := from_wheel_name(name, index))],
        asked=list(asked),
        sources=[index],
        **rest,
    )


TAGS = "cp312-cp312-manylinux_2_28_x86_64.whl"


def test_a_wheel_in_a_folder_is_an_offer_of_its_variant():
    result = plan(machine(), device="cpu", offers=offers(f"torch-2.13.0+cpu-{TAGS}", index="wheels"))
    assert label(result) == "2.13.0+cpu"
    assert result.packages[0].index == "wheels"
    assert any("first choice was 2.15.0+cpu" in warning for warning in result.warnings)
    assert any("torchvision" in warning for warning in result.warnings)
    assert [p.name for p in result.packages] == ["torch"]


def test_a_companion_of_the_same_build_comes_along():
    found = offers(f"torch-2.13.0+cpu-{TAGS}", f"torchvision-0.28.0+cpu-{TAGS}", f"torchvision-0.28.0+cu126-{TAGS}")
    result = plan(machine(), device="cpu", offers=found)
    assert [(p.name, p.version, p.variant) for p in result.packages] == [
        ("torch", "2.13.0", "cpu"),
        ("torchvision", "0.28.0", "cpu"),
    ]


def test_a_plain_version_is_the_package_indexs_own_build():
    found = offers(f"torch-2.15.0-{TAGS}", f"torch-2.10.0-{TAGS}", index="pypi")
    assert label(plan(machine("RTX 4090", driver="595.58.03"), offers=found)) == "2.15.0+cu132"
    assert label(plan(machine("RTX 4090", driver="550.54.14"), offers=found)) == "2.10.0+cu128"


def test_a_confirmed_offer_makes_an_unconfirmed_row_good():
    found = offers(f"torch-2.13.0+cu129-{TAGS}", f"torch-2.11.0+cu128-{TAGS}")
    assert label(plan(machine("RTX 5090", driver="570.124.06"), offers=found)) == "2.13.0+cu129"


def test_a_cpu_request_falls_back_to_a_cuda_build_only_when_there_is_no_other():
    cuda = f"torch-2.15.0-{TAGS}"
    result = plan(machine(), device="cpu", offers=offers(cuda, index="pypi"))
    assert label(result) == "2.15.0+cu132"
    assert result.device == "cpu"
    assert any("gigabytes" in warning for warning in result.warnings)
    assert label(plan(machine(), device="cpu", offers=offers(cuda, f"torch-2.13.0+cpu-{TAGS}"))) == "2.13.0+cpu"


def test_nothing_offered_is_impossible_by_source_and_names_who_was_silent():
    found = offers(asked=["torch"], unreachable={"mirror": "timed out"})
    result = plan(machine("RTX 4090", driver="595.58.03"), offers=found)
    assert label(result) == "source"
    assert "mirror" in result.impossible.nearest


def test_a_package_that_nobody_asked_for_is_not_held_against_the_plan():
    assert label(plan(machine("RTX 4090", driver="595.58.03"), offers=offers(asked=["jax"]))) == "2.15.0+cu132"


def test_a_release_newer_than_the_data_is_named_and_not_taken():
    found = offers(f"torch-2.99.0+cu132-{TAGS}", f"torch-2.15.0+cu132-{TAGS}")
    result = plan(machine("RTX 4090", driver="595.58.03"), offers=found)
    assert label(result) == "2.15.0+cu132"
    assert any("2.99.0" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("wheel", "facts", "taken"),
    [
        ("torch-2.15.0+cu132-cp312-cp312-manylinux_2_28_x86_64.whl", {}, True),
        ("torch-2.15.0+cu132-cp311-cp311-manylinux_2_28_x86_64.whl", {}, False),
        ("torch-2.15.0+cu132-cp314-cp314t-manylinux_2_28_x86_64.whl", {"python": "3.14"}, False),
        ("torch-2.15.0+cu132-cp314-cp314t-manylinux_2_28_x86_64.whl", {"python": "3.14t"}, True),
        ("torch-2.15.0+cu132-cp312-cp312-manylinux_2_28_aarch64.whl", {}, False),
        ("torch-2.15.0+cu132-cp312-cp312-win_amd64.whl", {}, False),
        ("torch-2.15.0+cu132-cp312-cp312-linux_x86_64.whl", {}, True),
        ("torch-2.15.0+cu132-cp310-abi3-manylinux_2_28_x86_64.whl", {}, True),
        ("torch-2.15.0+cu132-cp313-abi3-manylinux_2_28_x86_64.whl", {}, False),
        ("torch-2.15.0+cu132-cp312-cp312-manylinux_2_39_x86_64.whl", {"glibc": "2.35"}, False),
        ("torch-2.15.0+cu132-cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64.whl", {"glibc": "2.35"}, True),
    ],
)
def test_tags_decide(wheel, facts, taken):
    result = plan(machine("RTX 4090", driver="595.58.03", **facts), offers=offers(wheel))
    assert (label(result) == "2.15.0+cu132") is taken


def test_mac_and_windows_tags():
    mac = machine("Apple M3", os="macos", arch="arm64")
    found = offers("torch-2.15.0-cp312-none-macosx_14_0_arm64.whl".replace("none", "cp312"), index="pypi")
    assert label(plan(mac, offers=found)) == "2.15.0"
    windows = machine("RTX 4090", driver="596.10", os="windows")
    assert label(plan(windows, offers=offers("torch-2.15.0+cu132-cp312-cp312-win_amd64.whl"))) == "2.15.0+cu132"


@pytest.mark.parametrize("name", ["torch-2.15.0.tar.gz", "torch.whl", "a-1-py3-none.whl", "index.html", ""])
def test_what_is_no_wheel_is_no_offer(name):
    assert from_wheel_name(name, "x") is None


def test_wheel_names_are_read():
    assert from_wheel_name("nvidia_cudnn_cu12-9.10.2.21-py3-none-manylinux_2_27_x86_64.whl", "pypi") == Offer(
        name="nvidia-cudnn-cu12",
        version="9.10.2.21",
        python="py3",
        abi="none",
        platform="manylinux_2_27_x86_64",
        index="pypi",
    )
    assert from_wheel_name("torch-2.13.0+cpu-1-cp311-cp311-linux_x86_64.whl", "x").local == "cpu"


def test_what_pips_constraints_shut_out_says_so():
    found = offers(f"torch-2.14.1+cu130-{TAGS}", limits={"torch": "<=2.14.1"})
    result = plan(machine("RTX 4090", driver="580.95.05"), offers=found)
    assert label(result) == "2.14.1+cu130"
    assert any("pip's constraint torch<=2.14.1" in row.text for row in result.rejected)
    assert any("pip's constraint" in warning for warning in result.warnings)


def test_a_source_without_the_framework_is_what_the_headline_names():
    result = plan(machine(), device="cpu", offers=offers(index="/empty"))
    assert result.impossible.text == "PyTorch is not offered by /empty"
    assert result.impossible.nearest == "a source that has 2.15.0+cpu"


def test_wheels_for_others_only_are_told():
    found = offers("torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl", index="/house")
    said = plan(machine(), device="cpu", offers=found).impossible.text
    assert said == (
        "PyTorch is offered by /house, but not for Python 3.12 on linux x86_64: "
        "the wheels are for cp311 on manylinux_2_28_x86_64"
    )


def test_what_a_constraint_shut_out_is_not_blamed_on_the_source():
    found = offers(index="/house", limits={"torch": "<2.0"})
    assert plan(machine(), device="cpu", offers=found).impossible.text == (
        "PyTorch 2.15.0+cpu is shut out by pip's constraint torch<2.0"
    )


def test_a_silent_source_is_named_before_any_constraint():
    found = Offers(asked=["torch"], unreachable={"https://h/simple": "timed out"}, limits={"torch": "<2.0"})
    result = plan(machine(), device="cpu", offers=found)
    assert result.impossible.constraint == "source"
    assert result.impossible.text == "PyTorch cannot be looked up: https://h/simple did not answer: timed out"
