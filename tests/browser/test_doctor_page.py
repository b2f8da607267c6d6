"""The page of `doctor --html` in a real Chromium: on a phone and a desk, light and dark, asking nobody for anything."""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

import axe
import chromium
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "doctor"))
from described import AMD, CARD, GPU, LINUX, NVIDIA, machine, torch

from envsetup.doctor.examine import examine
from envsetup.report.doctor_html import html

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(bool(chromium.missing()), reason=chromium.missing()),
]

CARDS = {"gpus": [{**GPU, "index": n, "memory_mib": 24564, "throttle_reasons": ["sw-thermal"]} for n in range(2)]}
EVIL = {"os": {"system": "linux", "distro": "<script>document.title='broken into'</script>\x1b[2J"}}
FAULTY = [
    *(LINUX, NVIDIA, EVIL, CARDS, torch("2.13.0", "cpu", packages={"torch": "2.13.0+cpu", "torchvision": "0.20.0"})),
    {"env": {"CUDA_LAUNCH_BLOCKING": "1", "LD_LIBRARY_PATH": "/usr/local/cuda/lib64"}},
    {"limits": {"nofile_soft": 256, "shm_total_mib": 64}},
]
BUSY = {"memory_mib": 81559, "memory_used_mib": 70000, "temperature_c": 61, "utilization_pct": 97, "power_w": 640.0}
BUS = {"pcie_gen": 5, "pcie_gen_max": 5, "pcie_width": 16, "pcie_width_max": 16}
H100 = {**GPU, **BUSY, **BUS, "name": "NVIDIA H100 80GB HBM3", "compute_capability": "9.0"}
EIGHT = [{**H100, "index": index, "pcie_width": 8 if index == 5 else 16} for index in range(8)]
SCENES = {
    "healthy": [LINUX, NVIDIA, torch("2.13.0", "cu130"), {"gpus": [{**GPU, **BUSY}], "cuda": {"nvcc_version": "12.4"}}],
    "faulty": FAULTY,
    "old driver": [LINUX, NVIDIA, {"driver": {"nvidia": "535.183.01"}}, torch("2.13.0", "cu130")],
    "no driver": [LINUX, {"pci": [{**CARD, "driver": None}]}, torch("2.13.0", "cu130")],
    "eight": [LINUX, NVIDIA, torch("2.13.0", "cu130"), {"gpus": EIGHT, "nvidia": {"nvswitches": 4}}],
    "amd": [LINUX, AMD, torch("2.13.0", "rocm7.1")],
    "nothing": [],
}
WINDOWS = [(360, False), (360, True), (1000, False), (1000, True)]
# Contrast by WCAG 2, of every element that holds text of its own, against the first background behind it.
CONTRAST = """
const rgb = text => text.match(/[\\d.]+/g).map(Number);
const light = c => c.slice(0, 3).map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
  if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
return [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && e.tagName != 'SCRIPT' &&
  [...e.childNodes].some(n => n.nodeType == 3 && n.textContent.trim())).map(e => {
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    return [(a + .05) / (b + .05), e.tagName + ': ' + e.textContent.slice(0, 40)]; }).filter(([ratio]) => ratio < 4.5);
"""
NAMELESS = """
const label = e => e.labels && e.labels[0] && e.labels[0].textContent;
const name = e => e.textContent.trim() || e.getAttribute('aria-label') || label(e);
const used = [...document.querySelectorAll('button,input,a,summary,[role=img],svg')];
return used.filter(e => !name(e)).map(e => e.outerHTML);
"""


@pytest.fixture(scope="module")
def browser():
    opened = chromium.Browser()
    yield opened
    opened.close()


@pytest.fixture
def page(browser, tmp_path):
    def show(*parts, **window):
        facts = machine(*parts)
        path = tmp_path / "doctor page.html"
        path.write_text(html(examine(facts), facts), encoding="utf-8")
        browser.show(**window)
        browser.open(path)
        return browser

    return show


@pytest.mark.parametrize(("width", "dark"), [(360, True), (1000, False)])
@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.skipif(bool(axe.missing()), reason=axe.missing())
def test_axe_finds_nothing_to_complain_about(page, scene, width, dark):
    shown = page(*SCENES[scene], width=width, dark=dark)
    shown.execute("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert axe.violations(shown) == []
    assert shown.execute("return document.documentElement.scrollWidth") <= width
    folder = os.environ.get("ENVSETUP_TEST_SCREENSHOTS")
    if folder:
        shown.execute("document.querySelectorAll('details').forEach(d => d.open = false)")
        shown.screenshot(Path(folder) / f"{scene}-{width}-{'dark' if dark else 'light'}.png")


@pytest.mark.parametrize(
    "fault",
    [
        "document.querySelector('button').textContent = ''",
        "document.querySelector('h1').style.color = '#ddd'",
        "document.documentElement.removeAttribute('lang')",
        "document.querySelector('input[type=search]').parentElement.replaceWith(document.createElement('input'))",
    ],
)
@pytest.mark.skipif(bool(axe.missing()), reason=axe.missing())
def test_axe_sees_a_planted_fault(page, fault):
    shown = page(*FAULTY)
    shown.execute(fault)
    assert axe.violations(shown) != []


def text_of(shown, css):
    return shown.execute(f"return [...document.querySelectorAll({css!r})].map(e => e.innerText).join(' / ')")


def test_the_machine_is_drawn_with_each_gpu_its_link_and_what_joins_them(page):
    shown = page(*SCENES["eight"])
    assert shown.execute("return document.querySelectorAll('.gpus > li').length") == 8
    assert text_of(shown, ".gpus > li:nth-child(6) .bus") == "PCIe 5 x8 of x16"
    assert text_of(shown, ".gpus > li:nth-child(1) .bus") == "PCIe 5 x16"
    assert "4 NVSwitches" in text_of(shown, ".fabric")
    full = shown.execute(
        "const b = document.querySelector('.bar i'); return b.offsetWidth / b.parentElement.clientWidth"
    )
    assert full == pytest.approx(70000 / 81559, abs=0.05)


def test_a_fault_is_marked_on_its_layer_and_its_gpu_and_the_mark_leads_to_it(page):
    shown = page(*SCENES["no driver"])
    assert "no kernel driver" in text_of(shown, ".gpu.gone")
    target = shown.execute("return document.querySelector('.chain .bad a').getAttribute('href')")
    assert shown.execute(f"return document.querySelector({target!r}).tagName") == "ARTICLE"
    hot = page(*FAULTY)
    assert hot.execute("return document.querySelectorAll('.gpu.warn a').length") == 2


def test_versions_stand_against_each_other_in_their_order(page):
    shown = page(*SCENES["old driver"])
    where = "const e = document.querySelector({!r}).getBoundingClientRect(); return e.{}"
    driver_end = shown.execute(where.format(".track .runs", "right"))
    assert driver_end < shown.execute(where.format(".track .at.bad", "left"))
    assert "newer than what the driver runs" in text_of(shown, ".scale .bad")
    fine = page(*SCENES["healthy"])
    assert fine.execute("return document.querySelectorAll('.scale .bad').length") == 0
    assert fine.execute(where.format(".track .at", "left")) <= fine.execute(where.format(".track .runs", "right"))


def test_the_search_hides_what_does_not_match_and_says_how_many_are_left(page):
    shown = page(*FAULTY)
    shown.type("input[type=search]", "torchvision")
    visible = shown.execute("return [...document.querySelectorAll('article')].filter(a => a.checkVisibility()).length")
    assert 0 < visible < shown.execute("return document.querySelectorAll('article').length")
    assert text_of(shown, "[role=status]").startswith(f"{visible} of ")


def test_nothing_is_asked_of_anybody_and_the_console_is_silent(page):
    shown = page(*FAULTY)
    shown.execute("document.querySelector('details').open = true")
    assert all(address.startswith(("file:", "data:")) for address in shown.requests())
    assert len(shown.requests()) == 0
    assert shown.log("browser") == []


def test_what_the_machine_says_is_text_and_never_a_program(page):
    shown = page(*FAULTY)
    assert shown.execute("return document.title") == "envsetup doctor: not ready"
    assert "<script>" in shown.execute("return document.body.innerText")


@pytest.mark.parametrize(("width", "dark"), WINDOWS)
def test_it_is_readable(page, width, dark):
    shown = page(*FAULTY, width=width, dark=dark)
    shown.execute("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert shown.execute("return document.documentElement.scrollWidth") <= width
    assert shown.execute(CONTRAST) == []
    assert float(shown.execute("return parseFloat(getComputedStyle(document.body).fontSize)")) >= 16
    background = shown.execute("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, background[4:-1].split(","))) < 300) == dark
    folder = os.environ.get("ENVSETUP_TEST_SCREENSHOTS")
    if folder:
        shown.execute("document.querySelectorAll('details').forEach(d => d.open = false)")
        shown.screenshot(Path(folder) / f"doctor-{width}-{'dark' if dark else 'light'}.png")


def test_the_filters_hide_and_show_findings(page):
    shown = page(*FAULTY)
    visible = "return [...document.querySelectorAll('article')].filter(a => a.checkVisibility()).length"
    every = shown.execute(visible)
    warnings = shown.execute("return document.querySelectorAll('article.warning-finding').length")
    assert 0 < warnings < every
    shown.click("input[data-severity=warning]")
    assert shown.execute(visible) == every - warnings
    shown.click("input[data-severity=warning]")
    assert shown.execute(visible) == every


@pytest.mark.parametrize("allowed", [True, False], ids=["clipboard", "without clipboard"])
def test_a_copy_button_copies_its_command(page, allowed):
    shown = page(*FAULTY)
    clipboard = "{writeText: t => (window.taken = t, Promise.resolve())}" if allowed else "undefined"
    shown.execute(f"Object.defineProperty(navigator, 'clipboard', {{value: {clipboard}}})")
    shown.execute("document.addEventListener('copy', () => window.taken = getSelection().toString())")
    command = shown.execute("return document.querySelector('[data-copy]').previousElementSibling.textContent")
    shown.click("[data-copy]")
    assert shown.execute("return window.taken") == command
    assert shown.execute("return document.querySelector('[data-copy]').textContent") == "Copied"


def test_it_can_be_used_without_a_mouse_and_without_eyes(page):
    shown = page(*FAULTY)
    assert shown.execute(NAMELESS) == []
    assert shown.execute("return document.documentElement.lang") == "en"
    assert shown.execute("return document.querySelectorAll('h1').length") == 1
    levels = shown.execute("return [...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert all(level - before <= 1 for before, level in itertools.pairwise(levels))
    ids = shown.execute("return [...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_a_healthy_machine_has_a_page_too(page):
    shown = page(LINUX, NVIDIA, torch("2.13.0", "cu130"))
    assert shown.execute("return document.querySelector('h1').innerText").startswith("READY")
    assert shown.log("browser") == []
