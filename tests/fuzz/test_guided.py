"""Fuzzing led by coverage, for half of the minutes where atheris is installed; and the proof that it finds a fault.

ENVSETUP_FUZZ_SECONDS=60 pytest tests/fuzz
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import targets

GUIDED = Path(__file__).with_name("guided.py")
pytestmark = [
    pytest.mark.skipif(not find_spec("atheris"), reason="atheris is not installed"),
    pytest.mark.skipif(not targets.SECONDS, reason="ENVSETUP_FUZZ_SECONDS is not set"),
]


def fuzz(name, seconds, folder, *, planted=False):
    argv = [sys.executable, GUIDED, name, str(seconds), *(["planted"] if planted else [])]
    limit = seconds + 120  # it reads the code and its first samples before the clock starts
    return subprocess.run(argv, capture_output=True, text=True, check=False, cwd=folder, timeout=limit)


@pytest.mark.parametrize("name", targets.TARGETS)
def test_no_text_that_coverage_leads_to_breaks_it(name, tmp_path):
    done = fuzz(name, int(targets.share()), tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_planted_fault_is_found(tmp_path):
    done = fuzz("importers", 60, tmp_path, planted=True)
    assert done.returncode != 0
    assert "planted: a five in a driver's version" in done.stdout + done.stderr
