"""The page of `smoke --html` in a real Chromium: on a phone and a desk, light and dark, asking nobody for anything."""

from __future__ import annotations

import itertools
import math
import os
import time
from pathlib import Path

import chromium
import pytest
from test_doctor_page import CONTRAST, NAMELESS, WINDOWS

from envsetup.model.proof import FaultRow, Metric, SmokeCheck, SmokeReport
from envsetup.report.smoke_html import comparison_html, smoke_html
from envsetup.smoke.comparison import compare

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(bool(chromium.missing()), reason=chromium.missing()),
]

EVIL = "<script>document.title='broken into'</script>\x1b[2J"
SECONDS = [n / 10 for n in range(200)]
STRIP = {
    "seconds": SECONDS,
    "power_w": [70 + 400 * (5 < s < 15) for s in SECONDS],
    "power_limit_w": 700.0,
    "utilisation": [97 * (5 < s < 15) for s in SECONDS],
    "reasons": [["hw-thermal"] if 9 < s < 10 else [] for s in SECONDS],
    "spans": {"busy": [5.0, 15.0]},
}


def check(name, status="PASS", reason="as it should be", evidence=None, **metrics):
    return SmokeCheck(
        id=name, title=name, status=status, reason=reason, framework="pytorch", metrics=metrics, evidence=evidence or {}
    )


def limited(value, limit, op="<="):
    return Metric(value=value, limit=limit, op=op, limit_source="measured on 2026-11-24 with many words of source")


def report():
    losses = [2.3 * math.exp(-n / 40) for n in range(150)]
    curve = [(50, 0.55), (100, 0.97), (150, 0.99)]
    rate = Metric(value=702.0, unit="TFLOPS", peak=989.0, reference=794.5, baseline=710.0)
    return SmokeReport(
        version="0",
        level="standard",
        device="cuda",
        verdict="fail",
        headline=f"PyTorch on cuda: clocks FAILED: {EVIL}",
        checks=[
            check(
                "learning",
                evidence={"losses": losses, "validation": curve, "steps": 150, "ceiling": 0.27},
                test_accuracy=limited(0.99, 0.6, ">="),
                images_per_second=Metric(value=9000.0, unit="images/s"),
            ),
            check(
                "golden-curve",
                evidence={"losses": losses[:10], "golden": losses[:10]},
                max_deviation=limited(9e-8, 1e-5),
            ),
            check("op-parity", **{f"operation.{n}": limited(10.0 ** -(6 + n / 9), 1e-5) for n in range(20)}),
            check("matmul", bfloat16_tflops=rate, bfloat16_deviation=limited(3e-3, 2e-2)),
            check("throughput", evidence={"by_batch": {str(4**n): 100.0 * 3**n for n in range(7)}}),
            check("clocks", "FAIL", f"hw_thermal 10 is not 0 {EVIL}", hw_thermal=limited(10, 0)),
            check("link", "SKIP", "not applicable on cpu"),
        ],
        framework={"name": "pytorch", "version": "2.13.0"},
        telemetry=STRIP,
        self_test=[
            FaultRow(
                fault=f"a-fault-with-a-name-{n}",
                what="wrong",
                statuses={"op-parity": "FAIL", "matmul": "PASS"},
                caught_by=["op-parity", "matmul"][: n % 3],
                missed_by=["matmul"] if n == 4 else [],
            )
            for n in range(12)
        ],
    )


@pytest.fixture(scope="module")
def browser():
    opened = chromium.Browser()
    yield opened
    opened.close()


@pytest.fixture(params=["run", "comparison"])
def page(request, browser, tmp_path):
    def show(**window):
        path = tmp_path / "smoke page.html"
        one = report()
        source = smoke_html(one)
        if request.param == "comparison":
            source = comparison_html(compare(one, one, ("a.json", "b.json")), one, one)
        path.write_text(source, encoding="utf-8")
        browser.show(**window)
        browser.open(path)
        return browser

    show.kind = request.param
    return show


@pytest.mark.parametrize(("width", "dark"), WINDOWS)
def test_it_is_readable(page, width, dark):
    shown = page(width=width, dark=dark)
    shown.execute("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert shown.execute("return document.documentElement.scrollWidth") <= width
    assert shown.execute(CONTRAST) == []
    # The text of the drawings, at the size in which it is seen.
    sizes = shown.execute(
        "return [...document.querySelectorAll('svg text')].map(t => 12 * t.ownerSVGElement.clientWidth / 360)"
    )
    assert min(sizes) >= 9
    folder = os.environ.get("ENVSETUP_TEST_SCREENSHOTS")
    if folder:
        shown.execute("document.querySelectorAll('details').forEach(d => d.open = false)")
        shown.screenshot(Path(folder) / f"smoke-{page.kind}-{width}-{'dark' if dark else 'light'}.png")


def test_nothing_is_asked_of_anybody_and_what_a_machine_says_is_no_program(page):
    shown = page()
    assert [address for address in shown.requests() if not address.startswith(("file:", "data:"))] == []
    assert shown.log("browser") == []
    assert shown.execute("return document.title").startswith("envsetup smoke")


def test_a_figure_is_saved_as_an_image(page):
    shown = page()
    buttons = shown.execute("return document.querySelectorAll('[data-png]').length")
    assert buttons == (6 if page.kind == "run" else 1)
    shown.execute("document.querySelectorAll('[data-png]').forEach(b => b.click())")
    for _ in range(100):
        made = shown.execute("return [...document.querySelectorAll('[data-png]')].map(b => +b.dataset.made || 0)")
        if all(made):
            break
        time.sleep(0.1)
    assert min(made) > 5000
    assert shown.log("browser") == []


def test_it_can_be_used_without_a_mouse_and_without_eyes(page):
    shown = page()
    assert shown.execute(NAMELESS) == []
    assert shown.execute("return document.querySelectorAll('h1').length") == 1
    levels = shown.execute("return [...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert all(level - before <= 1 for before, level in itertools.pairwise(levels))
