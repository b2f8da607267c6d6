"""The stage and the swap, step by step: what a killed process leaves is undone by the next."""

from __future__ import annotations

import os

import pytest

from envsetup.build import swap
from envsetup.build.stage import Stage, check_target, target_path
from envsetup.model.errors import BuildError, InputError


def fill(folder, text):
    folder.mkdir()
    (folder / "envsetup.json").write_text(text)


def test_a_new_environment_is_moved_and_the_stage_goes(tmp_path):
    target = tmp_path / "a" / "b" / "env"
    with Stage(target) as stage:
        fill(stage.env, "new")
        assert not target.exists()
        stage.place()
    assert (target / "envsetup.json").read_text() == "new"
    assert [p.name for p in target.parent.iterdir()] == ["env"]


def test_a_failure_leaves_nothing_not_even_the_parents_it_made(tmp_path):
    def half():
        with Stage(tmp_path / "a" / "b" / "env") as stage:
            fill(stage.env, "half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("atomic", [True, False])
def test_the_old_one_is_there_until_the_new_one_is(tmp_path, monkeypatch, atomic):
    target = tmp_path / "env"
    fill(target, "old")
    if not atomic:
        monkeypatch.setattr(swap, "exchange", lambda *_: False)
    with Stage(target) as stage:
        fill(stage.env, "new")
        stage.place()
    assert (target / "envsetup.json").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["env"]


def test_the_exchange_is_one_step_on_this_file_system(tmp_path):
    for name in ("one", "two"):
        fill(tmp_path / name, name)
    assert swap.exchange(tmp_path / "one", tmp_path / "two")
    assert (tmp_path / "one" / "envsetup.json").read_text() == "two"
    assert not swap.exchange(tmp_path / "one", tmp_path / "missing")


def test_half_a_swap_is_undone(tmp_path):
    """As a process leaves it that was killed between two renames where there is no exchange."""
    target = tmp_path / "env"
    stage = Stage(target)
    stage.folder.mkdir()
    fill(stage.folder / "old", "old")
    fill(stage.env, "new but never placed")
    with Stage(target):
        assert (target / "envsetup.json").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["env"]


def test_a_failing_second_rename_puts_the_old_one_back(tmp_path, monkeypatch):
    target = tmp_path / "env"
    fill(target, "old")
    monkeypatch.setattr(swap, "exchange", lambda *_: False)
    with pytest.raises(BuildError), Stage(target) as stage:
        stage.place()  # there is no new one
    assert (target / "envsetup.json").read_text() == "old"


def test_litter_of_a_dead_process_goes_and_that_of_a_living_one_stays(tmp_path):
    target = tmp_path / "env"
    dead = Stage(target).folder
    dead.mkdir()
    (dead / "lock").write_text("999999")
    fill(dead / "env", "half")
    with Stage(target) as mine:
        assert not mine.env.exists()
        with pytest.raises(BuildError, match=f"process {os.getpid()}"), Stage(target):
            pass
        assert mine.folder.exists()
    assert list(tmp_path.iterdir()) == []


def test_what_appears_meanwhile_is_not_overwritten(tmp_path):
    target = tmp_path / "env"
    with Stage(target) as stage:
        fill(stage.env, "new")
        target.mkdir()
        (target / "theirs").write_text("x")
        with pytest.raises(InputError):
            stage.place()
    assert [p.name for p in target.iterdir()] == ["theirs"]


def test_targets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert target_path("x") == tmp_path / "x"
    for bad in ("", "a\x00b", "a\x7fb", "a:b", "\udcff"):
        with pytest.raises(InputError):
            target_path(bad)
    assert check_target(tmp_path / "none") is False
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"/file exists and is no folder"):
        check_target(tmp_path / "file" / "below" / "it")
    fill(tmp_path / "ours", "{}")
    assert check_target(tmp_path / "ours") is True
