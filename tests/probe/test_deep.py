"""`--deep`, with real interpreters and frameworks broken on purpose: every way to end is told as what it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import broken_frameworks as broken
import pytest

from envsetup.model.maybe import known
from envsetup.probe.collect import probe
from envsetup.probe.watch import watch
from envsetup.world.live import LiveWorld
from envsetup.world.recorded import RecordedWorld
from envsetup.world.recording import RecordingWorld

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals and /proc")


def doctor(env, *args, **variables):
    done = subprocess.run(
        [sys.executable, "-m", "envsetup", "doctor", "--deep", "--json", "--env", env, *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env={**os.environ, **variables},
    )
    assert done.returncode in (0, 1, 3), done.stderr
    report = json.loads(done.stdout)
    assert not [check for check in report["checks"] if check["status"] == "crashed"]
    return report


def found(report):
    return {finding["code"]: finding for finding in report["findings"]}


@pytest.mark.parametrize(
    ("code", "finding", "word"),
    [
        (broken.RAISES, "torch-import-fails", "libcudnn.so.9"),
        (broken.SEGFAULTS, "torch-import-segfault", "SIGSEGV"),
        (broken.ABORTS, "torch-import-segfault", "SIGABRT"),
        (broken.KILLED, "low-ram", "memory ran out"),
        (broken.EXITS, "torch-import-fails", "SystemExit: 3"),
        ("import torch_extension_that_is_not_there", "torch-import-fails", "ModuleNotFoundError"),
    ],
    ids=["raises", "segfaults", "aborts", "killed", "exits", "module"],
)
def test_an_import_that_ends_badly_is_reported_as_what_it_is(tmp_path, code, finding, word):
    report = doctor(broken.environment(tmp_path / "env", code))
    assert report["verdict"]["status"] == "broken"
    assert word in found(report)[finding]["title"]


def test_an_illegal_instruction_is_the_processor_only_where_it_lacks_avx(tmp_path):
    report = doctor(broken.environment(tmp_path / "env", broken.ILLEGAL))
    flags = known(probe(LiveWorld()).cpu).flags
    expected = "torch-import-segfault" if "avx" in flags else "cpu-no-avx"
    assert expected in found(report)


def test_a_missing_library_is_the_cause_and_the_import_its_consequence(tmp_path):
    report = doctor(broken.environment(tmp_path / "env", broken.RAISES))
    assert report["verdict"]["root_cause"] == "cudnn-missing"
    assert found(report)["torch-import-fails"]["caused_by"] == "cudnn-missing"


@pytest.mark.parametrize(
    ("name", "code"), [("LD_LIBRARY_PATH", "ld-library-path-shadows-cuda"), ("PYTHONPATH", "pythonpath-shadow")]
)
def test_the_variable_to_blame_is_found_by_leaving_it_out(tmp_path, name, code):
    env = broken.environment(tmp_path / "env", broken.WITH_VARIABLE.format(name=name) + broken.computes())
    report = doctor(env, LD_LIBRARY_PATH="/opt/other/lib", PYTHONPATH="/opt/other/python")
    assert report["verdict"]["root_cause"] == code
    finding = found(report)[code]
    assert finding["severity"] == "error"
    assert finding["confidence"] == "certain"
    assert name in finding["title"]
    assert any("worked" in item["value"] and name in item["source"] for item in finding["evidence"])


def test_a_hang_is_ended_at_its_deadline_and_named(tmp_path):
    env = broken.environment(tmp_path / "env", broken.HANGS)
    started = time.monotonic()
    report = doctor(env, "--timeout", "1", LD_LIBRARY_PATH="/opt/other/lib")
    assert time.monotonic() - started < 5
    assert "does not come back while it was imported" in found(report)["torch-import-fails"]["title"]


def test_a_first_cuda_call_that_hangs_is_another_fault_than_a_hanging_import(tmp_path):
    code = broken.computes(is_available="import time; time.sleep(600)")
    report = doctor(broken.environment(tmp_path / "env", code, cuda="'13.0'"), "--timeout", "1")
    assert "cuda-is-available-slow-or-hangs" in found(report)
    assert "torch-import-fails" not in found(report)


def test_a_kernel_that_fails_names_its_gpu(tmp_path):
    code = broken.computes() + (
        "\ncpu = arange\ndef arange(*a, device=None, **k):\n"
        "    if device == 'cuda:0': raise RuntimeError('CUDA error: unspecified launch failure')\n"
        "    return cpu()\n"
    )
    report = doctor(broken.environment(tmp_path / "env", code, cuda="'13.0'"))
    finding = found(report)["gpu-kernel-fails"]
    assert finding["subject"] == "gpu:0"
    assert "RTX 4090" in finding["title"]


def test_what_the_framework_prints_neither_breaks_nor_colours_the_report(tmp_path):
    env = broken.environment(tmp_path / "env", broken.NOISY)
    assert "torch-import-fails" in found(doctor(env))
    done = subprocess.run(
        [sys.executable, "-m", "envsetup", "doctor", "--deep", "--env", env],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "\x1b" not in done.stdout


def test_an_interpreter_that_does_not_start_is_unknown_and_not_fine(tmp_path):
    env = broken.environment(tmp_path / "env", "")
    (env / "bin/python").unlink()
    (env / "bin/python").write_text("not a program")
    (env / "bin/python").chmod(0o755)
    report = doctor(env)
    status = {check["id"]: check["status"] for check in report["checks"]}
    assert status["framework-imports"] == "unknown"


def test_a_recording_replays_what_was_tried(tmp_path):
    env = broken.environment(tmp_path / "env", broken.SEGFAULTS)
    world = RecordingWorld(LiveWorld(), variables=[variable.name for variable in watch().variables])
    live = probe(world, env=str(env), deep=30)
    world.save(str(tmp_path / "recording"), "a test")
    again = probe(RecordedWorld(tmp_path / "recording"), env=str(env), deep=30)
    assert known(again.deep).frameworks[0].trials[0].signal == "SIGSEGV"
    assert known(again.deep).cu_init == known(live.deep).cu_init


def test_two_answers_to_one_request_are_refused(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "envsetup", "doctor", "--deep", "--from", tmp_path / "x"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "--deep" in done.stderr


@pytest.mark.torch
def test_a_real_pytorch_computes(torch_env):
    report = doctor(torch_env)
    assert report["verdict"]["root_cause"] is None
    status = {check["id"]: check["status"] for check in report["checks"]}
    assert status["framework-imports"] == "ok"
    assert status["loaded-libraries"] == "ok"
