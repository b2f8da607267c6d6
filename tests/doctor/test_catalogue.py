"""The failure modes: complete rows, stable codes, and pages that say what the data say."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from envsetup.doctor.catalogue import entries, entry
from envsetup.doctor.causes import LAYERS
from envsetup.model.errors import InputError

DOCS = Path(__file__).parent.parent.parent / "docs"


def pages():
    spec = importlib.util.spec_from_file_location("codes", DOCS / "codes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


def test_the_pages_are_up_to_date():
    """After a change of the data: python docs/codes.py."""
    written = {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "codes").glob("*.md")}
    assert written == pages()


def test_every_row_is_complete():
    assert len(entries()) >= 204
    for code, row in entries().items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)
        assert row.layer in LAYERS
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", row.checked)
        assert row.remedies, code
        for text in (row.title, row.explanation, row.consequence):
            assert text, code
            assert "\n" not in text
        assert not row.title.endswith(".")


@pytest.mark.parametrize("row", entries().values(), ids=lambda row: row.code)
def test_a_command_is_one_line_and_asks_for_root_where_it_takes_root(row):
    for remedy in row.remedies:
        if remedy.command:
            assert "\n" not in remedy.command
            if "sudo " in remedy.command:
                assert remedy.needs in ("root", "reboot"), remedy.command


def test_an_unknown_code_names_its_neighbours():
    with pytest.raises(InputError) as caught:
        entry("driver-to-old-for-cuda")
    assert "driver-too-old-for-cuda" in (caught.value.hint or "")
