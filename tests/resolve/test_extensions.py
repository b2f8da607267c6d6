"""Packages that live or die with torch's exact build."""

from __future__ import annotations

import json

import pytest
from planning import label, machine, plan

from envsetup.compat import stacks, torch

EXTENSIONS = ["flash-attn", "xformers", "bitsandbytes", "vllm", "sglang", "deepspeed"]


def costs(result):
    return [other.cost for other in result.alternatives if "has a wheel for it" in other.text]


@pytest.mark.parametrize("name", EXTENSIONS)
def test_each_names_only_builds_that_exist(name):
    row = stacks.stack(name).extension
    for build in row.builds:
        known = [(r.version, v.name) for r in torch.releases() for v in r.variants]
        assert any(stacks.binary_for(row, *pair) is build for pair in known) or any(
            stacks.binary_for(row, *pair) for pair in known if pair[1] in build.variants
        )
    assert row.otherwise
    assert stacks.stack(name).source


@pytest.mark.parametrize(
    ("name", "driver", "expected"),
    [
        ("vllm", "595.58.03", "2.14.0+cu130"),
        ("vllm", "550.54.14", "2.10.0+cu128"),
        ("sglang", "580.95.05", "2.14.1+cu130"),
        ("xformers", "595.58.03", "2.11.0+cu128"),
        ("bitsandbytes", "595.58.03", "2.15.0+cu132"),
        ("deepspeed", "595.58.03", "2.15.0+cu132"),
        ("flash-attn", "595.58.03", "2.8.0+cu128"),
    ],
)
def test_torch_is_the_newest_that_it_has_a_wheel_for(name, driver, expected):
    assert label(plan(machine("RTX 4090", driver=driver), extras=[name])) == expected


def test_where_nothing_fits_the_refusal_names_the_extension_and_the_version_that_would():
    result = plan(machine("RTX 4090", driver="595.58.03"), "pytorch==2.15.*", extras=["vllm"])
    assert result.status == "impossible"
    assert "vLLM" in result.impossible.text
    assert "leave out --with vllm" in result.impossible.nearest
    assert "2.14.0" in result.impossible.nearest


def test_a_version_asked_for_without_a_wheel_gets_ranked_ways_and_a_plain_word():
    result = plan(machine("RTX 4090", driver="595.58.03"), "pytorch==2.15.*", extras=["flash-attn"])
    assert label(result) == "2.15.0+cu132"
    assert any("only a source build remains" in warning for warning in result.warnings)
    assert costs(result)[0] == "another version"


def test_another_cuda_build_of_the_same_release_comes_first():
    result = plan(machine("RTX 4090", driver="595.58.03"), "pytorch==2.7.0+cu118", extras=["flash-attn"])
    assert label(result) == "2.7.0+cu118"
    assert costs(result)[:2] == ["another CUDA build", "another version"]
    assert result.alternatives[0].text.startswith("2.7.0+cu12")


def test_a_driver_update_is_a_way_where_nothing_else_is():
    result = plan(machine("RTX 3090", driver="470.256.02", python="3.11"), extras=["flash-attn"])
    assert label(result).endswith("+cu118")
    assert costs(result) == ["a driver update"]
    assert "update the NVIDIA driver" in result.alternatives[0].text
    assert any("only a source build remains" in warning for warning in result.warnings)


def test_a_gpu_that_is_too_old_for_it_is_named():
    result = plan(machine("Tesla T4", driver="580.95.05"), extras=["flash-attn"])
    assert any("compute capability 8.0" in warning and "T4" in warning for warning in result.warnings)


def test_without_a_gpu_it_is_said_that_its_wheels_are_for_cuda():
    result = plan(machine(), device="cpu", extras=["vllm"])
    assert result.status == "ok"
    assert any("CUDA" in warning and "vLLM" in warning for warning in result.warnings)


def test_what_is_unconfirmed_says_so():
    result = plan(machine("RTX 4090", driver="595.58.03"), extras=["flash-attn"])
    assert "general knowledge, not read" in json.dumps([*result.warnings, *(r.text for r in result.reasons)])
