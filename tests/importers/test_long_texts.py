"""Long texts: read in little time, with the same facts as short ones, however often a line stands in them."""

from __future__ import annotations

import time

import pytest

from envsetup.doctor.symptoms import read_all
from envsetup.importers import read
from envsetup.importers.page import Page, clean
from envsetup.importers.searched import Searched, fresh

ERROR = "RuntimeError: CUDA error: no kernel image is available for execution on the device"
LOG = "\n".join(f"step {n} loss 0.{n} nvidia driver fine, torch.compile python" for n in range(6000))


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_sentence_at_either_end_of_a_long_log_is_read(place):
    said = "I have an RTX 5090 with driver 570.86 on Ubuntu 22.04, torch 2.6.0+cu124"
    text = f"{said}\n{LOG}\n{ERROR}" if place == "before" else f"{LOG}\n{ERROR}\n{said}"
    found = read(text)
    assert found.machine.gpus[0].name == "RTX 5090"
    assert found.machine.driver.nvidia == "570.86"
    assert found.machine.os.distro == "ubuntu 22.04"
    assert "no-kernel-image" in {hit.rule for hit in read_all([(found.error_text, "text")])}


def test_two_hundred_kilobytes_take_a_moment():
    started = time.process_time()
    found = read(LOG[:195_000] + "\n" + ERROR)
    read_all([(found.error_text, "text")])
    assert time.process_time() - started < 0.5  # 0.05 s on an idle machine


def test_what_repeats_but_for_its_numbers_is_searched_a_few_times():
    lines = [f"line {n}" for n in range(100)] + ["another"]
    kept = fresh(lines)
    assert len(kept) == len(lines)
    assert kept[0] == "line 0"
    assert kept[99] == ""
    assert kept[100] == "another"


def test_lines_are_found_from_both_ends():
    text = Searched(["a x", "b", "x a", "c x x", ""])
    assert text.first("x", 2) == [0, 2]
    assert text.last("x", 2) == [3, 2]
    assert text.first("y", 2) == text.last("y", 2) == []
    assert Searched([]).first("x", 1) == []


def test_a_literal_with_capitals_is_one_of_that_case():
    page = Page("T4 is a GPU\nt4 is none\nİ T4")
    assert page.telling("T4", 10) == {0, 2}
    assert page.telling("t4", 10) == {0, 1, 2}


def test_beyond_ascii_the_same_is_taken_out():
    for text in ("a\x00b\x1bc\u202e\u200bd\u2019", "é a\x00b\x1b[31mc\u202e\u200bd\u2019"):
        assert clean(text).replace("é ", "") == "abcd'"
