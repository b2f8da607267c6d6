from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envsetup.importers import read
from envsetup.importers.page import MAX_CHARS, Page, clean
from envsetup.model.machine import Machine

PIECES = [
    "PyTorch version: ",
    "CUDA used to build PyTorch: ",
    "GPU models and configuration:\n",
    "GPU 0: ",
    "  MIG 1g.5gb  Device 0:",
    "| NVIDIA-SMI 5",
    "|   0  NVIDIA ",
    "|-----",
    "GPU 00000000:01:00.0\n",
    "    Product Name : ",
    "[pip3] torch==",
    "[conda] pytorch ",
    "Package Version\n------- -------\n",
    "torch==",
    "NVRM: Xid (PCI:0000:01:00): ",
    "with CUDA capability sm_",
    "01:00.0 VGA compatible controller: NVIDIA",
    "jaxlib: 0",
    "OS Platform and Distribution",
    "TensorFlow version: ",
    "tensorflow",
    "CUDA available: True\nCUDA_HOME: /\nPyTorch: 1\n",
    "\x1b[31m",
    "\r\n",
    "\x00",
    "```",
    "<details>",
    "RTX 5090",
    "driver 550.1",
    "Python 3.",
    "9" * 30,
    "\u202e",
    "LD_LIBRARY_PATH=",
    "https://user:pw@host/",
]
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=30)), max_size=60).map("".join)


@settings(max_examples=300, deadline=2000)
@given(TEXTS)
def test_read_never_raises_and_gives_a_valid_machine(text):
    result = read(text)
    data = msgspec.json.encode(result.machine)
    assert msgspec.json.decode(data, type=Machine) == result.machine
    assert len(data) + len(result.error_text) < 1_000_000


@settings(max_examples=100, deadline=2000)
@given(TEXTS)
def test_no_control_character_passes(text):
    result = read(text)
    shown = msgspec.json.encode(result).decode()
    assert not any(ord(char) < 32 and char not in "\n\t" for char in result.error_text)
    assert "\\u001b" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize(
    "line",
    [
        "a" * 4000,
        "GPU " * 1000,
        "| " * 2000,
        "==" * 2000,
        " " * 3999 + "x",
        "\x1b[" * 2000,
        "[pip3] " * 500,
        "1." * 2000,
        "0:" * 2000,
        "nvidia driver version " * 180,
        "(from versions: " * 250,
        "RTX" + " Ti" * 1300,
        "a-" * 2000,
        "CUDA capability sm_" * 200,
    ],
)
def test_time_is_linear_in_hostile_text(line):
    text = (line + "\n") * (200_000 // len(line))
    started = time.process_time()
    read(text)
    assert time.process_time() - started < 1.0


def test_a_large_ordinary_text_is_fast():
    block = (
        "2025-01-02 10:11:12 INFO step 12 loss 0.123 lr 1e-4 throughput 1234.5 samples/s\n"
        '  File "/opt/env/lib/python3.11/site-packages/torch/nn/modules/module.py", line 1518, in _call_impl\n'
        "    return forward_call(*args, **kwargs)\n"
    )
    text = block * (200_000 // len(block))
    started = time.process_time()
    read(text)
    assert time.process_time() - started < 0.4


def test_only_the_beginning_of_a_huge_text_is_read():
    result = read("x\n" * MAX_CHARS)
    assert any("longer" in note for note in result.notes)


def test_secrets_of_urls_are_left_out():
    result = read("PYTHONPATH=https://user:hunter2@host/simple\n")
    assert "hunter2" not in msgspec.json.encode(result.machine).decode()


@pytest.mark.parametrize("text", ["", "\n", "\x00", "\ufeff", " ", "```\n```"])
def test_nothing_gives_nothing(text):
    result = read(text)
    assert result.kinds == []
    assert result.machine == Machine()


def test_clean_text_is_left_as_it_is():
    text = "plain\n\ttext with | signs\n"
    assert clean(text) == text
    assert Page(text).rest() == "plain\n        text with | signs"
