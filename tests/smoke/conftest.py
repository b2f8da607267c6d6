"""Fixtures of the smoke room."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import envsetup.smoke
from envsetup.smoke.target import interpreter


@pytest.fixture(scope="session")
def torch_python(torch_env):
    """The interpreter of an environment with a real PyTorch."""
    return interpreter(str(torch_env))


@pytest.fixture(scope="session")
def in_torch(torch_python):
    """Runs code in that environment with the payload importable as `payload`; what it prints as JSON comes back."""

    def run(code, timeout=120):
        start = f"import sys; sys.path.insert(0, {str(Path(envsetup.smoke.__file__).parent)!r})\n"
        argv = [torch_python, "-c", start + code]
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=timeout)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run
