"""What a person reads: verdict first, one screen, nothing that a terminal would obey."""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "doctor"))
from described import GPU, LINUX, NVIDIA, environment, gpu, machine, torch

from envsetup.doctor.examine import examine
from envsetup.model.codec import to_json
from envsetup.model.finding import DoctorReport
from envsetup.report.clean import clean, escape_json
from envsetup.report.doctor_html import html
from envsetup.report.doctor_markdown import markdown
from envsetup.report.doctor_screen import Style, screen

EVIL = "RTX \x1b[31m4090\x1b]0;x\x07\x9b2J\u202e `|<b>"


def shown(*parts, style=None, exit_code=0, **how):
    facts = machine(*parts)
    report = examine(facts, **how)
    return screen(report, facts, style or Style(), exit_code=exit_code, seconds=0.31)


def test_the_verdict_is_the_first_line_and_the_next_step_the_last():
    lines = shown(LINUX, NVIDIA, torch("2.14.1", "cu130")).splitlines()
    assert lines[0].startswith("READY   PyTorch 2.14.1+cu130 can use 1 GPU")
    assert lines[0].endswith("0.3 s")
    assert lines[-1].startswith("Next: envsetup smoke")


def test_a_fault_has_what_seen_so_fix_and_code():
    text = shown(LINUX, NVIDIA, torch("2.13.0", "cpu"), exit_code=1)
    assert text.startswith("NOT READY   PyTorch 2.13.0+cpu is the CPU build")
    for part in ("[cpu-wheel-on-gpu-machine]", "     seen ", "     so ", "     fix ", "--index-url", "exit 1"):
        assert part in text


def test_faults_come_before_notes_and_consequences_are_folded():
    parts = [LINUX, NVIDIA, {"driver": {"nvidia": "450.80.02"}, "nvidia": {"modules": ["nvidia"]}}, torch()]
    parts.append({"gpus": [{**GPU, "persistence_mode": False}]})
    text = shown(*parts)
    assert text.index("driver-too-old-for-cuda") < text.index("persistence-mode-off")
    assert "follows   uvm-not-loaded" in text
    assert text.count("  x  ") == 1


def test_one_screen_even_when_much_is_wrong():
    parts = [LINUX, NVIDIA, {"driver": {"nvidia": "450.80.02"}}, {"libc": {"version": "2.17"}}]
    parts.append({"cpu": {"flags": []}, "memory": {"available_mib": 10}, "limits": {"nofile_soft": 10}})
    parts.append(torch("2.15.0", "cu132", packages={"torch": "2.15.0", "numpy": "2.0", "tensorflow": "2.3.0"}))
    text = shown(*parts)
    assert len(text.splitlines()) < 60
    for code in ("driver-too-old-for-cuda", "glibc-too-old", "cpu-no-avx", "low-ram"):
        assert f"[{code}]" in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_prose_keeps_to_the_width(width):
    text = shown(LINUX, NVIDIA, torch("2.13.0", "cpu"), style=Style(width=width))
    prose = [line for line in text.splitlines() if not line.startswith(" " * 17)]  # commands are never cut
    assert max(map(len, prose)) <= width


def test_colour_only_where_it_is_wanted():
    parts = [LINUX, NVIDIA, torch("2.13.0", "cpu")]
    assert "\x1b" not in shown(*parts)
    assert "\x1b[1;31mNOT READY\x1b[0m" in shown(*parts, style=Style(colour=True))


def test_quiet_is_one_line_and_verbose_names_every_check():
    parts = [LINUX, NVIDIA, torch()]
    assert len(shown(*parts, style=Style(quiet=True)).splitlines()) == 1
    assert "torchvision-torch-mismatch" in shown(*parts, style=Style(verbose=1))


def test_an_unknown_says_how_to_make_it_known():
    without = {key: value for key, value in LINUX.items() if key != "kernel_events"}
    text = shown(without, NVIDIA, torch(), {"unknown": {"kernel_events": "only root may read it; run `sudo dmesg`"}})
    assert "  ?  only root may read it; run `sudo dmesg`; not checked: xid" in text


def test_nothing_from_the_machine_reaches_the_terminal_raw():
    text = shown(*gpu(name=EVIL, error="GPU is lost\x1b[2J"), environment(path="/\x1b[31m", problems=["\x9b1m"]))
    assert not [
        char for char in text if char != "\n" and (ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char == "\u202e")
    ]


def test_json_escapes_what_a_terminal_would_obey_and_loses_nothing():
    report = examine(machine(*gpu(name=EVIL, error="GPU is lost")))
    text = escape_json(to_json(report))
    assert clean(text.replace("\n", "")) == text.replace("\n", "")
    assert msgspec.json.decode(text, type=DoctorReport) == report
    assert EVIL in json.loads(text)["findings"][0]["evidence"][0]["value"]


def test_markdown_has_the_codes_on_top_and_is_inert():
    facts = machine(*gpu(name=EVIL, error="GPU is lost"), torch("2.13.0", "cpu", path="/home/jane/.venv"))
    text = markdown(examine(facts), facts, home="/home/jane")
    assert text.splitlines()[4].startswith("Codes: `gpu-fallen-off-bus` (critical, certain)")
    assert "jane" not in text
    outside = "".join(part for number, part in enumerate(text.split("`")) if number % 2 == 0)
    assert "<b>" not in outside
    assert "\x1b" not in text


class Page(HTMLParser):
    """Collects what a page holds: tags, text, and every address in an attribute."""

    def __init__(self):
        super().__init__()
        self.tags, self.text, self.addresses = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "action", "data")]

    def handle_data(self, data):
        self.text.append(data)


def page(*parts, home=""):
    facts = machine(*parts)
    parsed = Page()
    text = html(examine(facts), facts, home=home)
    parsed.feed(text)
    parsed.close()
    return parsed, text


def test_the_page_needs_nothing_from_anywhere():
    parsed, text = page(LINUX, NVIDIA, torch("2.13.0", "cpu"))
    assert all(address.startswith("#") for address in parsed.addresses)
    assert "default-src 'none'" in text
    assert "@import" not in text
    assert "url(" not in text


def test_the_page_has_every_finding_and_its_commands():
    parsed, _ = page(LINUX, NVIDIA, torch("2.13.0", "cpu", path="/home/jane/.venv"), home="/home/jane")
    text = " ".join(parsed.text)
    for part in ("NOT READY", "cpu-wheel-on-gpu-machine", "--index-url", "Every check"):
        assert part in text
    assert parsed.tags.count("article") == 1
    assert parsed.tags.count("h1") == 1
    assert "jane" not in text


def test_nothing_from_the_machine_is_markup_in_the_page():
    parsed, text = page(*gpu(name=EVIL + "<script>alert(1)</script>", error="GPU is lost"))
    assert parsed.tags.count("script") == 1
    assert "b" not in parsed.tags
    assert "\x1b" not in text
