"""`envsetup update`: the difference shown, edits kept or a conflict named, the old one there until the new is good."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import time

import pytest
import uv
from hypothesis import given
from hypothesis import strategies as st

from envsetup.build.merge3 import ConflictError, merge3

pytestmark = pytest.mark.build
ASKED = ("--framework", "pytorch", "--cpu")
TINY = {"tiny/__init__.py": "import sys\n\ndef main():\n    print('tiny', sys.prefix)\n"}


@pytest.fixture
def old(box, wheel_maker, tmp_path):
    """An environment of yesterday, and a folder that has newer wheels today; `newer` puts them there."""
    folder = tmp_path / "served"
    wheel_maker.torch(folder, version="2.12.0")
    wheel_maker.wheel(folder, "numpy", "2.4.0")
    wheel_maker.wheel(folder, "tiny", "1.0", files=TINY, scripts={"tiny": "tiny:main"})
    box.env["PIP_FIND_LINKS"] = str(folder)
    made = box.create("env", *ASKED)
    assert made.returncode == 0, made.stdout + made.stderr

    def newer(**torch):
        wheel_maker.torch(folder, version="2.13.0", requires=("tiny", "more"), **torch)
        wheel_maker.wheel(folder, "more", "1.0")
        wheel_maker.wheel(folder, "tiny", "1.1", files=TINY, scripts={"tiny": "tiny:main"})

    box.newer, box.target = newer, box.folder / "env"
    return box


def update(box, *args, code=0, **env):
    done = box.run("update", "env", *args, "--json", **env)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout else done.stderr.splitlines()[-1]


def version(box):
    """The torch of the environment, by its interpreter; its command must work as well."""
    target = box.target
    assert (
        subprocess.run([target / "bin/tiny"], capture_output=True, text=True, check=True).stdout == f"tiny {target}\n"
    )
    argv = [target / "bin/python", "-c", "import torch; print(torch.__version__)"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def test_the_difference_is_shown_and_nothing_is_touched(old):
    old.newer()
    before = sorted(path.relative_to(old.target) for path in old.target.rglob("*"))
    told = update(old, "--dry-run")
    assert (told["status"], told["before"], told["after"]) == ("planned", "PyTorch 2.12.0+cpu", "PyTorch 2.13.0+cpu")
    assert told["packages"] == {
        "added": {"more": "1.0"},
        "removed": {},
        "changed": {
            "tiny": {"before": "1.0", "after": "1.1"},
            "torch": {"before": "2.12.0+cpu", "after": "2.13.0+cpu"},
        },
    }
    assert {"- torch 2.12.0+cpu", "+ torch 2.13.0+cpu"} <= set(told["plan"])
    assert "+env: PyTorch 2.13.0+cpu" in told["files"]["ACTIVATE.txt"]
    assert sorted(path.relative_to(old.target) for path in old.target.rglob("*")) == before
    text = old.run("update", "env", "--dry-run").stdout
    assert text.startswith(f"planned: {old.target}: PyTorch 2.12.0+cpu -> PyTorch 2.13.0+cpu\n")
    assert "\n  ~ tiny 1.0 -> 1.1\n" in text
    assert "nothing was changed: confirm on a terminal, or give --yes" in update(old, code=2)
    assert version(old) == "2.12.0+cpu"


def test_it_is_made_anew_and_can_be_taken_back(old, wheel_maker, tmp_path):
    old.newer()
    notes = old.target / "ACTIVATE.txt"
    notes.write_text(notes.read_text() + "call Ada before you remove it\n")
    (old.target / "data").mkdir()
    (old.target / "data/set.csv").write_text("1,2\n")
    next(old.target.glob("lib/python*/site-packages")).joinpath("hack.py").write_text("x = 1\n")
    wheel_maker.wheel(tmp_path / "mine", "mine", "1.0")
    argv = [uv.find_uv_bin(), "pip", "install", "-q", "--no-index", "--find-links", tmp_path / "mine", "mine"]
    subprocess.run([*argv, "--python", old.target / "bin/python"], check=True)
    told = update(old, "--yes")
    assert told["status"] == "updated"
    assert told["created"]["verified"]
    assert version(old) == "2.13.0+cpu"
    assert notes.read_text().startswith("env: PyTorch 2.13.0+cpu")
    assert notes.read_text().endswith("call Ada before you remove it\n")
    assert (told["merged"], told["carried"]) == (["ACTIVATE.txt"], ["data/set.csv"])
    assert told["left"][0].endswith("site-packages/hack.py")
    assert told["added"] == {"mine": "1.0"}
    assert (old.target / "data/set.csv").read_text() == "1,2\n"
    same = update(old, "--yes")
    assert (same["status"], same["previous"]) == ("unchanged", None)
    assert old.run("update", "env", "--yes").stdout.startswith("unchanged: ")
    back = update(old, "--rollback")
    assert (back["status"], back["after"]) == ("rolled-back", "PyTorch 2.12.0+cpu")
    assert version(old) == "2.12.0+cpu"
    update(old, "--rollback")
    assert version(old) == "2.13.0+cpu"
    assert old.litter() == []
    # The next one would replace what is kept, and with it the only copy of a file.
    wheel_maker.wheel(old.folder / "served", "more", "1.1")
    said = update(old, "--yes", code=2)
    assert "env.previous, which would be replaced, holds files of your own: " in said
    assert "hack.py" in said
    assert update(old, "--yes", "--discard-previous")["packages"]["changed"] == {
        "more": {"before": "1.0", "after": "1.1"}
    }
    assert (old.target / "data/set.csv").read_text() == "1,2\n"


def test_a_conflict_is_named_and_nothing_is_changed(old):
    old.newer()
    notes = old.target / "ACTIVATE.txt"
    mine = "MINE " + notes.read_text()
    notes.write_text(mine)
    said = update(old, "--yes", code=1)
    assert said.startswith(f"error: {notes}, line 1: you and the new version changed the same; nothing was changed")
    assert (version(old), notes.read_text()) == ("2.12.0+cpu", mine)
    assert not (old.folder / "env.previous").exists()
    update(old, "--yes", "--discard-edits")
    assert version(old) == "2.13.0+cpu"
    assert "MINE" not in notes.read_text()
    assert (old.folder / "env.previous/ACTIVATE.txt").read_text() == mine


def test_an_edited_lock_is_a_conflict(old):
    old.newer()
    lock = old.target / "requirements.lock"
    lock.write_text(lock.read_text() + "# mine\n")
    assert f"{lock} was edited by hand but is made anew from the plan" in update(old, "--yes", code=1)


@pytest.mark.parametrize("fault", ["import", "network", "editor"])
def test_a_failure_leaves_the_old_one(old, wheel_maker, fault):
    if fault == "editor":  # fails after the new one was put in place
        folder = old.folder / "served"
        wheel_maker.wheel(folder, "debugpy", "1.0")
        spec = {"ipykernel/__init__.py": "", "ipykernel/kernelspec.py": "def get_kernel_dict():\n    return {}\n"}
        wheel_maker.wheel(folder, "ipykernel", "1.0", files=spec)
        old.json("env", *ASKED, "--with", "vscode")
        (old.folder / ".vscode/settings.json").unlink()
        (old.folder / ".vscode").rmdir()
        (old.folder / ".vscode").write_text("in the way")
    old.newer(**({"torch/__init__.py": "import nothing_of_this_name\n"} if fault == "import" else {}))
    env = {"PIP_FIND_LINKS": str(old.folder), "PIP_INDEX_URL": "http://127.0.0.1:9/"} if fault == "network" else {}
    done = old.run("update", "env", "--yes", **env)
    assert done.returncode == 1
    assert version(old) == "2.12.0+cpu"
    assert old.run("verify", "env").returncode == 0
    assert old.litter() == []
    if fault != "editor":
        assert not (old.folder / "env.previous").exists()


def test_sigkill_at_random_moments(old):
    old.newer()
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - to repeat a failure
    moments = random.Random(seed)
    seen = set()
    for _ in range(8):
        argv = [sys.executable, "-m", "envsetup", "update", "env", "--yes", "-q"]
        process = subprocess.Popen(
            argv, cwd=old.folder, env=old.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        time.sleep(moments.uniform(0.1, 2.5))
        process.kill()
        process.wait()
        seen.add(version(old))
    assert seen <= {"2.12.0+cpu", "2.13.0+cpu"}
    assert update(old, "--yes")["status"] in {"updated", "unchanged"}
    assert version(old) == "2.13.0+cpu"
    # A stage that a killed run left is cleared away by the next one that works on this place.
    old.json("env", *ASKED)
    assert old.litter() == []


@pytest.mark.parametrize("form", ["requirements.lock", "pylock.toml"])
def test_what_was_made_from_a_lock_takes_another_one(old, form):
    made = old.folder / "env"
    old.json("locked", "--lock", made / "requirements.lock", "--name", "lab")
    assert update(old, "--dry-run")["status"] == "unchanged"
    old.newer()
    old.json("new", *ASKED)
    old.target = old.folder / "locked"
    planned = old.run("update", "locked", "--lock", f"new/{form}", "--dry-run", "--json")
    told = json.loads(planned.stdout)
    assert told["packages"]["added"] == {"more": "1.0"}
    assert told["packages"]["changed"]["torch"] == {"before": "2.12.0+cpu", "after": "2.13.0+cpu"}
    assert version(old) == "2.12.0+cpu"
    bad = old.folder / "bad.lock"
    bad.write_text((old.folder / "new/requirements.lock").read_text().replace("sha256:", "sha256:00", 1))
    assert old.run("update", "locked", "--lock", bad, "--yes").returncode == 1
    assert (version(old), old.litter()) == ("2.12.0+cpu", [])
    assert old.run("update", "locked", "--lock", f"new/{form}", "--yes").returncode == 0
    assert version(old) == "2.13.0+cpu"
    assert json.loads((old.target / "envsetup.json").read_text())["name"] == "lab"
    again = old.run("update", "locked", "--lock", f"new/{form}", "--yes")
    assert again.stdout.startswith("unchanged: "), again.stdout
    assert old.run("update", "locked", "--rollback").returncode == 0
    assert version(old) == "2.12.0+cpu"


def test_what_cannot_be_planned_again_is_refused(old, index, wheels):
    old.json("locked", "--lock", old.target / "requirements.lock")
    (old.folder / "m.json").write_text('{"os": {"system": "linux"}, "gpus": []}')
    old.json("described", *ASKED, "--machine", "m.json")
    secret = f"http://user:p4ss@{index(wheels).host}/simple"
    old.json("guarded", *ASKED, "--source", secret)
    for name, said in {
        "locked": f"give the new one: envsetup update --lock NEW.lock {old.folder / 'locked'}",
        "described": "give --machine FILE again",
        "guarded": "its source had a password, which is not kept",
        "nowhere": "no such folder",
    }.items():
        done = old.run("update", name, "--yes")
        assert (done.returncode, done.stderr.count("error:")) == (2, 1)
        assert said in done.stderr
    assert old.run("update", "described", "--yes", "--machine", "m.json").returncode == 0
    assert old.run("update", "guarded", "--yes", "--source", secret).returncode == 0
    done = old.run("update", "env", "--rollback")
    assert (done.returncode, "is kept" in done.stderr) == (2, True)
    (old.folder / "env.previous").mkdir()
    assert "is in the way" in old.run("update", "env", "--yes").stderr


def test_an_update_that_is_impossible_says_so(old, tmp_path):
    (tmp_path / "empty").mkdir()
    done = old.run("update", "env", "--yes", PIP_FIND_LINKS=str(tmp_path / "empty"))
    assert done.returncode == 1
    assert done.stdout.startswith("impossible (source): ")
    assert f"nothing was changed: {old.target} is still PyTorch 2.12.0+cpu" in done.stdout


def test_the_folder_of_an_image_keeps_edits_and_own_files(old):
    made = old.create("img", *ASKED, "--target", "docker", "--no-build")
    assert made.returncode == 0, made.stdout + made.stderr
    old.newer()
    folder = old.folder / "img"
    recipe = folder / "Dockerfile"
    recipe.write_text(recipe.read_text() + "COPY app.py /workspace/\n")
    (folder / "app.py").write_text("print(1)\n")
    done = old.run("update", "img", "--yes", "--no-build", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["merged"], told["carried"], told["left"]) == (["Dockerfile"], ["app.py"], [])
    assert recipe.read_text().startswith("# PyTorch 2.13.0+cpu.")
    assert recipe.read_text().endswith("COPY app.py /workspace/\n")
    assert (folder / "app.py").read_text() == "print(1)\n"
    assert "torch==2.13.0+cpu" in (folder / "requirements.lock").read_text()
    assert "torch==2.12.0+cpu" in (old.folder / "img.previous/requirements.lock").read_text()
    again = old.run("update", "img", "--yes", "--no-build")
    assert (again.returncode, again.stdout.startswith("unchanged: ")) == (0, True), again.stdout
    source = old.folder / "served"
    old.create("other", *ASKED, "--target", "kubernetes", "--no-build", "--source", source)
    for command in (("update", "other", "--dry-run"), ("verify", "other", "-q")):
        done = old.run(*command, PATH=str(old.folder))
        assert done.returncode in {2, 3}
        assert done.stderr.splitlines()[-1].startswith("error: ")
    assert old.run("update", "other", "--dry-run", "--source", source).stdout.startswith("unchanged: ")
    assert old.run("remove", "other", "--yes").returncode == 0


lines = st.lists(st.sampled_from("abcdef"), max_size=8)


def text(parts):
    return "".join(f"{part}\n" for part in parts)


@given(lines, lines)
def test_merging_with_nothing_changed_gives_the_other(base, other):
    assert merge3(text(base), text(base), text(other)) == text(other)
    assert merge3(text(base), text(other), text(base)) == text(other)
    assert merge3(text(base), text(other), text(other)) == text(other)


@given(lines, lines, lines)
def test_a_merge_holds_every_line_that_either_added(base, mine, theirs):
    merged = None
    with contextlib.suppress(ConflictError):
        merged = merge3(text(base), text(mine), text(theirs))
    assert merged is None or not [part for part in set(mine + theirs) - set(base) if part not in merged]


@given(lines, st.integers(0, 8), st.integers(0, 8))
def test_edits_that_do_not_touch_are_both_kept(base, one, two):
    base = [f"{number}{part}" for number, part in enumerate(base + list("xyz"))]
    first, second = sorted((one % len(base), two % len(base)))
    if second - first < 2:
        return
    mine, theirs = list(base), list(base)
    mine[first], theirs[second] = "MINE", "THEIRS"
    both = list(mine)
    both[second] = "THEIRS"
    assert merge3(text(base), text(mine), text(theirs)) == text(both)
    theirs[first] = "THEIRS"
    with pytest.raises(ConflictError):
        merge3(text(base), text(mine), text(theirs))
