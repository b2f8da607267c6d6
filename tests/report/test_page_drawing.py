"""The drawn parts of the doctor's page as text: what they say of a machine, and what they must not say."""

from __future__ import annotations

import re
import sys
from html import escape, unescape
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "doctor"))
from described import AMD, CARD, GPU, LINUX, NVIDIA, machine, torch

from envsetup.doctor.case import Case
from envsetup.doctor.examine import examine
from envsetup.report.doctor_html import html
from envsetup.report.layer_chain import chain
from envsetup.report.machine_board import DRAWN, board
from envsetup.report.version_scale import scale


def drawn(part, *parts):
    facts = machine(*parts)
    findings = examine(facts).findings
    anchors = {place: found.code for place, found in enumerate(findings)}
    case = Case(facts)
    return part(case, findings, escape) if part is scale else part(case, findings, anchors, escape)


def words(markup):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def test_the_chain_names_each_layer_and_where_the_fault_is():
    markup = drawn(chain, LINUX, NVIDIA, {"driver": {"nvidia": "450.80.02"}}, torch("2.13.0", "cu130"))
    told = words(markup)
    assert "GPU NVIDIA GeForce RTX 4090 no problem seen" in told
    assert "Driver 450.80.02 1 problem" in told
    assert "Framework PyTorch 2.13.0+cu130" in told
    assert 'href="#driver-too-old-for-cuda"' in markup


def test_what_nobody_knows_is_not_called_fine():
    told = words(drawn(chain))
    assert told.count("not known") == 5
    assert "no problem" not in told
    assert drawn(board) == ""
    assert drawn(scale) == ""


def test_a_narrow_link_is_told_and_an_idle_generation_is_not():
    told = words(drawn(board, LINUX, NVIDIA, {"gpus": [{**GPU, "pcie_gen": 1, "pcie_gen_max": 4, "pcie_width": 8}]}))
    assert "PCIe 4 x8 " in told
    narrow = {**GPU, "pcie_gen": 1, "pcie_gen_max": 4, "pcie_width": 8, "pcie_width_max": 16}
    assert "PCIe 4 x8 of x16" in words(drawn(board, LINUX, NVIDIA, {"gpus": [narrow]}))


def test_a_gpu_that_only_the_bus_shows_is_drawn_as_such_and_one_that_answers_once():
    assert "NVIDIA 10de:2684 on the bus, not usable: no kernel driver" in words(
        drawn(board, LINUX, {"pci": [{**CARD, "driver": None}]})
    )
    assert drawn(board, LINUX, NVIDIA).count("<li><div") == 1
    other = [CARD, {**CARD, "address": "0000:02:00.0"}]
    answers = [{**GPU, "pci_address": CARD["address"]}]
    assert "on the bus" in words(drawn(board, LINUX, NVIDIA, {"pci": other, "gpus": answers}))


def test_many_gpus_are_counted_and_not_drawn():
    many = [{**GPU, "index": index} for index in range(DRAWN + 4)]
    assert "and 4 more" in words(drawn(board, LINUX, NVIDIA, {"gpus": many}))


@pytest.mark.parametrize(
    ("driver", "variant", "said"),
    [
        ("580.95.05", "cu126", "made with CUDA 12.6, within what the driver runs"),
        ("550.54.14", "cu126", "newer than the driver's, run by compatibility within the major"),
        ("535.183.01", "cu130", "newer than what the driver runs"),
    ],
)
def test_a_build_is_set_against_the_driver(driver, variant, said):
    told = words(drawn(scale, LINUX, NVIDIA, {"driver": {"nvidia": driver}}, torch("2.11.0", variant)))
    assert f"PyTorch 2.11.0+{variant} " in told
    assert said in told


def test_gpu_code_and_pythons_are_marked():
    markup = drawn(scale, LINUX, NVIDIA, torch("2.13.0", "cu130"))
    marked = [words(found) for found in re.findall(r'<li class="here">.*?</li>', markup)]
    assert marked == ["sm_86 ✓", "3.12 ✓"]
    old = {"gpus": [{**GPU, "name": "NVIDIA GeForce GTX 1080", "compute_capability": "6.1"}]}
    assert "sm_61 has none here" in words(drawn(scale, LINUX, NVIDIA, old, torch("2.13.0", "cu130")))


def test_rocm_has_no_cuda_axis():
    told = words(drawn(scale, LINUX, AMD, torch("2.13.0", "rocm7.1")))
    assert "ROCm 7.1.0 on the system" in told
    assert "CUDA" not in told


def test_the_block_for_an_issue_is_in_the_page_and_private():
    facts = machine(LINUX, NVIDIA, torch("2.13.0", "cpu", path="/home/jane/.venv"))
    page = html(examine(facts), facts, home="/home/jane")
    assert "### envsetup doctor" in page
    assert "jane" not in page


def test_hostile_numbers_do_not_break_the_drawing():
    odd = {**GPU, "index": -5, "memory_mib": 1, "memory_used_mib": 10**15, "pcie_width": -1, "compute_capability": "x"}
    facts = machine(LINUX, NVIDIA, {"gpus": [odd], "driver": {"nvidia": "..."}}, torch("2.13.0", "cu130"))
    assert "width:100%" in html(examine(facts), facts)


def test_nvlinks_are_drawn_on_the_card_and_a_missing_one_is_marked():
    markup = drawn(board, LINUX, NVIDIA, {"gpus": [{**GPU, "nvlinks": [True, False, True, True]}]})
    assert '<span class="bad">NVLink: 3 of 4 up</span>' in markup
    assert "<span>NVLink: 0 of 4 up</span>" in drawn(board, LINUX, NVIDIA, {"gpus": [{**GPU, "nvlinks": [False] * 4}]})
    assert "NVLink" not in drawn(board, LINUX, NVIDIA)
