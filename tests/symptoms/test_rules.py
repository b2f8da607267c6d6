from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from envsetup.doctor import symptoms
from envsetup.doctor.catalogue import entries
from envsetup.doctor.circumstances import FACTS

EXAMPLES = json.loads((Path(__file__).parent / "examples.json").read_text(encoding="utf-8"))
ROWS = {row.id: row for row in symptoms.rules().rows}


def hit(row, text):
    """What one row alone says of a text."""
    return symptoms._hit(ROWS[row], symptoms._Text(text), "text")


def test_every_row_has_examples_and_every_example_a_row():
    assert set(EXAMPLES) == set(ROWS)
    assert all(example["hits"] and example["misses"] for example in EXAMPLES.values())
    assert len(ROWS) == len(symptoms.rules().rows)


@pytest.mark.parametrize(("row", "text"), [(row, text) for row, e in EXAMPLES.items() for text in e["hits"]])
def test_positive(row, text):
    assert hit(row, text) is not None


@pytest.mark.parametrize(("row", "text"), [(row, text) for row, e in EXAMPLES.items() for text in e["misses"]])
def test_near_miss(row, text):
    assert hit(row, text) is None


@pytest.mark.parametrize("row", ROWS)
def test_every_row_is_reached_in_a_whole_text(row):
    """Its example names its code first, or as what a surer message explains."""
    text = "some line before\n" + EXAMPLES[row]["hits"][0] + "\nsome line behind\n"
    hits = symptoms.read(text)
    spoken = {code for found in hits for code in (found.code, *found.alternatives)}
    assert hit(row, text).code in spoken


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.id)
def test_rows_are_well_formed(row):
    codes = [row.code, *row.alternatives, *(w.code for w in row.words), *(f.code for f in row.facts)]
    assert all(code in entries() for code in codes)
    assert row.code not in row.alternatives
    assert all(needle == " ".join(needle.lower().split()) for needle in row.needles)
    assert all(given.fact in FACTS for given in row.facts)
    assert all(word == word.lower() for words in row.words for word in words.any)
    if row.regex:
        re.compile(row.regex)
        assert not re.search(r"\.\*|\.\+|\\S\+|\\S\*", row.regex), "unbounded: time would not be linear"
    if row.alternatives and row.confidence == "possible":
        assert row.decides or row.words or row.facts or len(row.alternatives) < 3


def test_every_fact_that_is_defined_is_used():
    assert {given.fact for row in ROWS.values() for given in row.facts} == set(FACTS)


def test_library_minima_are_versions():
    assert all(re.fullmatch(r"\d{1,2}\.\d", row.capability) for row in symptoms.rules().library_minimum.values())


@pytest.mark.parametrize("row", [row for row in ROWS.values() if row.alternatives and row.confidence != "certain"])
def test_what_would_decide_between_several_meanings_is_told(row):
    assert row.decides
    assert not row.decides.endswith(".")
