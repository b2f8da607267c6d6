"""What killed builds left goes, and nothing of a build that is at work."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from envsetup.build import leftovers
from envsetup.build.process import Ended


@pytest.fixture
def buildah(monkeypatch, tmp_path):
    """One that knows the containers in `there`, by id and by the name of their image."""
    monkeypatch.setattr(leftovers, "_PLACE", tmp_path)

    def ask(*argv):
        if argv[0] == "rm":
            ask.there = {key: name for key, name in ask.there.items() if key != argv[1]}
        told = [{"id": key, "imagename": name} for key, name in ask.there.items()] if argv[0] == "containers" else []
        return Ended(returncode=0, stdout=json.dumps(told), stderr="", seconds=0.0)

    ask.there = {"theirs": "localhost/their"}
    return ask


@pytest.mark.parametrize("builder", ["podman", "buildah"])
def test_a_container_on_a_layer_stays_while_somebody_builds(buildah, monkeypatch, tmp_path, builder):
    """It may be theirs: without its container their build would fail."""
    program = shutil.copy(shutil.which("sleep"), tmp_path / builder)
    other = subprocess.Popen([program, "60"])
    while Path(f"/proc/{other.pid}/comm").read_text() != f"{builder}\n":  # the kernel names it a moment later
        time.sleep(0.01)
    processes = tmp_path / "proc"  # of this machine only the one: others may build on it
    processes.mkdir()
    (processes / str(other.pid)).symlink_to(f"/proc/{other.pid}")
    monkeypatch.setattr(leftovers, "_PROCESSES", processes)
    try:
        with leftovers.marked(buildah, "localhost/base"):
            buildah.there |= {"on a layer": ""}
        assert set(buildah.there) == {"theirs", "on a layer"}
    finally:
        other.kill()
        other.wait()
    with leftovers.marked(buildah, "localhost/base"):
        assert set(buildah.there) == {"theirs"}
