"""Strangers' texts, spoiled in every way: a few dozen in every run, as many as the minutes allow on demand.

ENVSETUP_FUZZ_SECONDS=60 pytest tests/fuzz     a minute, shared between the targets
"""

from __future__ import annotations

import time

import pytest
import targets
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

EXAMPLES = 25  # of every run, and of each round of a longer one
SLOWEST_MS = 5000
EVIL = st.sampled_from(
    [
        "\x1b[31m",
        "\x9b2J",
        "\u202e",
        "\x00",
        "<script>",
        "</pre>",
        "`" * 5,
        "|",
        "9" * 400,
        "\t",
        "\r",
        "\ud800",
        "&*!",
        "é",
    ]
)


@st.composite
def spoiled(draw, texts):
    """A real text with pieces taken out, doubled, swapped or replaced."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 60)))
        middle = draw(st.one_of(st.just(""), EVIL, st.text(max_size=20), st.just(text[start:end] * 2)))
        text = text[:start] + middle + text[end:]
    return text if draw(st.booleans()) else text + "\n" + draw(st.sampled_from(texts))


def once(name, number):
    how = settings(
        max_examples=EXAMPLES,
        deadline=SLOWEST_MS,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )

    @seed(number)
    @how
    @given(spoiled(targets.seeds(name)))
    def check(text):
        targets.TARGETS[name](text)

    check()


@pytest.mark.parametrize("name", targets.TARGETS)
def test_no_text_breaks_it(name):
    end = time.monotonic() + targets.share()
    number = int(time.time()) if targets.SECONDS else 0
    once(name, number)
    while time.monotonic() < end:
        number += 1
        once(name, number)


def breaks(number):
    try:
        once("doctor", number)
    except AssertionError:
        return True
    return False


def test_what_gets_through_is_caught(monkeypatch):
    def leaky(text):
        assert "\x1b" not in text

    monkeypatch.setitem(targets.TARGETS, "doctor", leaky)
    assert any(breaks(number) for number in range(20))
