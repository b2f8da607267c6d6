from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsetup.world.loader_cache import MAGIC, decode, encode

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)


@given(st.lists(st.tuples(NAMES, NAMES), max_size=20))
def test_what_is_encoded_is_decoded(entries):
    assert decode(encode(entries)) == entries


@given(st.binary(max_size=400))
def test_garbage_gives_a_list(data):
    assert isinstance(decode(data), list)
    assert isinstance(decode(MAGIC + data), list)


@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=5), st.data())
def test_a_truncated_cache_gives_only_entries_that_were_in_it(entries, data):
    whole = encode(entries)
    part = whole[: data.draw(st.integers(0, len(whole)))]
    names = [name for name, _ in entries]
    assert all(name in names for name, _ in decode(part))


def test_this_machines_own_cache():
    cache = Path("/etc/ld.so.cache")
    if not cache.exists():
        pytest.skip("no loader cache on this system")
    entries = decode(cache.read_bytes())
    assert entries
    assert all(".so" in name and path.startswith("/") for name, path in entries)
