"""The page of a fleet of ten thousand hosts in a real Chromium: it opens at once, and every host is found in it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import axe
import chromium
import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "fleet"))
from fleet_samples import doctor, encoded, finding, node

from envsetup.fleet.merge import Merge
from envsetup.fleet.reading import read, silent
from envsetup.model.drivers import Driver
from envsetup.model.fleet import ClassPlan
from envsetup.report.fleet_html import fleet_html

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(bool(chromium.missing()), reason=chromium.missing()),
]

HOSTS = 10_000
OPENS_S = 3.0
SILENT = ("connection refused", "no route to host", "the ssh server accepts and does not answer")


def fleet(count=HOSTS):
    """Most are well; each seventh has a finding, each ninetieth an old driver, each hundredth says nothing."""
    well = encoded(doctor(machine=node()), indent=-1)
    ill = encoded(doctor(finding("xid-79-fallen-off-bus"), machine=node()), indent=-1)
    old = encoded(doctor(machine=node(driver=Driver(nvidia="535.183.01", rocm=None))), indent=-1)
    merge = Merge()
    for number in range(count):
        name = f"gpu{number:05}"
        if number % 100 == 99:
            merge.add(silent(name, "unreachable", SILENT[number % 3]))
        else:
            merge.add(read(old if number % 90 == 5 else ill if number % 7 == 3 else well, name))
    plan = ClassPlan(
        kind="NVIDIA H100 80GB HBM3, x86_64, glibc, Python 3.12",
        hosts=f"gpu[00000-{count - 1:05}]",
        count=count,
        plan="PyTorch 2.14.1+cu126",
        canary="gpu00000",
        lock="sha256:" + "ab" * 32,
    )
    return msgspec.structs.replace(merge.report(), plans=[plan])


@pytest.fixture(scope="module")
def browser():
    started = chromium.Browser()
    yield started
    started.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    file = tmp_path_factory.mktemp("fleet") / "fleet.html"
    file.write_text(fleet_html(fleet()), encoding="utf-8")
    return file


def test_it_opens_at_once_and_finds_a_host_as_it_is_typed(browser, path):
    browser.show()
    started = time.monotonic()
    browser.open(path)
    busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert time.monotonic() - started <= OPENS_S * busy
    assert browser.execute("return document.querySelectorAll('*').length") < 20_000
    browser.type("#find", "gpu07799")
    assert browser.execute("return document.querySelector('#found').innerText") == (
        "gpu07799\tunreachable\tthe ssh server accepts and does not answer"
    )
    assert browser.execute("return document.querySelector('#count').innerText") == "1 of 10000 hosts"
    assert all(address == path.as_uri() for address in browser.requests())
    assert browser.log("browser") == []


@pytest.mark.parametrize(("width", "dark"), [(360, False), (360, True), (1000, False), (1000, True)])
@pytest.mark.skipif(bool(axe.missing()), reason=axe.missing())
def test_it_is_readable_by_everybody(browser, path, width, dark):
    browser.show(width=width, dark=dark)
    browser.open(path)
    assert axe.violations(browser) == []
    assert browser.execute("return document.documentElement.scrollWidth") <= width
    folder = os.environ.get("ENVSETUP_TEST_SCREENSHOTS")
    if folder:
        browser.screenshot(Path(folder) / f"fleet-{width}-{'dark' if dark else 'light'}.png")
