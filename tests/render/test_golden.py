"""The files of every target, byte for byte: what changes in them is seen in a review.

ENVSETUP_UPDATE_GOLDEN=1 writes them anew.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from offered import TARGETS, put, tree

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("target", TARGETS)
def test_the_files_are_those_that_were_reviewed(target):
    folder, files = GOLDEN / target, tree(target)
    if os.environ.get("ENVSETUP_UPDATE_GOLDEN"):
        shutil.rmtree(folder, ignore_errors=True)
        put(files, folder)
    golden = {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    assert {name: text.decode() for name, text in files.items()} == {n: t.decode() for n, t in golden.items()}


@pytest.mark.parametrize("target", TARGETS)
def test_the_same_values_render_the_same_bytes(target):
    assert tree(target) == tree(target)
