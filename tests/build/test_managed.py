"""`--install-python`: uv fetches an interpreter, only when it is asked for, only when it is missing."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.build
ASKED = ("--framework", "pytorch", "--cpu")
LEFT_OUT = {"test", "tests", "__pycache__", "idlelib", "tkinter", "turtledemo", "ensurepip", "site-packages"}


@pytest.fixture(scope="session")
def another():
    """Another Python than this one, with its folder: (version, prefix)."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    mine = ".".join(map(str, sys.version_info[:2]))
    for folder in sorted(pyenv.glob("3.1*"), reverse=True):
        if not folder.name.startswith(mine) and folder.name.count(".") == 2:
            return folder.name, folder
    pytest.skip("no second Python that could be served")


@pytest.fixture
def served(another, tmp_path):
    """A list of downloads, as uv reads it, with that Python: its path."""
    version, prefix = another
    archive = tmp_path / "python.tar.gz"

    def kept(info):
        parts = set(Path(info.name).parts)
        return None if parts & LEFT_OUT or info.name.endswith((".a", ".pyc")) or "config-3" in info.name else info

    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(prefix, "python", filter=kept)
    major, minor, patch = version.split(".")
    row = {
        "name": "cpython", "arch": {"family": platform.machine(), "variant": None}, "os": "linux", "libc": "gnu",
        "major": int(major), "minor": int(minor), "patch": int(patch), "prerelease": "", "variant": None,
        "url": archive.as_uri(), "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(), "build": "20260101",
    }  # fmt: skip
    listed = tmp_path / "downloads.json"
    listed.write_text(json.dumps({f"cpython-{version}-linux-{platform.machine()}-gnu": row}))
    return listed


@pytest.fixture
def bare(box):
    """A box in which only this Python and the system's can be found."""
    box.env |= {"PYENV_ROOT": str(box.home), "PATH": "/usr/bin:/bin"}
    box.env.pop("PYENV_VERSION", None)
    return box


def test_it_is_fetched_only_when_asked_for(bare, another, served):
    version = another[0]
    short = version.rpartition(".")[0]
    env = {"UV_PYTHON_DOWNLOADS_JSON_URL": str(served)}
    refused = bare.create("env", *ASKED, "--python", short, **env)
    if refused.returncode == 0:
        pytest.skip(f"Python {short} is the system's")
    assert refused.returncode == 2
    assert f"--python {short}: not installed" in refused.stderr
    done = bare.create("env", *ASKED, "--python", short, "--install-python", **env)
    assert done.returncode == 0, done.stderr
    assert f"ok fetch Python {short}" in done.stderr
    python = bare.folder / "env/bin/python"
    told = subprocess.run([python, "-c", "import sys; print(sys.version.split()[0], sys.base_prefix)"],
                          check=True, capture_output=True, text=True).stdout.split()  # fmt: skip
    assert told[0] == version
    assert str(bare.home) in told[1]
    again = bare.create("two", *ASKED, "--python", short, "--install-python")
    assert again.returncode == 0, again.stderr
    assert "fetch Python" not in again.stderr


def test_one_that_cannot_be_fetched_is_one_line(bare, tmp_path):
    (tmp_path / "none.json").write_text("{}")
    done = bare.create("env", *ASKED, "--python", "3.99", "--install-python",
                       UV_PYTHON_DOWNLOADS_JSON_URL=str(tmp_path / "none.json"))  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: Python 3.99: ")
    assert not (bare.folder / "env").exists()


@pytest.mark.parametrize("python", [(), ("--python", "/usr/bin/python3")])
def test_which_one_must_be_said(bare, python):
    done = bare.create("env", *ASKED, *python, "--install-python")
    assert done.returncode == 2
    assert "--install-python needs --python X.Y" in done.stderr
