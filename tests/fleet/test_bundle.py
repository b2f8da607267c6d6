"""The bundle on hosts without envsetup: it runs the doctor, or says in JSON why it cannot, and leaves no litter."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import msgspec
import pytest

from envsetup.fleet import carried
from envsetup.fleet.agent import launcher
from envsetup.fleet.agent.launcher import platform_tag
from envsetup.fleet.reading import read
from envsetup.model.finding import DoctorReport

pytestmark = [pytest.mark.build, pytest.mark.xdist_group("bundle")]

TOOLS = ("sh", "uname", "tr", "timeout", "sleep")  # what a bare host has
COLD_START_S = 1.0
HEADER = Path(launcher.__file__).with_name("header.sh")
OTHER_PYTHONS = sorted(Path.home().glob(".pyenv/versions/*/bin/python"))


@pytest.fixture
def host(tmp_path):
    """A PATH with nothing but a shell's tools, and a temporary folder of its own; a function that runs there."""
    tools, temporary = tmp_path / "bin", tmp_path / "tmp"
    tools.mkdir()
    temporary.mkdir()
    for tool in TOOLS:
        (tools / tool).symlink_to(shutil.which(tool))

    def run(path, *arguments, python=None, **env):
        if python:
            (tools / "python3").unlink(missing_ok=True)
            if isinstance(python, str):
                (tools / "python3").write_text(python)
                (tools / "python3").chmod(0o755)
            else:
                (tools / "python3").symlink_to(python)
        env = {"PATH": str(tools), "TMPDIR": str(temporary), "HOME": str(tmp_path), **env}
        ended = subprocess.run([path, "doctor", *arguments], env=env, capture_output=True, timeout=60, check=False)
        assert list(temporary.iterdir()) == [], "litter"
        return ended

    return run


def answer(ended):
    assert ended.stdout.count(b"\n") == 1, ended
    return json.loads(ended.stdout)


def test_it_runs_the_doctor_where_there_is_only_a_shell_and_a_python(bundle, host):
    started = time.monotonic()
    ended = host(bundle[0], "--json", python=Path(sys.executable).resolve())
    busy = os.getloadavg()[0] / os.cpu_count()  # the rest of the tests run beside it
    assert time.monotonic() - started < COLD_START_S * max(1.0, busy)
    report = msgspec.json.decode(ended.stdout, type=DoctorReport)
    assert report.host == os.uname().nodename
    assert report.machine.cpu.logical == os.cpu_count()
    assert report.machine.memory.total_mib > 0
    assert ended.returncode in {0, 1, 3}


def test_started_by_a_python_it_ends_as_started_by_the_shell(bundle, host):
    python = Path(sys.executable).resolve()
    by_shell = host(bundle[0], python=python)
    by_python = subprocess.run([python, bundle[0], "doctor"], capture_output=True, timeout=60, check=False)
    assert by_python.returncode == by_shell.returncode
    assert by_python.returncode in {0, 1, 3}


@pytest.mark.parametrize("python", OTHER_PYTHONS, ids=lambda path: path.parts[-3])
def test_every_python_gives_a_report_or_says_that_it_is_too_old(bundle, host, python):
    version = tuple(map(int, python.parts[-3].split(".")[:2]))
    found = answer(host(bundle[0], python=python))
    if version >= (3, 10):
        assert found["schema"] == "envsetup.doctor/1"
        assert found["machine"]["memory"]["total_mib"] > 0
    else:
        assert (found["error"], found["detail"]) == (
            "python-too-old",
            f"python3 is {python.parts[-3]}; 3.10 or newer is needed",
        )


def test_no_python_is_an_answer(bundle, host):
    ended = host(bundle[0])
    assert answer(ended)["error"] == "no-python"
    assert ended.returncode == 3
    assert read(ended.stdout, "n1").row.outcome == "no-python"


def test_a_python_that_hangs_is_an_answer(bundle, host):
    started = time.monotonic()
    ended = host(bundle[0], python="#!/bin/sh\nexec sleep 600\n", ENVSETUP_AGENT_TIMEOUT="1")
    assert time.monotonic() - started < 5
    assert answer(ended)["error"] == "timeout"
    assert read(ended.stdout, "n1").row.outcome == "timeout"


def test_a_python_that_is_no_python_is_passed_over(bundle, host):
    assert answer(host(bundle[0], python="#!/bin/sh\nexit 127\n"))["error"] == "no-python"


def test_a_python_that_crashes_is_an_answer(bundle, host):
    shim = '#!/bin/sh\n[ "$1" = -ESc ] && { echo 3.12.1; exit 0; }\nkill -s SEGV $$\n'
    found = answer(host(bundle[0], python=shim))
    assert (found["error"], found["detail"]) == ("crashed", "python3 3.12.1 cannot run the bundle: exit status 139")


def test_after_a_python_that_crashes_the_next_is_tried(bundle, host, tmp_path):
    (tmp_path / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    found = answer(host(bundle[0], python="#!/bin/sh\nkill -s SEGV $$\n"))
    assert found["schema"] == "envsetup.doctor/1"


def without(bundle, folder, *, drop, add=()):
    """A copy of the bundle without some members, with others."""
    path = folder / "changed.pyz"
    with zipfile.ZipFile(bundle) as old:
        path.write_bytes(bundle.read_bytes()[: min(entry.header_offset for entry in old.infolist())])
        with zipfile.ZipFile(path, "a") as new:
            for name in old.namelist():
                if not name.startswith(drop):
                    new.writestr(name, old.read(name))
            for name, text in add:
                new.writestr(name, text)
    path.chmod(0o755)
    return path


def test_a_platform_that_is_not_carried_is_an_answer(bundle, host, tmp_path):
    found = answer(host(without(bundle[0], tmp_path, drop="native/"), python=Path(sys.executable).resolve()))
    assert found["error"] == "not-carried"
    assert os.uname().machine in found["detail"]


@pytest.mark.parametrize(
    ("code", "detail"),
    [("import os; os.kill(os.getpid(), 11)", "signal 11"), ("raise ValueError('planted')", "ValueError: planted")],
)
def test_a_doctor_that_crashes_is_an_answer(bundle, host, tmp_path, code, detail):
    broken = "site/envsetup/doctor/examine.py"
    found = answer(
        host(without(bundle[0], tmp_path, drop=broken, add=[(broken, code)]), python=Path(sys.executable).resolve())
    )
    assert found["error"] == "crashed"
    assert detail in found["detail"]


@pytest.mark.parametrize("python", [Path(sys.executable).resolve(), *OTHER_PYTHONS], ids=lambda path: path.parts[-3])
def test_this_python_loads_bytecode_and_another_the_source(bundle, host, tmp_path, python):
    source = "site/envsetup/doctor/examine.py"
    path = tmp_path / "changed.pyz"
    with zipfile.ZipFile(bundle[0]) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, "raise ValueError('planted')" if name == source else old.read(name))
    path.write_bytes(HEADER.read_bytes() + path.read_bytes())
    path.chmod(0o755)
    found = answer(host(path, python=python))
    ours = python.samefile(sys.executable)
    if ours:
        assert found["schema"] == "envsetup.doctor/1"
    elif found["error"] != "python-too-old":
        assert found["detail"] == "ValueError: planted"


def test_a_signal_ends_it_without_litter(bundle, tmp_path):
    broken = "site/envsetup/doctor/examine.py"
    path = without(bundle[0], tmp_path, drop=broken, add=[(broken, "import time; time.sleep(600)")])
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    env = {"PATH": os.environ["PATH"], "TMPDIR": str(temporary)}
    process = subprocess.Popen([sys.executable, str(path), "doctor"], env=env, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 10
    while not list(temporary.glob("*/bin/python")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert list(temporary.iterdir()) == []


ELF_MACHINES = {"x86_64": 62, "aarch64": 183}


def test_each_compiled_part_is_for_the_platform_under_whose_name_it_lies(bundle):
    path, said = bundle
    if said["missing"]:
        pytest.skip(f"the package source did not give all: {sorted(said['missing'])}")
    assert len(said["serves"]) == 20
    with zipfile.ZipFile(path) as zipped:
        parts = [name for name in zipped.namelist() if name.startswith("native/")]
        for name in parts:
            _, arch, libc = name.split("/")[1].rsplit("-", 2)
            data = zipped.read(name)
            assert data[:4] == b"\x7fELF"
            assert int.from_bytes(data[18:20], "little") == ELF_MACHINES[arch], name
            assert (b"libc.so.6" in data) == (libc == "glibc"), name
        assert len([name for name in parts if "msgspec" in name]) == 20


def test_two_bundles_of_the_same_parts_are_the_same_bytes(bundle, tmp_path):
    again = tmp_path / "again.pyz"
    subprocess.run([sys.executable, "-m", "envsetup", "fleet", "bundle", "-o", str(again)], check=True, timeout=300)
    assert again.read_bytes() == bundle[0].read_bytes()


def test_without_a_package_source_it_serves_this_platform_and_says_what_it_does_not(tmp_path):
    path = tmp_path / "own.pyz"
    command = [sys.executable, "-m", "envsetup", "fleet", "bundle", "-o", str(path), "--json"]
    env = {**os.environ, "PIP_NO_INDEX": "1", "UV_CACHE_DIR": str(tmp_path / "cache")}
    said = json.loads(subprocess.run(command, env=env, capture_output=True, timeout=300, check=True).stdout)
    assert len(said["serves"]) == 1
    assert len(said["missing"]) == 19
    assert all(said["missing"].values())
    env["ENVSETUP_AGENT_PYTHON"] = sys.executable
    ended = subprocess.run([path, "doctor"], env=env, capture_output=True, timeout=60, check=False)
    assert json.loads(ended.stdout)["schema"] == "envsetup.doctor/1"


def test_a_package_source_that_never_answers_is_not_asked_for_every_platform(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
            monkeypatch.setenv(name, "")
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.getsockname()[1]}/simple")
        monkeypatch.setattr(carried, "FETCH_TIMEOUT", 2.0)
        started = time.monotonic()
        parts = carried.carry()
    assert time.monotonic() - started < 20
    assert len(parts.missing) == 19
    assert "not asked: the package source did not answer" in " ".join(parts.missing.values())
    assert any(path.startswith(f"native/{platform_tag()}/msgspec/") for path in parts.files)


@pytest.mark.parametrize(("asked", "missing"), [([], "jax"), (["--framework", "tensorflow"], "tensorflow")])
def test_smoke_takes_the_framework_that_is_installed_or_the_one_that_is_asked_for(bundle, tmp_path, asked, missing):
    env = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", env], check=True, timeout=60)
    [site] = env.glob("lib/*/site-packages")
    (site / "numpy.py").touch()
    (site / "jax.py").write_text("raise ModuleNotFoundError('planted', name='jax')\n")
    command = [sys.executable, bundle[0], "smoke", "--env", env, "--device", "cpu", *asked]
    ended = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert f"has no {missing}" in answer(ended)["detail"]
