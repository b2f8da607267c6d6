"""What shares a resource of the machine runs in one worker: pytest and its plug-in must agree on that."""

from __future__ import annotations

import subprocess
import sys

TESTS = """
import os, pathlib, pytest
pytestmark = pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(8))
def test_where(number):
    with pathlib.Path("where").open("a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")
"""


def test_the_tests_of_a_group_stay_in_one_worker(tmp_path):
    (tmp_path / "test_where.py").write_text(TESTS)
    argv = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "-p", "no:cacheprovider"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout
    workers = (tmp_path / "where").read_text().split()
    assert (len(workers), len(set(workers))) == (8, 1)
