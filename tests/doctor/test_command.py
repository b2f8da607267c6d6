"""The commands as a user types them: JSON contract, exit codes, bad input, speed, hangs."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from described import LINUX, NVIDIA, machine, torch

from envsetup.model.codec import to_json
from envsetup.model.finding import DoctorReport, Evidence, Finding, Remedy

COLLECT_ENV = """Collecting environment information...
PyTorch version: 2.15.0
Is debug build: False
CUDA used to build PyTorch: 13.2
ROCM used to build PyTorch: N/A

OS: Ubuntu 22.04.5 LTS (x86_64)
Libc version: glibc-2.35

Python version: 3.12.3 (main, Oct  1 2026, 10:00:00) [GCC 11.4.0] (64-bit runtime)
Is CUDA available: False
CUDA runtime version: Could not collect
GPU models and configuration: GPU 0: NVIDIA GeForce RTX 3090
Nvidia driver version: 550.54.14

Versions of relevant libraries:
[pip3] numpy==1.26.4
[pip3] torch==2.15.0
"""


def envsetup(*args, stdin="", env=None, timeout=60):
    return subprocess.run(
        [sys.executable, "-m", "envsetup", *args],
        capture_output=True,
        text=True,
        input=stdin,
        timeout=timeout,
        check=False,
        env={**os.environ, **(env or {})},
    )


@pytest.fixture
def snapshot(tmp_path):
    def write(*parts):
        path = tmp_path / "a machine's snäpshot.json"
        path.write_text(to_json(machine(*parts)))
        return str(path)

    return write


def fields(kind):
    return set(kind.__struct_encode_fields__)


def test_json_is_one_document_with_the_contracts_keys(snapshot):
    done = envsetup("doctor", "--json", "--from", snapshot(LINUX, NVIDIA, torch("2.13.0", "cpu")))
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert {"schema", "version", "target", "verdict", "findings", "checks"} <= set(report) <= fields(DoctorReport)
    assert report["schema"] == "envsetup.doctor/1"
    assert report["target"] == {"kind": "snapshot", "env": "/home/u/.venv", "notes": []}
    assert set(report["verdict"]) == {"status", "headline", "root_cause"}
    assert report["verdict"]["root_cause"] == "cpu-wheel-on-gpu-machine"
    for finding in report["findings"]:
        assert set(finding) == fields(Finding)
        assert finding["severity"] in ("critical", "error", "warning", "info")
        assert finding["confidence"] in ("certain", "likely", "possible")
        assert all(set(item) == fields(Evidence) for item in finding["evidence"])
        assert all(set(item) == fields(Remedy) for item in finding["remedies"])
        assert all(item["needs"] in ("none", "user", "root", "reboot", "hardware") for item in finding["remedies"])
    for check in report["checks"]:
        assert set(check) == {"id", "status", "ms", "reason"}
        assert check["status"] in ("ok", "finding", "not-applicable", "unknown", "timeout", "crashed")


def test_exit_codes(snapshot):
    healthy = snapshot(LINUX, NVIDIA, torch())
    assert envsetup("doctor", "-q", "--from", healthy).returncode == 0
    warned = snapshot(LINUX, NVIDIA, torch(), {"memory": {"available_mib": 300}})
    assert envsetup("doctor", "-q", "--from", warned).returncode == 0
    assert envsetup("doctor", "-q", "--fail-on", "warning", "--from", warned).returncode == 1
    unknown = snapshot(LINUX, NVIDIA, torch(), {"nvidia": {"nvml": {"status": "crashed", "error": "signal 11"}}})
    assert envsetup("doctor", "-q", "--from", unknown).returncode == 3
    assert envsetup("doctor", "-q", "--require", "gpu", "--from", snapshot(LINUX)).returncode == 1


def test_a_pasted_report_is_diagnosed(tmp_path):
    path = tmp_path / "env.txt"
    path.write_text(COLLECT_ENV)
    done = envsetup("doctor", "--json", "--from", str(path))
    report = json.loads(done.stdout)
    assert report["target"]["kind"] == "text"
    assert report["verdict"]["root_cause"] == "driver-too-old-for-cuda"
    again = json.loads(envsetup("doctor", "--json", "--from", "-", stdin=COLLECT_ENV).stdout)
    assert again["verdict"] == report["verdict"]


def test_the_error_text_is_weighed_with_the_facts(tmp_path, snapshot):
    error = tmp_path / "error.txt"
    error.write_text(
        "ERROR: Unexpected bus error encountered in worker. This might be caused by insufficient shared memory (shm).\n"
    )
    done = envsetup("doctor", "--json", "--from", snapshot(LINUX, NVIDIA, torch()), "--error", str(error))
    report = json.loads(done.stdout)
    assert report["verdict"]["root_cause"] == "shm-too-small"
    assert any("bus error" in item["value"] for item in report["findings"][0]["evidence"])


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["doctor", "--from", "/no/such/file"], "/no/such/file"),
        (["doctor", "--from", "/"], "/"),
        (["doctor", "--error", "/no/such/file"], "/no/such/file"),
        (["doctor", "--env", "/no/such/env"], "/no/such/env"),
        (["doctor", "--area", "drivers"], "drivers"),
        (["doctor", "--require", "tpu"], "tpu"),
        (["doctor", "--from", "-", "--error", "-"], "stdin"),
        (["explain", "nouveau"], "nouveau-loaded"),
        (["explain", "disk-full", "--error", "-"], "not both"),
    ],
)
def test_bad_usage_is_one_line_that_names_it(args, named):
    done = envsetup(*args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert named in done.stderr


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "nothing in it"),
        (b"\x7fELF\x00\x00\x01", "not a text file"),
        (b'{"schema": "envsetup.machine/1", "gpus": 7}', "$.gpus"),
        (b'{"schema": "envsetup.machine/9", "arch": "x86_64"}', "envsetup.machine/9"),
        (b'{"schema": "envsetup.machine/1", "gpus": [', "truncated"),
    ],
)
def test_an_unreadable_input_is_one_line_with_the_place(tmp_path, content, named):
    path = tmp_path / "in put.json"
    path.write_bytes(content)
    done = envsetup("doctor", "--json", "--from", str(path))
    assert done.returncode == 2
    assert done.stdout == ""
    assert str(path) in done.stderr
    assert named in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_explain(tmp_path):
    listing = envsetup("explain")
    assert listing.returncode == 0
    assert "driver-too-old-for-cuda" in listing.stdout
    page = envsetup("explain", "shm-too-small").stdout
    assert "--shm-size" in page
    assert json.loads(envsetup("explain", "shm-too-small", "--json").stdout)["area"] == "container"
    error = tmp_path / "e.txt"
    error.write_text("RuntimeError: operator torchvision::nms does not exist")
    found = envsetup("explain", "--error", str(error))
    assert found.returncode == 0
    assert "torchvision-torch-mismatch" in found.stdout
    nothing = envsetup("explain", "--error", "-", stdin="all is well")
    assert (nothing.returncode, nothing.stdout) == (3, "")


def test_on_a_pipe_no_colour_and_nothing_heavy_is_imported():
    code = (
        "import sys\nfrom envsetup.cli import ending\nfrom envsetup.cli.main import group\n"
        "ending.run(group, ['doctor'])\n"
        "print([m for m in ('rich', 'jinja2', 'torch', 'tensorflow', 'numpy', 'httpx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "\x1b" not in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="a fake command on PATH")
def test_a_command_that_hangs_is_named_within_six_seconds(tmp_path):
    fake = tmp_path / "nvidia-smi"
    fake.write_text("#!/bin/sh\nsleep 60\n")
    fake.chmod(0o755)
    started = time.monotonic()
    done = envsetup("doctor", "--json", env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    took = time.monotonic() - started
    report = json.loads(done.stdout)
    assert took < 6
    assert report["verdict"]["status"] == "broken"
    assert "nvidia-smi-hangs" in [finding["code"] for finding in report["findings"]]


HANGING_NVML = """#include <unistd.h>
int nvmlInit_v2(void) { for (;;) sleep(60); }
int nvmlInitWithFlags(unsigned flags) { (void)flags; for (;;) sleep(60); }
"""


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler: the hanging library cannot be made")
def test_a_driver_library_that_never_returns_is_named_within_six_seconds(tmp_path):
    source = tmp_path / "nvml.c"
    source.write_text(HANGING_NVML)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "libnvidia-ml.so.1", source], check=True, timeout=60)
    started = time.monotonic()
    done = envsetup("doctor", "--json", env={"LD_LIBRARY_PATH": str(tmp_path)})
    took = time.monotonic() - started
    report = json.loads(done.stdout)
    assert took < 6
    assert report["verdict"] == {
        "status": "broken",
        "headline": "The NVIDIA driver does not answer",
        "root_cause": "nvidia-smi-hangs",
    }


def test_the_answer_costs_little():
    """Processor time, for the wall clock of a busy machine says nothing; the benchmark holds the budget of 0.35 s."""
    costs = []
    for _ in range(4):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        envsetup("doctor", "-q")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(costs) < 0.6


def test_it_works_without_home_and_with_a_read_only_folder(tmp_path):
    folder = tmp_path / "ro dir"
    folder.mkdir()
    folder.chmod(0o555)
    env = {key: value for key, value in os.environ.items() if key not in ("HOME", "USERPROFILE")}
    done = subprocess.run(
        [sys.executable, "-m", "envsetup", "doctor", "--json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**env, "PYTHONPATH": str(Path(__file__).parent.parent.parent)},
        timeout=60,
    )
    assert json.loads(done.stdout)["schema"] == "envsetup.doctor/1", done.stderr
