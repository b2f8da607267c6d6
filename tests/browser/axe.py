"""axe-core, the accessibility engine, as the package axe-playwright-python carries it; nothing else of that is used."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

# Colour contrast over a border or a transparent element is for eyes to judge: axe says "incomplete" there.
RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ['violations']}).then(
  found => done(found.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 120)).join(' | '))),
  problem => done(['axe failed: ' + problem]));
"""


def missing():
    """Why there is no check; empty when there is one."""
    return "" if find_spec("axe_playwright_python") else "axe-playwright-python is not installed"


def violations(browser):
    """What axe finds wrong with the page that is open, one line each."""
    spec = find_spec("axe_playwright_python")  # found and not imported: its code wants a browser driver of its own
    engine = Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8")
    browser.execute(engine)
    return browser.execute_async(RUN)
