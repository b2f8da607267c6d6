"""The command as a user types it."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from envsetup.smoke.payload.cifar_files import TEST, TRAIN

ENVSETUP = [sys.executable, "-m", "envsetup", "smoke"]


def smoke(*arguments, timeout=300, **variables):
    return subprocess.run(
        [*ENVSETUP, *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **variables},
    )


def one_line(done, *parts):
    assert done.returncode == 2
    assert done.stdout == ""
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    for part in parts:
        assert part in last


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--env", "/no/such/folder"], ["/no/such/folder", "does not exist"]),
        (["--framework", "mxnet"], ["mxnet", "accepted: pytorch", "all"]),
        (["--minutes", "5"], ["--minutes", "--level soak"]),
        (["--journal", "/tmp/x"], ["--journal", "--level soak"]),
        (["--level", "soak", "--framework", "all"], ["--level soak", "one --framework"]),
        (["--join"], ["--join", "torchrun"]),
        (["--join", "--check", "data"], ["--join", "--check"]),
        (["--nagios", "--json"], ["--nagios", "--json"]),
        (["--baseline", "/no/such"], ["--baseline /no/such", "No such file"]),
        (["--compare", "/no/such", "/none"], ["--compare /no/such", "No such file"]),
        (["--save-baseline", "--framework", "all"], ["--save-baseline"]),
        (["--html", "/no/such/page"], ["--html /no/such/page", "no folder /no/such"]),
        (["--junit", "/tmp"], ["--junit /tmp", "Is a directory"]),
        (["--device", "tpu"], ["tpu", "cuda"]),
        (["--level", "eternal"], ["eternal", "quick"]),
        (["--check", "golden"], ["golden", "golden-curve"]),
        (["--data", "cifar10"], ["--data-root"]),
        (["--data", "cifar10", "--data-root", "/no/such"], ["/no/such", "data_batch_1"]),
        (["--data-root", "/tmp"], ["--data cifar10"]),
        (["--seed", "-1"], ["-1"]),
    ],
)
def test_bad_input_is_one_line(arguments, parts):
    one_line(smoke(*arguments), *parts)


def test_an_environment_without_the_framework_is_one_line():
    one_line(smoke("--env", sys.prefix), sys.prefix, "has no torch: nothing to prove there")


def test_help_has_examples():
    done = smoke("--help")
    assert done.returncode == 0
    assert "envsetup smoke --env .venv --device cuda" in done.stdout


@pytest.mark.torch
def test_a_cpu_that_was_asked_for_is_proven_and_no_gpu_is_claimed(torch_env, tmp_path):
    junit = tmp_path / "report.xml"
    temp = tmp_path / "temp"
    temp.mkdir()
    done = smoke("--env", torch_env, "--device", "cpu", "--json", "--junit", junit, TMPDIR=str(temp))
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["schema"], report["verdict"], report["device"]) == ("envsetup.smoke/1", "pass", "cpu")
    assert "GPU acceleration was not verified" in report["headline"]
    statuses = {check["id"]: check["status"] for check in report["checks"]}
    assert {check for check, status in statuses.items() if status == "SKIP"} == {
        "devices",
        "transfer",
        "busy",
        "counters",
    }
    assert set(statuses.values()) == {"PASS", "SKIP"}
    learning = next(check for check in report["checks"] if check["id"] == "learning")
    assert learning["evidence"]["parameters"] == 545098
    assert len(learning["evidence"]["losses"]) >= 150
    golden = next(check for check in report["checks"] if check["id"] == "golden-curve")["metrics"]["max_deviation"]
    assert golden["limit"] == 1e-5
    assert golden["limit_source"]
    assert "training 150/" in done.stderr
    suite = ET.parse(junit).getroot()
    assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("0", "0", "4")
    assert not list(temp.iterdir())


@pytest.mark.torch
def test_a_run_is_saved_held_against_compared_and_told_to_a_monitor(torch_env, tmp_path):
    saved, page = tmp_path / "saved.json", tmp_path / "page.html"
    asked = ["--env", torch_env, "--device", "cpu", "--level", "standard", "--check", "memory", "-q"]
    first = smoke(*asked, "--save-baseline", saved)
    assert first.returncode == 0, first.stderr
    second = smoke(*asked, "--baseline", saved, "--nagios", "--html", page)
    assert second.returncode in (0, 1), second.stdout  # a busy machine may be slower: WARNING
    assert second.stdout.startswith(("SMOKE OK - ", "SMOKE WARNING - "))
    assert "'memory.copy_gbps'=" in second.stdout
    assert "saved" in page.read_text()
    beside = smoke("--compare", saved, saved, "--html", page)
    assert beside.returncode == 0
    assert "memory.copy_gbps" in beside.stdout
    assert "1.00 x" in page.read_text()


def test_a_monitor_hears_of_bad_input_too():
    done = smoke("--nagios", "--env", "/no/such")
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.startswith("SMOKE UNKNOWN - --env /no/such")


@pytest.mark.torch
def test_a_cpu_that_was_not_asked_for_is_not_certified(torch_env):
    done = smoke("--env", torch_env, "--check", "golden-curve", "-q", CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 3
    assert done.stdout.startswith("NOT VERIFIED")
    assert "GPU acceleration was not verified" in done.stdout
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


@pytest.mark.torch
def test_a_gpu_that_is_asked_for_where_none_is_stays_unproven(torch_env, tmp_path):
    saved = tmp_path / "saved.json"
    done = smoke("--env", torch_env, "--device", "cuda", "--json", "--save-baseline", saved, CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 3
    assert "no baseline saved: the verdict is not-verified" in done.stderr
    assert not saved.exists()
    report = json.loads(done.stdout)
    statuses = {check["id"]: check["status"] for check in report["checks"]}
    assert report["verdict"] == "not-verified"
    assert statuses["devices"] == "SKIP"
    assert statuses["learning"] == "SKIP"
    assert "CUDA" in report["headline"] or "cuda" in report["headline"]


@pytest.mark.torch
def test_it_works_from_a_path_with_spaces_without_a_home_and_in_ascii(torch_env, tmp_path):
    folder = tmp_path / "a 'b' ü"
    folder.mkdir()
    variables = {"TMPDIR": str(folder), "HOME": "/nonexistent", "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = smoke("--env", torch_env, "--device", "cpu", "--check", "6", "--check", "data", **variables)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert "golden-curve" in done.stdout


@pytest.mark.torch
def test_interrupted_it_leaves_nothing(torch_env, tmp_path):
    process = subprocess.Popen(
        [*ENVSETUP, "--env", str(torch_env), "--device", "cpu"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        text=True,
    )
    while not list(tmp_path.glob("envsetup-smoke-*/journal")):
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted" in stderr
    assert not list(tmp_path.iterdir())


def batch(images=600, labels=600, key=b"data"):
    """A file in CIFAR-10's layout; the array of bytes is pickled as lists, which any reader accepts."""
    return pickle.dumps(
        {
            key: [[(i * 7 + j) % 256 for j in range(3072)] for i in range(images)],
            b"labels": [i % 10 for i in range(labels)],
        },
        2,
    )


@pytest.fixture
def cifar(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    good = batch()
    for name in (*TRAIN, *TEST):
        (folder / name).write_bytes(good)
    return folder


@pytest.mark.torch
def test_cifar_is_read_and_strange_bytes_are_said(torch_env, cifar):
    done = smoke(
        "--env",
        torch_env,
        "--device",
        "cpu",
        "--check",
        "data",
        "--data",
        "cifar10",
        "--data-root",
        cifar.parent,
        "--json",
    )
    assert done.returncode == 0, done.stderr
    data = next(check for check in json.loads(done.stdout)["checks"] if check["id"] == "data")
    assert data["status"] == "WARN"
    assert data["evidence"]["images"] == {"train": 2500, "validation": 500, "test": 600}
    assert data["metrics"]["digests_wrong"]["value"] == 6


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/envsetup-was-here",)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a CIFAR-10 batch"),
        (batch()[:100000], "not a CIFAR-10 batch"),
        (batch(key=b"pictures"), "not a CIFAR-10 batch"),
        (batch(labels=7), "600 images and 7 labels"),
        (pickle.dumps(Evil()), "which CIFAR-10 does not need"),
    ],
    ids=["empty", "cut", "another key", "few labels", "a call"],
)
def test_a_bad_batch_is_named_and_never_run(torch_env, cifar, content, says):
    (cifar / "data_batch_3").write_bytes(content)
    done = smoke(
        "--env", torch_env, "--device", "cpu", "--check", "data", "--data", "cifar10", "--data-root", cifar.parent
    )
    one_line(done, str(cifar / "data_batch_3"), says)
    assert not Path("/tmp/envsetup-was-here").exists()
