"""A lock's text and value say the same; what is no lock is refused with its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsetup.model.errors import InputError
from envsetup.model.lock import Lock, LockedPackage, read_lock

digests = st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:{}".format)
names = st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*", fullmatch=True)
versions = st.from_regex(r"[0-9]+(\.[0-9]+){0,3}(\+cu[0-9]{3})?", fullmatch=True)
packages = st.builds(
    LockedPackage, name=names, version=versions, hashes=st.lists(digests, min_size=1, max_size=3, unique=True)
)
locks = st.lists(packages, min_size=1, max_size=8, unique_by=lambda p: p.name)


@given(locks)
def test_text_and_value_are_the_same(chosen):
    lock = Lock(packages=sorted(chosen, key=lambda p: p.name))
    again = read_lock("# a comment\n" + lock.text(), name="x")
    assert again.text() == lock.text()
    assert again.digest() == lock.digest()
    assert [(p.name, p.version, sorted(p.hashes)) for p in again.packages] == [
        (p.name, p.version, sorted(p.hashes)) for p in lock.packages
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no pins in it"),
        ("torch>=2\n", "line 1: a lock holds exact pins"),
        ("torch==2.*\n", "line 1: a lock holds exact pins"),
        ("# c\n\ntorch==2.1\n", "line 3: torch has no --hash"),
        ("torch==2.1 --hash=md5:00\n", "line 1: torch has no --hash"),
        ("torch @ file:///x.whl --hash=sha256:00\n", "line 1: a lock holds exact pins"),
        ("a==1 \\\n  --hash=sha256:00\n<html>\n", "line 3: a lock holds exact pins"),
    ],
)
def test_what_is_no_lock(text, message):
    with pytest.raises(InputError, match=message):
        read_lock(text, name="my.lock")


def test_what_other_tools_write_is_read():
    text = (
        "--index-url https://user:secret@host/simple\n"
        "Jinja2==3.1.6 ; python_version >= '3.8' \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n    # via torch\n"
        "nvidia_cublas[extra]==1.2 --hash=sha256:cc  # why\n"
    )
    lock = read_lock(text, name="x")
    assert [(p.name, p.version, p.marker) for p in lock.packages] == [
        ("jinja2", "3.1.6", "python_version >= '3.8'"),
        ("nvidia-cublas", "1.2", None),
    ]
    assert "secret" not in lock.text()


def test_the_digest_is_of_the_pins_and_not_of_their_order_on_disk():
    one = read_lock("a==1 --hash=sha256:aa --hash=sha256:bb\nb==1 --hash=sha256:cc\n", name="x")
    two = read_lock("b==1 --hash=sha256:cc\na==1 --hash=sha256:bb --hash=sha256:aa\n", name="x")
    assert one.digest() == two.digest()
