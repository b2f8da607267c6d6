"""`doctor --fix` on small files: notebook kernels and variables; planned, confirmed, logged, undone, refused."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "doctor"))
from described import LINUX, NVIDIA, machine, torch

from envsetup.build.life.mend import point_kernel
from envsetup.cli.fixes import steps
from envsetup.doctor.examine import examine
from envsetup.model.errors import BuildError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="POSIX owners and shells")


@pytest.fixture
def home(tmp_path):
    """A home with an environment, a kernel in it whose Python is gone, and one of the user's that is dead as well."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True, timeout=120)
    for folder in (tmp_path / "env/share/jupyter/kernels/python3", tmp_path / ".local/share/jupyter/kernels/old"):
        folder.mkdir(parents=True)
        argv = ["/gone/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        (folder / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "mine", "language": "python"}))
    return tmp_path


def setting(home, **more):
    kept = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "XDG_STATE_HOME")}
    return {**kept, "HOME": str(home), **more}


def doctor(home, *args, **more):
    return subprocess.run(
        [sys.executable, "-m", "envsetup", "doctor", "--env", home / "env", *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=setting(home, **more),
        stdin=subprocess.DEVNULL,
    )


def program(home, kernel="env/share/jupyter/kernels/python3/kernel.json"):
    return json.loads((home / kernel).read_text())["argv"][0]


def undo_log(home):
    return [json.loads(line) for line in (home / ".local/state/envsetup/undo.jsonl").read_text().splitlines()]


def everything(home):
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_off_a_terminal_nothing_is_done_without_yes(home):
    before = everything(home)
    done = doctor(home, "--fix")
    assert "have the kernel python3 start" in done.stderr
    assert "set the kernel old aside" in done.stderr
    assert "nothing was changed: confirm on a terminal, or give --yes" in done.stderr
    assert everything(home) == before


def test_kernels_are_mended_and_the_log_takes_each_back(home):
    before = everything(home)
    done = doctor(home, "--fix", "--yes")
    assert done.returncode in (0, 3), done.stderr
    assert program(home) == str(home / "env/bin/python")
    assert not (home / ".local/share/jupyter/kernels/old/kernel.json").exists()
    entries = undo_log(home)
    assert len(entries) == 2
    for entry in reversed(entries):
        assert entry["undo"] in done.stderr
        assert subprocess.run(entry["undo"], shell=True, check=False, timeout=30).returncode == 0
    assert {name: data for name, data in everything(home).items() if not name.endswith("undo.jsonl")} == before


def activated(home):
    shell = f"export CUDA_LAUNCH_BLOCKING=1; . {home}/env/bin/activate; echo [$CUDA_LAUNCH_BLOCKING]"
    return subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True, timeout=30).stdout.strip()


def test_a_variable_is_set_right_at_each_activation_and_back_again(home, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(home / ".local/state"))
    bad = {"env": {"CUDA_LAUNCH_BLOCKING": "1"}}
    facts = machine(LINUX, NVIDIA, bad, torch("2.14.1", "cu130", path=str(home / "env")))
    (step,) = [step for step in steps(examine(facts).findings, facts) if "cuda-launch-blocking-set" in step.codes]
    assert step.text.startswith("unset CUDA_LAUNCH_BLOCKING at each activation")
    assert activated(home) == "[1]"
    said = step.take(None)
    assert activated(home) == "[]"
    (entry,) = undo_log(home)
    assert entry["undo"] in said[1]
    subprocess.run(entry["undo"], shell=True, check=True, timeout=30)
    assert activated(home) == "[1]"


def test_a_conda_environment_gets_a_script_of_its_own(home, monkeypatch):
    """conda sources every script of etc/conda/activate.d when an environment is activated."""
    monkeypatch.setenv("XDG_STATE_HOME", str(home / ".local/state"))
    prefix = home / "conda env"
    (prefix / "conda-meta").mkdir(parents=True)
    bad = {"env": {"CUDA_LAUNCH_BLOCKING": "1"}}
    facts = machine(LINUX, NVIDIA, bad, torch("2.14.1", "cu130", kind="conda", path=str(prefix)))
    (step,) = [step for step in steps(examine(facts).findings, facts) if "cuda-launch-blocking-set" in step.codes]
    scripts = prefix / "etc/conda/activate.d"

    def activated():
        shell = 'export CUDA_LAUNCH_BLOCKING=1; for s in "$1"/*.sh; do [ ! -e "$s" ] || . "$s"; done; '
        shell += "echo [$CUDA_LAUNCH_BLOCKING]"
        command = ["sh", "-c", shell, "sh", scripts]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()

    assert activated() == "[1]"
    step.take(None)
    assert activated() == "[]"
    (entry,) = undo_log(home)
    subprocess.run(entry["undo"], shell=True, check=True, timeout=30)
    assert activated() == "[1]"
    assert list(scripts.iterdir()) == []


def test_after_it_nothing_is_left_to_do(home):
    doctor(home, "--fix", "--yes")
    again = doctor(home, "--fix", "--yes")
    assert "jupyter-kernel" not in again.stderr
    assert len(undo_log(home)) == 2


def test_a_kernel_of_another_environment_is_brought_back(home):
    kernel = home / "env/share/jupyter/kernels/python3/kernel.json"
    kernel.write_text(json.dumps({"argv": [sys.executable, "-m", "ipykernel_launcher"]}))
    done = doctor(home, "--fix", "--yes")
    assert "jupyter-kernel-other-env" in done.stderr
    assert program(home) == str(home / "env/bin/python")


def test_on_a_terminal_each_step_is_asked_for(home):
    answers = {"do step 1?": "y\n", "do step 2?": "n\n"}
    parent, child = pty.openpty()
    argv = [sys.executable, "-m", "envsetup", "doctor", "--env", str(home / "env"), "--fix"]
    process = subprocess.Popen(argv, stdin=child, stdout=child, stderr=child, env=setting(home), close_fds=True)
    os.close(child)
    said, end = "", time.monotonic() + 90
    while time.monotonic() < end and process.poll() is None:
        if not select.select([parent], [], [], 0.2)[0]:
            continue
        try:
            said += os.read(parent, 4096).decode(errors="replace")
        except OSError:
            break
        for question in [question for question in answers if question in said]:
            os.write(parent, answers.pop(question).encode())
    process.wait(30)
    os.close(parent)
    assert answers == {}
    assert program(home) == str(home / "env/bin/python")
    assert (home / ".local/share/jupyter/kernels/old/kernel.json").exists()


@pytest.mark.parametrize("spoil", ["link", "no log"])
def test_what_is_not_the_users_own_or_cannot_be_undone_is_left_alone(home, spoil):
    kernel = home / "env/share/jupyter/kernels/python3/kernel.json"
    if spoil == "link":
        target = home / "elsewhere.json"
        kernel.rename(target)
        kernel.symlink_to(target)
    else:
        (home / ".local/state").write_text("a file where the folder should be")
    done = doctor(home, "--fix", "--yes")
    assert program(home) == "/gone/bin/python"
    assert "have the kernel python3 start" not in done.stderr or "undo log cannot be written" in done.stderr
    assert spoil != "no log" or done.returncode == 1


@pytest.mark.parametrize("text", ["", "{}", '{"argv": []}', '{"argv": 3}', "[1]"])
def test_what_is_no_kernel_is_refused_untouched(tmp_path, text):
    kernel = tmp_path / "kernel.json"
    kernel.write_text(text)
    with pytest.raises(BuildError, match=r"kernel\.json"):
        point_kernel(kernel, tmp_path)
    assert kernel.read_text() == text
    assert list(tmp_path.iterdir()) == [kernel]


def test_what_needs_root_is_only_printed(home):
    tools = home / "tools"
    tools.mkdir()
    for name in ("sudo", "nvidia-modprobe", "modprobe", "apt"):
        (tools / name).write_text(f"#!/bin/sh\ntouch {home}/ran-{name}\n")
        (tools / name).chmod(0o755)
    doctor(home, "--fix", "--yes", PATH=f"{tools}:{os.environ['PATH']}")
    assert not list(home.glob("ran-*"))
