from __future__ import annotations

import pytest

from envsetup.world.scrub import Private, Scrubber

MINE = Private(home="/home/alice", user="alice", host="gpu-box-7.corp.example")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/alice/p/.venv", "~/p/.venv"),
        ("/home/alice", "~"),
        ("/home/alicex/p", "/home/USER/p"),
        ("/home/bob/p", "/home/USER/p"),
        ("/mnt/c/Users/Alice B/x", "/mnt/c/Users/USER B/x"),
        ("/scratch/alice/x", "/scratch/USER/x"),
        ("host gpu-box-7 said", "host HOST said"),
        ("at gpu-box-7.corp.example:22", "at HOST:22"),
        ("GPU-3f1c2b4a-1111-2222-3333-444455556666", "GPU-00000000-0000-0000-0000-000000000000"),
        ("aa:bb:cc:dd:ee:ff up", "00:00:00:00:00:00 up"),
        ("proxy 10.1.2.3:8080", "proxy 0.0.0.0:8080"),
        ("fe80::1ff:fe23:4567:890a", "::"),
        ("2001:db8:1:2:3:4:5:6", "::"),
        ("https://bob:s3cret@mirror.example/simple", "https://****@mirror.example/simple"),
        ("token hf_abcdefghijklmnopqrstuv end", "token HIDDEN end"),
        ("Serial Number: 1564720023456", "Serial Number: HIDDEN"),
        ("write to alice@example.org", "write to HIDDEN"),
        ("docker-" + "0123456789abcdef" * 4, "docker-HIDDEN"),
    ],
)
def test_private_things_go(text, expected):
    assert Scrubber(MINE)(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "0000:01:00.0",
        "2b3c:00:00.0",
        "0::/user.slice",
        "c10::Error at::Tensor",
        "12.4.127",
        "libcublas.so.12.4.5.8",
        "/usr/local/cuda-12.4/lib64",
        "127.0.0.1:8000",
        "0xffffffff81000000",
        "NVIDIA GeForce RTX 4090",
        "[1234.5] NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus.",
        "/opt/alice.d/x",
        "d38164a545b4",
    ],
)
def test_what_tells_nothing_stays(text):
    scrub = Scrubber(MINE)
    assert scrub(text) == text
    assert not scrub.removed


def test_root_and_short_names_take_nothing_away():
    scrub = Scrubber(Private(home="/root", user="root", host="x"))
    assert scrub("/mnt/root/x in /root/p") == "/mnt/root/x in ~/p"


def test_versions_that_look_like_addresses_stay_when_asked():
    assert Scrubber(MINE)("12.4.5.8", addresses=False) == "12.4.5.8"
