from __future__ import annotations

import sys

import pytest

from envsetup.model.errors import InputError
from envsetup.smoke.dataset import data_root
from envsetup.smoke.payload.cifar_files import TEST, TRAIN
from envsetup.smoke.target import first_framework, interpreter


def make(folder, place="bin/python"):
    python = folder / place
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    return str(python)


@pytest.mark.parametrize("place", ["bin/python", "bin/python3", "python.exe", "Scripts/python.exe"])
def test_a_folder_with_a_python(tmp_path, place):
    folder = tmp_path / "a folder with 'quotes' and ümläute"
    python = make(folder, place)
    assert interpreter(str(folder)) == python


def test_a_binary_keeps_its_link(tmp_path):
    python = make(tmp_path)
    assert interpreter(python) == python


def test_the_active_environment_comes_first(tmp_path, monkeypatch):
    venv, conda = make(tmp_path / "venv"), make(tmp_path / "conda")
    make(tmp_path / "here/.venv")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "venv"))
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path / "conda"))
    assert interpreter(None) == venv
    monkeypatch.delenv("VIRTUAL_ENV")
    assert interpreter(None) == conda
    monkeypatch.delenv("CONDA_PREFIX")
    assert interpreter(None) == str(tmp_path / "here/.venv/bin/python")
    (tmp_path / "here/.venv/bin/python").unlink()
    (tmp_path / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert interpreter(None) == str(tmp_path / "python3")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="--env"):
        interpreter(None)


@pytest.mark.parametrize(
    ("make_it", "says"), [("mkdir", "holds no Python"), ("touch", "is not executable"), (None, "does not exist")]
)
def test_what_is_no_environment_is_named(tmp_path, make_it, says):
    path = tmp_path / "thing"
    if make_it:
        getattr(path, make_it)()
    with pytest.raises(InputError, match=says) as caught:
        interpreter(str(path))
    assert str(path) in caught.value.message


def test_cifar_is_looked_for_before_anything_starts(tmp_path):
    assert data_root("generated", None) is None
    with pytest.raises(InputError, match="--data-root DIR"):
        data_root("cifar10", None)
    with pytest.raises(InputError, match="only --data cifar10"):
        data_root("generated", str(tmp_path))
    inner = tmp_path / "cifar-10-batches-py"
    inner.mkdir()
    for name in (*TRAIN, *TEST)[:-1]:
        (inner / name).touch()
    with pytest.raises(InputError, match="has no test_batch"):
        data_root("cifar10", str(tmp_path))
    (inner / "test_batch").touch()
    assert data_root("cifar10", str(tmp_path)) == str(tmp_path)
    assert data_root("cifar10", str(inner)) == str(inner)


@pytest.mark.parametrize(
    ("installed", "first"),
    [([], "pytorch"), (["jax"], "jax"), (["jax", "tensorflow"], "tensorflow"), (["tensorflow", "torch"], "pytorch")],
)
def test_without_a_name_the_framework_that_is_there_is_tested(tmp_path, monkeypatch, installed, first):
    for name in installed:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert first_framework(sys.executable) == first


def test_an_interpreter_that_does_not_start_gets_the_default(tmp_path):
    assert first_framework(str(tmp_path / "python")) == "pytorch"
