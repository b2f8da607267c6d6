"""A real PyTorch from a wheelhouse with the network cut, and through an index that asks for a password."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest

pytestmark = pytest.mark.install

PASSWORD = f"s3cr3t-{uuid.uuid4().hex}"
COMPUTES = "import torch; print(torch.ones(3, 4).matmul(torch.ones(4, 2)).sum().item())"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """PyTorch for the CPU with all it needs, as this machine's own pip gets it."""
    folder = tmp_path_factory.mktemp("house")
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "-d", str(folder)]
    # The CPU build, small enough: where pip's configuration has none, PyTorch's own index has it.
    for more in ([], ["--extra-index-url", "https://download.pytorch.org/whl/cpu"]):
        done = subprocess.run(
            [*argv, "torch==2.13.0+cpu", "numpy", *more], check=False, capture_output=True, timeout=300
        )
        if done.returncode == 0:
            return folder
    pytest.skip(f"no CPU build of PyTorch can be downloaded: {done.stderr.decode()[-200:]}")


@pytest.fixture
def bare(box):
    """A home without any configuration: only what a test names can be reached."""
    box.env = {k: v for k, v in box.env.items() if not k.startswith(("PIP_NO_INDEX", "PIP_FIND"))}
    return box


@pytest.fixture(scope="module")
def cut():
    """The command that runs another without a network."""
    argv = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    try:
        look = [*argv, sys.executable, "-c", "import socket; socket.create_connection(('192.0.2.1', 80), 3)"]
        done = subprocess.run(look, check=False, capture_output=True, text=True, timeout=30)
    except FileNotFoundError:
        pytest.skip("no unshare on PATH")
    if "unreachable" not in done.stderr:
        pytest.skip(f"a network cannot be cut here: {done.stderr[-200:]}")
    return argv


def computes(env):
    return subprocess.run([env / "bin/python", "-c", COMPUTES], check=True, capture_output=True, text=True).stdout


def test_from_a_wheelhouse_with_the_network_cut(bare, house, cut):
    flags = ["--framework", "pytorch", "--cpu", "--source", house, "--json"]
    argv = [*cut, *bare.command("env", *flags)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=400, cwd=bare.folder, env=bare.env)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["status"] == "created"
    assert "torch is the cpu build" in made["verified"]
    assert computes(bare.folder / "env").strip() == "24.0"


def test_without_the_wheelhouse_it_fails_when_the_network_is_cut(bare, cut):
    argv = [*cut, *bare.command("env", "--framework", "pytorch", "--cpu")]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=120, cwd=bare.folder, env=bare.env)
    assert done.returncode != 0
    assert not (bare.folder / "env").exists()


def test_through_an_index_with_a_password(bare, house, index):
    place = index(house, password=PASSWORD)
    url = f"http://user:{PASSWORD}@{place.host}/simple"
    seen, stop = set(), threading.Event()

    def watch():
        while not stop.wait(0.02):
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit() and int(entry.name) != os.getpid():
                    try:
                        seen.add((entry / "cmdline").read_bytes())
                    except OSError:
                        continue

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        done = bare.create("env", "--framework", "pytorch", "--cpu", "-vv", timeout=400, PIP_INDEX_URL=url)
    finally:
        stop.set()
        thread.join()
    assert done.returncode == 0, done.stderr
    assert computes(bare.folder / "env").strip() == "24.0"
    assert any(path.startswith("/files/torch") for path in place.requests)
    assert any(b"envsetup" in line for line in seen)
    secret = PASSWORD.encode()
    assert not [line for line in seen if secret in line]
    assert PASSWORD not in done.stdout + done.stderr
    # Files over 50 MB are the framework's own libraries.
    texts = [p for p in bare.folder.rglob("*") if p.is_file() and not p.is_symlink() and p.stat().st_size < 50_000_000]
    assert [str(p) for p in texts if secret in p.read_bytes()] == []
