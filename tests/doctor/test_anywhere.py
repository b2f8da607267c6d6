"""The doctor where little works: no /proc, no network, no home, any user, no pip, a torch that dies when imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import jail
import pytest

REPORT = "PyTorch version: 2.13.0+cpu\nIs CUDA available: False\nGPU 0: NVIDIA GeForce RTX 4090\nOS: Ubuntu 22.04\n"
NOBODY = 54321  # no entry in any passwd
in_a_jail = pytest.mark.skipif(bool(jail.missing()), reason=jail.missing())
BROKEN = {
    "aborts": "import os; os.abort()",
    "segfaults": "import ctypes; ctypes.string_at(0)",
    "raises": "raise OSError('libcudnn.so.9: cannot open shared object file: No such file or directory')",
    "exits": "raise SystemExit(7)",
    "is no Python": "def (",
}


@in_a_jail
@pytest.mark.parametrize("user", [0, NOBODY], ids=["root", "nobody in passwd"])
def test_in_a_scratch_container_without_proc_network_and_home_it_answers(tmp_path, user):
    done = jail.run(tmp_path, "doctor", "--json", user=user)
    report = json.loads(done.stdout)
    assert done.returncode in (0, 3), done.stderr
    assert report["verdict"]["status"] in ("ready", "unknown", "degraded")
    assert [check for check in report["checks"] if check["status"] == "crashed"] == []
    assert "Traceback" not in done.stderr


@in_a_jail
@pytest.mark.parametrize("user", [0, NOBODY], ids=["root", "nobody in passwd"])
def test_in_a_scratch_container_other_machines_are_diagnosed(tmp_path, user):
    done = jail.run(tmp_path, "doctor", "--from", "-", input=REPORT, user=user)
    assert "cpu-wheel-on-gpu-machine" in done.stdout, done.stderr
    assert done.returncode == 1
    for args in (["explain", "driver-too-old-for-cuda"], ["probe", "--json"], ["doctor", "--markdown"]):
        other = jail.run(tmp_path, *args, user=user)
        assert other.returncode in (0, 3), other.stderr


@in_a_jail
def test_what_cannot_be_written_there_is_one_line(tmp_path):
    done = jail.run(tmp_path, "doctor", "--html", "/python/page.html", user=NOBODY)
    assert done.returncode == 2
    assert done.stderr.startswith("error: --html /python/page.html:")
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture
def env(tmp_path):
    """An environment without pip; `torch` writes a framework into it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True, timeout=120)
    site = next((tmp_path / "env/lib").glob("python3*")) / "site-packages"

    def write(code):
        (site / "torch").mkdir()
        (site / "torch/__init__.py").write_text(code + "\n")
        (site / "torch/version.py").write_text("__version__ = '2.13.0+cpu'\ncuda = None\nhip = None\n")
        info = site / "torch-2.13.0+cpu.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.13.0+cpu\n")
        return tmp_path / "env"

    return write


def doctor(prefix, *args, **how):
    argv = [sys.executable, "-m", "envsetup", "doctor", "--json", "--env", prefix, *args]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120, **how)
    return done, json.loads(done.stdout)


@pytest.mark.parametrize("code", BROKEN.values(), ids=BROKEN)
def test_a_torch_that_cannot_be_imported_is_read_all_the_same(env, code):
    done, report = doctor(env(code))
    assert done.returncode in (0, 3), done.stdout
    assert "PyTorch 2.13.0+cpu" in report["verdict"]["headline"]
    assert "pip" not in json.dumps(report["findings"])


@pytest.mark.parametrize("code", BROKEN.values(), ids=BROKEN)
def test_tried_out_it_is_reported_as_what_it_is(env, code):
    done, report = doctor(env(code), "--deep")
    assert done.returncode == 1
    told = json.dumps(report["findings"])
    expected = {"aborts": "SIGABRT", "segfaults": "SIGSEGV", "raises": "libcudnn.so.9", "exits": "7"}
    name = next(name for name, text in BROKEN.items() if text == code)
    assert expected.get(name, "SyntaxError") in told


def test_a_home_that_is_read_only_or_nowhere_is_no_matter(env, tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o555)
    prefix = env(BROKEN["raises"])
    for place in (home, tmp_path / "nowhere", "/dev/null", ""):
        done, report = doctor(prefix, env=os.environ | {"HOME": str(place)})
        assert done.returncode in (0, 3)
        assert [check for check in report["checks"] if check["status"] == "crashed"] == []
    assert list(home.iterdir()) == []


@in_a_jail
@pytest.mark.parametrize("user", [0, NOBODY], ids=["root", "nobody in passwd"])
def test_a_user_without_a_home_gets_a_plan(tmp_path, user):
    done = jail.run(tmp_path, "plan", "--framework", "pytorch", "--offline", user=user)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("PyTorch ")
