"""The whole probe on this machine with a scripted NVML in the loader's reach, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = """
import sys
from envsetup.model.codec import to_json
from envsetup.probe.collect import probe
from envsetup.world.live import LiveWorld
sys.stdout.write(to_json(probe(LiveWorld(), timeout=float(sys.argv[1]))))
"""


def probed(environment, *, timeout="5"):
    started = time.monotonic()
    command = [sys.executable, "-c", PROGRAM, timeout]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), time.monotonic() - started


def test_gpus_come_from_nvml(scripted):
    machine, _ = probed(scripted("gpus=2", "name.1=NVIDIA Fake 1080", "value.capability.1=61"))
    assert [gpu["name"] for gpu in machine["gpus"]] == ["NVIDIA Fake 4090", "NVIDIA Fake 1080"]
    assert [gpu["compute_capability"] for gpu in machine["gpus"]] == ["8.9", "6.1"]
    assert machine["driver"]["nvidia"] == "550.54.14"
    assert machine["nvidia"]["cuda_ceiling"] == "12.4"
    assert machine["nvidia"]["nvml"]["status"] == "ok"
    assert machine["nvidia"]["nvml"]["library"].endswith("libnvidia-ml.so.1")


@pytest.mark.build
@pytest.mark.xdist_group("bundle")
def test_the_fleets_bundle_asks_nvml_from_within_its_zip(scripted, bundle):
    environment = {**os.environ, **scripted("name=NVIDIA Fake 4090"), "ENVSETUP_AGENT_PYTHON": sys.executable}
    done = subprocess.run([bundle[0], "doctor"], env=environment, capture_output=True, timeout=60, check=False)
    machine = json.loads(done.stdout)["machine"]
    assert machine["nvidia"]["nvml"]["status"] == "ok", done
    assert [gpu["name"] for gpu in machine["gpus"]] == ["NVIDIA Fake 4090"]


def test_an_nvml_whose_init_never_returns_is_named_within_six_seconds(scripted):
    machine, seconds = probed(scripted("hang=nvmlInitWithFlags"))
    assert seconds < 6
    assert machine["nvidia"]["nvml"]["status"] == "timeout"
    assert "NVML gave no answer" in machine["unknown"]["gpus"]
    assert machine["os"]["system"] == "linux"


def test_a_crash_of_nvml_costs_only_its_facts(scripted):
    machine, _ = probed(scripted("crash=nvmlInitWithFlags"))
    assert machine["nvidia"]["nvml"]["status"] == "crashed"
    assert "memory" in machine


def test_a_mismatch_keeps_its_code(scripted):
    machine, _ = probed(scripted("error.nvmlInitWithFlags=18"))
    assert machine["nvidia"]["nvml"]["code"] == 18


@pytest.fixture
def hanging_smi(tmp_path):
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nsleep 60\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}


def test_an_nvidia_smi_that_never_returns_is_named_within_six_seconds(hanging_smi):
    machine, seconds = probed(hanging_smi)
    if machine["nvidia"].get("nvml", {}).get("status") == "ok":
        pytest.skip("this machine has a real NVML, nvidia-smi is not asked")
    assert seconds < 6
    assert machine["nvidia"]["smi"] == "timeout"


def test_both_hang_and_nvidia_smi_is_not_asked_after_nvml(hanging_smi, scripted):
    machine, seconds = probed({**hanging_smi, **scripted("hang=nvmlInitWithFlags")})
    assert seconds < 6
    assert machine["nvidia"]["nvml"]["status"] == "timeout"
    assert "smi" not in machine["nvidia"]


def test_the_user_is_told_what_is_waited_for(scripted):
    command = [sys.executable, "-m", "envsetup", "probe", "--timeout", "2"]
    environment = {**os.environ, **scripted("hang=nvmlInitWithFlags")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == "waiting for nvidia.nvml\n"
    assert "NVML: timeout" in done.stdout


def test_the_deadline_is_the_callers(scripted):
    _, seconds = probed(scripted("hang=nvmlInitWithFlags"), timeout="1.5")
    assert seconds < 3


def test_ctrl_c_ends_at_once_and_leaves_no_process(tmp_path):
    marker = tmp_path / "pid"
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho $$ > {marker}.new; mv {marker}.new {marker}\nexec sleep 60\n")
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "envsetup", "probe", "--timeout", "30"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        for _ in range(200):
            if marker.exists() or process.poll() is not None:
                break
            time.sleep(0.05)
        if not marker.exists():
            pytest.skip("this machine has a real NVML, nvidia-smi is not asked")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
    assert process.returncode == 130
    assert said.splitlines()[-1].startswith("interrupted")
    assert gone(int(marker.read_text()))


def gone(pid):
    """Whether a process ends within two seconds; one that has ended and that init has not fetched yet counts."""
    for _ in range(40):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False
