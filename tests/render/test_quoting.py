"""What is quoted comes back as it was, from the real shells and parsers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envsetup.model.errors import InputError
from envsetup.render import quoting

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NASTY = [
    "it's",
    '"',
    "$HOME $(id) `id`",
    "a\\b\\",
    "!!",
    "!1",
    "{{x}}",
    "é漢🙂",
    "-n",
    "*?[a]",
    "~",
    "#x",
    "",
    " ",
    "a'\"'b",
]
TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # the direction of reading
text = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters=TURNING), max_size=30)


@pytest.mark.parametrize(
    ("shell", "quote"),
    [
        (["sh", "-c"], quoting.sh),
        (["bash", "-c"], quoting.sh),
        (["fish", "-c"], quoting.fish),
        (["tcsh", "-f", "-c"], quoting.csh),
    ],
)
def test_shells_give_back_what_was_quoted(shell, quote):
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed")

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(text, max_size=8).map(lambda drawn: NASTY + drawn))
    def check(words):
        line = "/usr/bin/printf '%s\\n' " + " ".join(map(quote, words))
        done = subprocess.run([*shell, line], check=False, capture_output=True, timeout=20)
        assert done.stdout.decode() == "".join(f"{word}\n" for word in words), done.stderr

    check()


@given(text)
def test_json_and_toml_give_back_what_was_quoted(value):
    assert json.loads(quoting.as_json(value)) == value
    assert "</" not in quoting.as_json(value)
    assert tomllib.loads(f"x = {quoting.as_toml(value)}")["x"] == value


@given(text)
def test_a_raw_string_ends_where_it_should(value):
    literal = quoting.nushell(value)
    fence = literal[1 : literal.index("'")]
    assert literal[len(fence) + 2 :].partition(f"'{fence}") == (value, f"'{fence}", "")


@pytest.mark.parametrize(
    "bad", ["a\nb", "a\rb", "\x00", "\x1b[31m", "\x7f", "\x85", "\u2028", "\u202e", "\u2066", "\u200f", "\ufffe"]
)
@pytest.mark.parametrize(
    "quote", [quoting.sh, quoting.csh, quoting.fish, quoting.nushell, quoting.comment, quoting.as_toml]
)
def test_control_characters_are_refused(quote, bad):
    with pytest.raises(InputError, match="control characters"):
        quote(bad)


def test_toml_keeps_numbers_and_booleans():
    assert tomllib.loads(f"a = {quoting.as_toml(value=True)}\nb = {quoting.as_toml(1.5)}") == {"a": True, "b": 1.5}
