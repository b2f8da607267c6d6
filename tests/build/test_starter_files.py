"""`--starter`: all of the project or none of it, never over what is there, and the words that fit its place."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envsetup.build import planting
from envsetup.model.errors import BuildError, InputError

FILES = {"README.md": b"# x\n", "train.py": b"print(1)\n", "tests/test_it.py": b"", "tests/deep/er.py": b"2\n"}


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def plain(folder):
    """The tree without what a killed run leaves when it was done already."""
    return {name: content for name, content in tree(folder).items() if not name.startswith(".envsetup-starter-done/")}


def test_files_into_a_new_folder(tmp_path):
    planting.plant(tmp_path / "a/b", FILES)
    assert tree(tmp_path / "a/b") == FILES
    assert all(path.stat().st_nlink == 1 for path in (tmp_path / "a/b").rglob("*") if path.is_file())


@pytest.mark.parametrize("name", FILES)
def test_what_is_there_is_never_replaced(tmp_path, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=f"{name} is there already"):
        planting.check(tmp_path, FILES)
    with pytest.raises(BuildError, match="appeared meanwhile"):
        planting.plant(tmp_path, FILES)
    assert tree(tmp_path) == {name: b"mine"}
    (tmp_path / name).write_bytes(FILES[name])  # also where it is the same
    with pytest.raises(BuildError, match="appeared meanwhile"):
        planting.plant(tmp_path, FILES)
    assert tree(tmp_path) == {name: FILES[name]}


def test_a_link_that_leads_nowhere_is_there_too(tmp_path):
    (tmp_path / "train.py").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"train\.py is there already"):
        planting.check(tmp_path, FILES)


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "a").write_text("mine")
    with pytest.raises(InputError, match="is no folder"):
        planting.check(tmp_path / "a", FILES)
    with pytest.raises(InputError, match="is no folder"):
        planting.check(tmp_path / "a/b", FILES)
    with pytest.raises(BuildError):
        planting.plant(tmp_path / "a/b", FILES)
    assert tree(tmp_path) == {"a": b"mine"}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 60), st.sets(st.sampled_from(["notes.txt", "tests/mine.py", "data/x"])), st.booleans())
def test_a_kill_at_any_moment_leaves_what_the_next_run_completes(tmp_path_factory, moment, theirs, again):
    folder = tmp_path_factory.mktemp("kill") / "project"
    for name in theirs:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")
    before = dict.fromkeys(theirs, b"mine")
    for _ in range(2 if again else 1):
        pid = os.fork()
        if pid == 0:
            count = 0

            def step(event, _):
                nonlocal count
                if event in {"os.link", "open", "os.mkdir", "os.remove", "shutil.rmtree"}:
                    count += 1
                    if count > moment:
                        os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(step)
            try:
                planting.check(folder, FILES)
                planting.plant(folder, FILES)
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
    if plain(folder) != before | FILES or (folder / ".envsetup-starter").exists():
        planting.check(folder, FILES)
        planting.plant(folder, FILES)
    assert plain(folder) == before | FILES


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    link, done = planting._link, []

    def full(source, place):
        if len(done) == 2:
            raise OSError(28, "No space left on device")
        done.append(place)
        link(source, place)

    monkeypatch.setattr(planting, "_link", full)
    with pytest.raises(BuildError, match="cannot be written: No space left on device"):
        planting.plant(tmp_path / "x", FILES)
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_hard_links(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    planting.plant(tmp_path / "x", FILES)
    assert tree(tmp_path / "x") == FILES


@pytest.fixture
def small(box, wheels, wheel_maker):
    """The box with a pytest that the project asks for."""
    more = box.folder / "more"
    wheel_maker.wheel(more, "pytest", "9.0", files={"pytest/__init__.py": "approx = float\n"})
    (more / "x").mkdir()
    box.env["PIP_FIND_LINKS"] = f"{wheels} {more}"
    return box


@pytest.mark.build
def test_create_with_a_project(small):
    # 0.1 + 0.2 is not what this small pytest calls about 0.3: the verification is really asked.
    done = small.create("env", "--framework", "pytorch", "--cpu", "--starter")
    assert done.returncode == 1
    assert "the tools of the starter project does not work" in done.stderr
    assert not (small.folder / "starter").exists()
    done = small.create("env", "--framework", "pytorch", "--cpu", "--starter", "--no-verify")
    assert done.returncode == 0, done.stderr
    folder = small.folder / "starter"
    assert f"begin     cd {folder} && python train.py" in done.stdout
    assert "    . ../env/bin/activate\n" in (folder / "README.md").read_text()
    assert (small.folder / "env/lib").is_dir()
    assert small.litter() == []
    assert not (folder / ".envsetup-starter").exists()
    edited = folder / "train.py"
    edited.write_text("mine\n")
    done = small.create("env", "--framework", "pytorch", "--cpu", "--starter", "--no-verify", "--yes")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "is there already and is left alone" in done.stderr
    assert edited.read_text() == "mine\n"


@pytest.mark.build
def test_the_project_in_the_folder_one_stands_in(small):
    (small.folder / "notes.txt").write_text("mine")
    made = small.json("env $(x)", "--framework", "pytorch", "--cpu", "--starter=.", "--no-verify")
    assert made["starter"] == str(small.folder)
    assert "    . './env $(x)/bin/activate'\n" in (small.folder / "README.md").read_text()
    assert (small.folder / "notes.txt").read_text() == "mine"
    manifest = json.loads((small.folder / "env $(x)/envsetup.json").read_text())
    assert manifest["request"]["extras"] == ["starter"]


@pytest.mark.build
def test_a_dry_run_shows_it_and_writes_nothing(small):
    before = sorted(p.name for p in small.folder.iterdir())
    made = small.json("env", "--framework", "pytorch", "--cpu", "--starter", "p", "--dry-run")
    assert made["steps"][-1] == f"write the starter project: {small.folder / 'p'}"
    assert "Step 6 of 8" in made["files"][str(small.folder / "p" / "train.py")]
    assert made["starter"] == str(small.folder / "p")
    assert sorted(p.name for p in small.folder.iterdir()) == before


@pytest.mark.build
def test_a_lock_without_pytest_gives_a_project_that_says_so(small):
    assert small.create("env", "--framework", "pytorch", "--cpu").returncode == 0
    made = small.json("again", "--lock", "env/requirements.lock", "--starter")
    assert "They need pytest, which the lock does not hold" in (small.folder / "starter/README.md").read_text()
    assert "pytest" not in made["packages"]


@pytest.mark.build
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--framework", "jax", "--starter"], "a project for PyTorch and TensorFlow, not for jax"),
        (["--framework", "pytorch", "--starter", "env"], "where the environment goes"),
        (["--framework", "pytorch", "--starter", "env/deeper"], "where the environment goes"),
        (["--framework", "pytorch", "--starter", "a\nb"], "--starter: "),
        (["--framework", "pytorch", "--starter", "a\u202eb"], "control characters"),
        (["--framework", "pytorch", "--starter", ""], "--starter: "),
    ],
)
def test_what_cannot_be_written_ends_before_anything_is_looked_at(small, args, said):
    done = small.create("env", "--cpu", *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert not (small.folder / "env").exists()


@pytest.mark.build
def test_an_impossible_plan_writes_no_project(small):
    machine = small.folder / "machine.json"
    machine.write_text('{"gpus": [], "os": {"system": "linux"}, "arch": "x86_64"}')
    done = small.create("env", "--framework", "pytorch", "--gpu", "--starter", "--machine", "machine.json")
    assert done.returncode == 1, done.stderr
    assert not (small.folder / "starter").exists()


def test_the_project_is_not_loaded_by_a_create_without_it():
    code = "import envsetup.build.create, sys; print('envsetup.build.starter' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
