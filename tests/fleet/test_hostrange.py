"""Host ranges: what is folded can be read back by the same rules that Slurm and ClusterShell have."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsetup.model.errors import InputError
from envsetup.model.hostrange import expand, fold, natural

names = st.one_of(
    st.from_regex(
        re.compile(r"(gpu|rack[0-9]{1,2}-n|[0-9]{1,2}x)[0-9]{1,4}(\.cluster[0-9]?)?", re.ASCII), fullmatch=True
    ),
    st.ip_addresses(v=4).map(str),
    st.sampled_from(["login", "n.example", "01", "1", "fe80::12", "a-b_c"]),
)


@pytest.mark.parametrize(
    ("hosts", "text"),
    [
        (["n1", "n2", "n3"], "n[1-3]"),
        (["n7"], "n7"),
        ([f"node{i:03}" for i in range(4, 128)], "node[004-127]"),
        (["n1", "n2", "n7", "login"], "login,n[1-2,7]"),
        (["n8", "n9", "n10"], "n[8-10]"),
        (["n08", "n09", "n10"], "n[08-10]"),
        (["n1.rack7.example", "n2.rack7.example"], "n[1-2].rack7.example"),
        (["10.0.0.8", "10.0.0.9"], "10.0.0.[8-9]"),
        ([], ""),
    ],
)
def test_hosts_fold_to_the_range_an_admin_would_write(hosts, text):
    assert fold(hosts) == text


@given(st.lists(names))
def test_a_folded_range_names_the_same_hosts(hosts):
    assert sorted(expand(fold(hosts))) == sorted(set(hosts))


@pytest.mark.parametrize("text", ["n[1-", "n[3-1]", "n[a-b]", "n[1]]", "n[1-99999999]", "n[]"])
def test_what_is_no_range_is_named(text):
    with pytest.raises(InputError, match=re.escape(text[:3])):
        expand(text)


def test_hosts_sort_as_people_count():
    assert sorted(["n10", "n9", "m1", "n1"], key=natural) == ["m1", "n1", "n9", "n10"]
