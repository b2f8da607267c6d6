"""`doctor --fix` with real environments: planned, confirmed, verified, swapped, undone; and what it must not do."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.build, pytest.mark.skipif(sys.platform != "linux", reason="POSIX owners and shells")]


@pytest.fixture
def broken(box):
    """An environment of envsetup whose interpreter is gone, as after an upgrade of the system's Python."""
    assert box.create("env", "--framework", "pytorch", "--cpu").returncode == 0
    env = box.folder / "env"
    for name in ("python", "python3"):
        (env / "bin" / name).unlink(missing_ok=True)
    (env / "bin/python").symlink_to("/nowhere/python3")
    (env / "notes.txt").write_text("mine")
    return env


def doctor(box, env, *args):
    return subprocess.run(
        [sys.executable, "-m", "envsetup", "doctor", "--env", env, *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=box.folder,
        env={**box.env, "XDG_STATE_HOME": str(box.folder / "state")},
        stdin=subprocess.DEVNULL,
    )


def siblings(env):
    return sorted(path.name for path in env.parent.iterdir() if "env" in path.name)


def test_without_a_yes_it_is_only_a_plan(box, broken):
    before = siblings(broken)
    done = doctor(box, broken, "--fix")
    assert done.returncode == 1
    assert "1. rebuild" in done.stderr
    assert "broken-venv" in done.stderr
    assert "nothing was changed" in done.stderr
    assert siblings(broken) == before
    assert not (box.folder / "state").exists()


def test_the_environment_is_made_anew_and_the_old_one_kept_with_the_way_back(box, broken):
    done = doctor(box, broken, "--fix", "--yes", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert report["verdict"]["root_cause"] is None
    assert subprocess.run([broken / "bin/python", "-c", "import torch"], check=False, timeout=60).returncode == 0
    (kept,) = [path for path in broken.parent.iterdir() if ".before-fix-" in path.name]
    assert (kept / "notes.txt").read_text() == "mine"
    (entry,) = map(json.loads, (box.folder / "state/envsetup/undo.jsonl").read_text().splitlines())
    assert (entry["path"], entry["kept"]) == (str(broken), str(kept))
    assert entry["undo"] in done.stderr
    assert subprocess.run(entry["undo"], shell=True, check=False, timeout=60).returncode == 0
    assert (broken / "notes.txt").read_text() == "mine"
    assert box.litter() == []


def test_an_environment_that_cannot_be_made_leaves_the_old_one_where_it_was(box, broken):
    manifest = broken / "envsetup.json"
    data = json.loads(manifest.read_text())
    data["request"]["frameworks"] = ["pytorch==0.0.1"]
    manifest.write_text(json.dumps(data))
    before = siblings(broken)
    done = doctor(box, broken, "--fix", "--yes")
    assert done.returncode in (1, 2), done.stderr
    assert siblings(broken) == before
    assert (broken / "notes.txt").read_text() == "mine"


def test_without_an_undo_log_nothing_is_touched(box, broken):
    (box.folder / "state").write_text("a file where the folder should be")
    before = siblings(broken)
    done = doctor(box, broken, "--fix", "--yes")
    assert done.returncode != 0
    assert "undo log" in done.stderr
    assert siblings(broken) == before


def test_a_healthy_environment_is_left_alone(box):
    assert box.create("env", "--framework", "pytorch", "--cpu").returncode == 0
    done = doctor(box, box.folder / "env", "--fix", "--yes", "--area", "python")
    assert "1." not in done.stderr
    assert siblings(box.folder / "env") == ["env"]


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give a folder away")
def test_somebody_elses_environment_is_never_touched(box, broken):
    os.chown(broken, 12345, 12345)
    done = doctor(box, broken, "--fix", "--yes")
    assert "1. rebuild" not in done.stderr
    assert "broken-venv, not done by envsetup" in done.stderr


@pytest.mark.parametrize("args", [["--fix", "--from", "x"], ["--fix", "--project", "."], ["--yes"]], ids=shlex.join)
def test_what_makes_no_sense_is_refused(args):
    done = subprocess.run(
        [sys.executable, "-m", "envsetup", "doctor", *args], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "--fix" in done.stderr
