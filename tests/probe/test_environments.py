"""Real environments, made here by uv and by venv, whole and damaged; nothing of them is imported."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from envsetup.model.errors import InputError
from envsetup.probe.collect import probe
from envsetup.world.live import LiveWorld

MINOR = f"python{sys.version_info.major}.{sys.version_info.minor}"
VERSION = ".".join(map(str, sys.version_info[:3]))


def environment(path):
    return probe(LiveWorld(), env=str(path)).environment


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """One environment of each maker, in a folder whose name needs quoting."""
    folder = tmp_path_factory.mktemp("it's made é")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, timeout=120)
    uv = Path(sys.executable).parent / "uv"
    subprocess.run([uv, "venv", "-q", "--offline", "--python", sys.executable, folder / "uv"], check=True, timeout=120)
    return folder


@pytest.fixture
def env(tmp_path):
    """An environment to damage."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True, timeout=60)
    return tmp_path / "env"


@pytest.mark.parametrize("maker", ["venv", "uv"])
def test_a_whole_environment_has_no_problems(made, maker):
    found = environment(made / maker)
    assert found.problems == []
    assert (found.kind, found.python.version, found.python.bits) == ("venv", VERSION, 64)
    assert found.site_packages == [f"{made / maker}/lib/{MINOR}/site-packages"]


def test_an_environment_reached_by_a_link_is_whole(made, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(made / "venv")
    assert environment(link).problems == []


def test_pip_of_the_environment_is_found(made):
    found = environment(made / "venv")
    assert found.packages["pip"]
    assert found.installer["pip"] == "pip"


def test_a_copy_that_was_not_told_its_place_was_moved(made, tmp_path):
    shutil.copytree(made / "venv", tmp_path / "copy", symlinks=True)
    problems = environment(tmp_path / "copy").problems
    assert any("bin/activate points to" in problem for problem in problems)
    assert any("starts" in problem and "moved or copied" in problem for problem in problems)


def test_a_base_that_is_gone(env):
    configuration = env / "pyvenv.cfg"
    home = next(line for line in configuration.read_text().splitlines() if line.startswith("home")).split("= ")[1]
    configuration.write_text(configuration.read_text().replace(home, "/nowhere/bin"))
    (env / "bin" / "python").unlink()
    (env / "bin" / "python").symlink_to("/nowhere/bin/python3")
    problems = environment(env).problems
    assert "its base Python is gone: /nowhere/bin (pyvenv.cfg) does not exist" in problems
    assert f"{env}/bin/python is a link to nothing" in problems


def test_packages_of_another_minor_version(env):
    (env / "lib" / MINOR).rename(env / "lib" / "python3.7")
    assert any("its packages are in lib/python3.7" in problem for problem in environment(env).problems)


def test_no_configuration(env):
    (env / "pyvenv.cfg").unlink()
    assert f"{env}/pyvenv.cfg is missing or empty" in environment(env).problems


def test_an_interpreter_that_may_not_be_run(env):
    (env / "bin" / "python").unlink()
    (env / "bin" / "python").write_bytes(b"\x7fELF")
    (env / "bin" / "python").chmod(0o644)
    assert f"{env}/bin/python is not executable" in environment(env).problems


def test_a_folder_without_python(tmp_path):
    (tmp_path / "lib" / MINOR / "site-packages").mkdir(parents=True)
    found = environment(tmp_path)
    assert (found.kind, found.problems) == ("unknown", [f"{tmp_path} holds no Python environment"])


def test_a_folder_that_is_no_environment_is_refused_where_it_was_asked_for(tmp_path):
    (tmp_path / "lib").mkdir()
    with pytest.raises(InputError, match="no Python environment"):
        environment(tmp_path)


def test_the_interpreter_of_the_tests_base():
    base = Path(sys.base_prefix) / "bin" / MINOR
    if not base.exists():
        pytest.skip("the base interpreter stands elsewhere")
    found = environment(base)
    assert found.kind == "system"
    header = Path(sysconfig.get_path("include")) / "patchlevel.h"  # comes with the development files
    assert found.python.version == (VERSION if header.exists() else VERSION.rpartition(".")[0])
    assert found.problems == []


def test_no_code_of_the_environment_runs(env):
    marker = env / "ran"
    site = env / "lib" / MINOR / "site-packages"
    (site / "evil.pth").write_text(f"import pathlib; pathlib.Path({str(marker)!r}).touch()\n")
    (site / "torch").mkdir()
    (site / "torch" / "__init__.py").write_text(f"import pathlib; pathlib.Path({str(marker)!r}).touch()\n")
    (site / "torch" / "version.py").write_text("__version__ = '9.9.9+cu999'\ncuda = '99.9'\nhip = None\n")
    [torch] = environment(env).frameworks
    assert (torch.version, torch.variant, torch.cuda) == ("9.9.9", "cu999", "99.9")
    assert not marker.exists()
