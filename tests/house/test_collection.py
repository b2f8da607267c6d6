"""Every test file is collected: a folder's name must not keep its tests from running."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parent.parent


def test_no_folder_of_tests_is_passed_over(pytestconfig):
    ignored = pytestconfig.getini("norecursedirs")
    folders = {path.parent.relative_to(TESTS).parts[0] for path in TESTS.glob("*/test_*.py")}
    assert "build" in folders
    assert not [name for name in folders for pattern in ignored if Path(name).match(pattern)]
