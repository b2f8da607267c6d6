"""`envsetup list` and `envsetup remove`: moved, deleted and broken environments, and nothing of anybody else's."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys

import pytest

from envsetup.build import records

pytestmark = pytest.mark.build
ASKED = ("--framework", "pytorch", "--cpu")


@pytest.fixture
def env(box):
    assert box.create("env", *ASKED).returncode == 0
    return box.folder / "env"


def listed(box, *roots):
    done = box.run("list", *roots, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["schema"] == "envsetup.list/1"
    return {entry["path"]: entry for entry in told["environments"]}


def test_what_was_made_is_listed(box, env):
    entry = listed(box)[str(env)]
    assert (entry["status"], entry["summary"], entry["target"]) == ("ok", "PyTorch 2.13.0+cpu", "venv")
    assert box.run("list").stdout.startswith(f"{env}  PyTorch 2.13.0+cpu, Python 3.")
    assert box.run("list", "-q").stdout == f"{env}\n"


def test_what_is_noted_without_a_search_is_what_a_search_finds(env):
    """A search of every file would take create a second; a file that is forgotten would pass for the user's own."""
    there = set(records.noted(env).files)
    records.note(env, [])
    assert there == set(records.noted(env).files) - {records.NOTE}
    (env / "share").mkdir()
    (env / "share/mine.txt").touch()
    assert records.own_files(env) == ["share/mine.txt"]


def test_moved_deleted_broken_and_away(box, env):
    moved = box.folder / "new place" / "env"
    moved.parent.mkdir()
    env.rename(moved)
    assert listed(box) == {}  # deleted, as far as anybody knows
    entry = listed(box, box.folder)[str(moved)]
    assert (entry["status"], f"made at {env}" in entry["note"]) == ("moved", True)
    assert list(listed(box)) == [str(moved)]  # known from now on
    (moved / "bin/python").unlink()
    assert listed(box)[str(moved)]["status"] == "broken"
    (moved / "envsetup.json").write_text("{")
    assert listed(box)[str(moved)]["status"] == "broken"
    shutil.rmtree(moved.parent)
    assert listed(box)[str(moved)]["status"] == "missing"
    assert "forgotten" in box.run("remove", moved).stdout
    assert listed(box) == {}
    assert box.run("list").stdout.startswith("none is known")
    assert box.run("list", "nowhere").returncode == 2


def test_what_update_keeps_is_no_environment_of_its_own(box, env):
    shutil.copytree(env, box.folder / "env.previous", symlinks=True)
    entries = listed(box, box.folder)
    assert list(entries) == [str(env)]
    assert entries[str(env)]["previous"] is True


def test_a_damaged_registry_is_passed_over(box, env):
    state = box.home / ".local/state/envsetup/environments"
    (state / "x.json").write_text("{")
    assert list(listed(box)) == [str(env)]
    shutil.rmtree(state)
    state.write_text("")
    assert listed(box) == {}
    assert box.create("two", *ASKED).returncode == 0  # that it cannot be noted is no reason to fail


def test_removed_is_gone_with_what_update_kept(box, env):
    shutil.copytree(env, box.folder / "env.previous", symlinks=True)
    planned = box.run("remove", "env", "--dry-run")
    assert (planned.returncode, env.exists()) == (0, True)
    assert planned.stdout == f"would remove: {env} and the one before it\n"
    asked = box.run("remove", "env")
    assert (asked.returncode, env.exists()) == (2, True)
    assert "confirm on a terminal, or give --yes" in asked.stderr
    done = box.run("remove", "env", "--yes", "--json")
    assert json.loads(done.stdout)["status"] == "removed"
    assert sorted(path.name for path in box.folder.iterdir()) == ["home"]
    assert listed(box) == {}


@pytest.mark.parametrize("answer", ["y\n", "n\n"])
def test_it_asks_on_a_terminal(box, env, answer):
    parent, child = pty.openpty()
    argv = [sys.executable, "-m", "envsetup", "remove", str(env)]
    process = subprocess.Popen(argv, stdin=child, stderr=child, stdout=subprocess.PIPE, env=box.env, cwd=box.folder)
    os.write(parent, answer.encode())
    out, _ = process.communicate(timeout=60)
    os.close(child)
    asked = os.read(parent, 4096)
    os.close(parent)
    assert b"remove " in asked
    assert (process.returncode, env.exists()) == ((0, False) if answer == "y\n" else (130, True))
    assert out.startswith(b"removed") is (answer == "y\n")


def test_files_of_the_users_own_are_named_and_kept(box, env):
    (env / "notes.txt").write_text("mine")
    (env / "ACTIVATE.txt").write_text("mine")
    next(env.glob("lib/python*/site-packages")).joinpath("hack.py").write_text("")
    done = box.run("remove", "env", "--yes")
    assert done.returncode == 2
    for name in ("notes.txt", "ACTIVATE.txt", "site-packages/hack.py"):
        assert name in done.stderr
    assert (env / "notes.txt").exists()
    done = box.run("remove", "env", "--yes", "--with-my-files")
    assert (done.returncode, env.exists()) == (0, False)
    assert "with files of your own" in done.stdout


@pytest.mark.parametrize("what", ["folder", "venv", "file", "nothing", "home"])
def test_what_envsetup_did_not_make_is_refused(box, what):
    place = box.home if what == "home" else box.folder / "theirs"
    if what == "folder":
        place.mkdir()
        (place / "thesis.tex").write_text("")
    elif what == "venv":
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    elif what == "file":
        place.write_text("")
    done = box.run("remove", place, "--yes", "--with-my-files")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert place.exists() is (what != "nothing")


def test_one_that_is_being_built_is_left(box, env):
    from envsetup.build.stage import Stage

    with Stage(env):
        done = box.run("remove", "env", "--yes")
    assert (done.returncode, env.exists()) == (1, True)
    assert "is building" in done.stderr
