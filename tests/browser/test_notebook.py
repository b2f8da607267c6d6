"""`envsetup.doctor()` in a notebook that is really run, and its page as the notebook shows it."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import chromium
import pytest

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(bool(chromium.missing()), reason=chromium.missing()),
    pytest.mark.skipif(not (find_spec("nbclient") and find_spec("ipykernel")), reason="nbclient, ipykernel missing"),
]
# In a process of its own: a kernel's client brings an event loop and warnings that are no concern of these tests.
RUN = """
import json, sys
import nbformat
from nbclient import NotebookClient

book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in json.loads(sys.argv[1])])
NotebookClient(book, timeout=120, kernel_name="python3").execute()
print(json.dumps([cell.outputs for cell in book.cells]))
"""


@pytest.fixture(scope="module")
def outputs():
    import json
    import subprocess

    cells = ["import envsetup\nenvsetup.doctor(require='none')", "print(envsetup.doctor(require='none'))"]
    argv = [sys.executable, "-W", "ignore", "-c", RUN, json.dumps(cells)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_last_value_of_a_cell_shows_itself_as_the_page(outputs, tmp_path):
    (shown,) = outputs[0]
    assert shown["output_type"] == "execute_result"
    assert shown["data"]["text/plain"].startswith("<envsetup.Diagnosis ")
    page = tmp_path / "cell.html"
    page.write_text(f"<!doctype html><meta charset=utf-8>{shown['data']['text/html']}", encoding="utf-8")
    browser = chromium.Browser()
    try:
        browser.show(width=900)
        browser.open(page)
        browser.frame("iframe")
        assert browser.execute("return document.querySelector('h1').innerText").split()[0] in ("READY", "DEGRADED")
        assert browser.execute("return document.querySelectorAll('.chain li').length") == 5
    finally:
        browser.close()


def test_printed_it_is_what_the_terminal_shows(outputs):
    (shown,) = outputs[1]
    assert shown["text"].split()[0] in ("READY", "DEGRADED")
    assert "checks:" in shown["text"]
