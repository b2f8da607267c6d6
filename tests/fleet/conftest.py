"""The bundle, made once for all tests of a worker."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    """The path of a bundle made by the real command, and what the command said of it."""
    path = tmp_path_factory.mktemp("bundle") / "envsetup.pyz"
    command = [sys.executable, "-m", "envsetup", "fleet", "bundle", "-o", str(path), "--json"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout
    return path, json.loads(said)
