"""Fixtures of the smoke room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
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


@pytest.fixture(scope="session")
def framework_python(tmp_path_factory):
    """The interpreter of an environment with a real TensorFlow or JAX, made once by `envsetup create`.

    ENVSETUP_TEST_TENSORFLOW_ENV and ENVSETUP_TEST_JAX_ENV name ones that are there already.
    """

    def of(framework):
        given = os.environ.get(f"ENVSETUP_TEST_{framework.upper()}_ENV")
        env = Path(given) if given else tmp_path_factory.getbasetemp() / f"{framework}-env"
        if not env.exists():
            argv = [sys.executable, "-m", "envsetup", "create", str(env), "--framework", framework, "--cpu"]
            done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=900)
            assert done.returncode == 0, done.stderr + done.stdout
        return interpreter(str(env))

    return of
