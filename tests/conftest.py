"""Fixtures that several rooms share."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

# A shell that starts the tests in the background makes them, and all that they start, deaf to Ctrl-C.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def own_state(tmp_path_factory):
    """What the tests make is not noted among the environments of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def torch_env(tmp_path_factory, worker_id_or_master):
    """An environment with a real PyTorch, made once per test run by `envsetup create` from this machine's sources.

    ENVSETUP_TEST_TORCH_ENV names one that is there already.
    """
    given = os.environ.get("ENVSETUP_TEST_TORCH_ENV")
    if given:
        return Path(given)
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id_or_master == "master" else base.parent
    env = shared / "torch-env"
    with (shared / "torch-env.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one worker creates, the others wait
        if not (env / "envsetup.json").exists():
            argv = [sys.executable, "-m", "envsetup", "create", str(env), "--framework", "pytorch", "--cpu"]
            done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=900)
            assert done.returncode == 0, done.stderr + done.stdout
    return env


@pytest.fixture(scope="session")
def worker_id_or_master():
    """The xdist worker's name, "master" without xdist."""
    return os.environ.get("PYTEST_XDIST_WORKER", "master")


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    """The path of the fleet's bundle, made by the real command once a worker, and what the command said of it."""
    path = tmp_path_factory.mktemp("bundle") / "envsetup.pyz"
    command = [sys.executable, "-m", "envsetup", "fleet", "bundle", "-o", str(path), "--json"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout
    return path, json.loads(said)
