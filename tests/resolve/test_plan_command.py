"""`envsetup plan` as users and scripts see it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

KEYS = {
    "schema",
    "status",
    "device",
    "packages",
    "python",
    "reasons",
    "rejected",
    "warnings",
    "alternatives",
    "impossible",
}


def envsetup(*args, cwd=None, **env):
    argv = [sys.executable, "-m", "envsetup", "plan", *args]
    return subprocess.run(
        argv, check=False, capture_output=True, text=True, timeout=60, cwd=cwd, env={**os.environ, **env}
    )


@pytest.fixture
def described(tmp_path):
    def write(**facts):
        whole = {
            "schema": "envsetup.machine/1",
            "os": {"system": "linux"},
            "arch": "x86_64",
            "libc": {"name": "glibc", "version": "2.39"},
            "python": {"version": "3.12"},
            "gpus": [{"vendor": "nvidia", "name": "NVIDIA GeForce RTX 4090", "compute_capability": "8.9"}],
            "driver": {"nvidia": "550.54.14"},
            **facts,
        }
        path = tmp_path / "machine.json"
        path.write_text(json.dumps(whole))
        return str(path)

    return write


def test_json_is_one_document_with_the_contracts_keys(described):
    done = envsetup("--offline", "--json", "--gpu", "--machine", described())
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "envsetup.plan/1"
    assert set(document) >= KEYS
    assert document["packages"][0] == {
        "name": "torch",
        "version": "2.14.1",
        "variant": "cu126",
        "index": "pytorch",
        "extras": [],
        "environment": None,
    }
    assert set(document["reasons"][0]) == {"constraint", "text", "evidence", "table"}
    assert set(document["rejected"][0]) == {"candidate", "constraint", "text"}


def test_impossible_exits_1(described):
    done = envsetup("--offline", "--json", "--gpu", "--machine", described(driver={"nvidia": "440.33"}))
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["status"] == "impossible"
    assert set(document["impossible"]) == {"constraint", "text", "nearest"}


def test_the_screen_has_the_pick_the_reasons_and_the_alternatives(described):
    done = envsetup("--offline", "--machine", described())
    lines = done.stdout.splitlines()
    assert lines[0] == "PyTorch 2.14.1+cu126 for NVIDIA GPU, Python 3.12"
    assert "torch==2.14.1+cu126" in lines[1]
    assert sum(line.startswith("  why") for line in lines) == 3
    assert "\x1b" not in done.stdout
    whole = envsetup("--offline", "-v", "--machine", described()).stdout
    assert "rejected:" in whole
    assert "2.15.0+cu132" in whole
    assert "2026-11-24" in whole
    assert len(envsetup("--offline", "-q", "--machine", described()).stdout.splitlines()) == 3


def test_the_screen_of_an_impossible_plan_says_what_would_change_it(described):
    done = envsetup("--offline", "--gpu", "--machine", described(driver={"nvidia": "440.33"}))
    assert done.returncode == 1
    assert done.stdout.startswith("impossible: PyTorch ")
    assert "nearest:" in done.stdout.splitlines()[1]


def test_what_if_flags_replace_parts_of_the_machine(described):
    argv = ["--offline", "--json", "--gpu", "--machine", described(), "--gpu-name", "RTX 5090", "--driver", "580.95.05"]
    assert json.loads(envsetup(*argv).stdout)["packages"][0]["variant"] == "cu130"
    argv = ["--offline", "--json", "--machine", described(), "--os", "windows", "--driver", "537.13", "--gpu"]
    assert json.loads(envsetup(*argv).stdout)["packages"][0]["variant"] == "cu126"
    argv = ["--offline", "--json", "--machine", described(), "--glibc", "2.17", "--gpu"]
    assert json.loads(envsetup(*argv).stdout)["packages"][0]["version"] == "2.6.0"
    argv = ["--offline", "--json", "--machine", described(), "--arch", "aarch64", "--gpu", "--gpu-name", "GH200"]
    assert json.loads(envsetup(*argv).stdout)["packages"][0]["version"] == "2.14.1"


def test_the_live_machine_is_planned_for():
    done = envsetup("--offline", "--json", "--cpu")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["packages"][0]["variant"] == "cpu"


BAD = [
    (["--framework", "caffe"], "--framework caffe"),
    (["--framework", "pytorch==9.9"], "no PyTorch 9.9"),
    (["--python", "two"], "--python two"),
    (["--machine", "absent.json"], "absent.json"),
    (["--machine", "broken.json"], "broken.json"),
    (["--machine", "wrong.json"], "$.gpus[0].vendor"),
    (["--machine", "."], "Is a directory"),
    (["--driver", "new"], "--driver new"),
    (["--glibc", "x"], "--glibc x"),
    (["--gpu-name", "Voodoo 2"], "Voodoo 2"),
    (["--target", "floppy"], "--target floppy"),
    (["--os", "beos"], "beos"),
    (["--nonsense"], "--nonsense"),
]


@pytest.mark.parametrize(("argv", "said"), BAD, ids=[" ".join(argv) for argv, _ in BAD])
def test_bad_input_is_one_line_and_exit_2(argv, said, tmp_path):
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "wrong.json").write_text('{"gpus": [{"vendor": 3}]}')
    done = envsetup("--offline", *argv, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_help_has_examples():
    done = envsetup("--help")
    assert done.returncode == 0
    assert "Examples:" in done.stdout
    assert "--gpu-name" in done.stdout


def test_a_plan_from_a_file_imports_nothing_of_weight(described):
    argv = [
        sys.executable,
        "-X",
        "importtime",
        "-m",
        "envsetup",
        "plan",
        "--offline",
        "--json",
        "--machine",
        described(),
    ]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    heavy = {"rich", "jinja2", "packaging", "psutil", "pynvml", "urllib.request", "asyncio", "importlib.metadata"}
    assert imported & heavy == set()
    assert "envsetup.resolve.solve" in imported


@pytest.mark.parametrize("source", ["/not/there", "gopher:x", "gopher://x/y", "file:///not/there", "tunaa"])
@pytest.mark.parametrize("more", [[], ["--offline"]])
def test_a_source_that_is_none_is_a_usage_error_also_offline(described, source, more):
    done = envsetup("--cpu", "--machine", described(), "--source", source, *more)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: --source {source}: ")
    assert done.stderr.count("\n") == 1


def test_a_source_that_does_not_answer_is_what_the_headline_names(described, tmp_path):
    """Also where pip has a constraint, which would shut the newest out if anybody had offered it."""
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("torch<2.14\n")
    dead = "http://127.0.0.1:9/simple"
    argv = ["--cpu", "--machine", described(), "--source", dead]
    done = envsetup(*argv, PIP_CONSTRAINT=str(constraints), PIP_CONFIG_FILE=os.devnull)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == (
        f"impossible: PyTorch cannot be looked up: {dead} did not answer: Connection refused"
    )
    assert "constraint" not in done.stdout


def test_a_conda_channel_is_no_place_of_wheels(described):
    done = envsetup("--cpu", "--machine", described(), "--target", "conda", "--source", "conda-forge")
    assert done.returncode == 0, done.stderr
    assert "channel" in done.stdout
    refused = envsetup("--cpu", "--machine", described(), "--target", "conda", "--source", "gopher://x")
    assert refused.returncode == 2


@pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals here")
@pytest.mark.parametrize(
    ("settings", "coloured"), [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"NO_COLOR": "1"}, False)]
)
def test_colour_is_for_terminals_that_show_it(settings, coloured):
    reader, writer = os.openpty()
    env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm", **settings}
    subprocess.run(
        [sys.executable, "-m", "envsetup", "plan", "--offline", "-q"], stdout=writer, env=env, timeout=60, check=True
    )
    os.close(writer)
    assert (b"\x1b[" in os.read(reader, 1 << 16)) is coloured
    os.close(reader)


@pytest.mark.parametrize(("flag", "example"), [("--driver", "550.54.14"), ("--glibc", "2.35")])
def test_a_version_that_is_none_is_refused_with_an_example_of_its_own(flag, example):
    done = envsetup("--offline", flag, "new")
    assert (done.returncode, done.stderr) == (2, f"error: {flag} new: expected a version such as {example}\n")


def test_a_source_that_uv_could_not_ask_is_told_with_uvs_reason():
    done = envsetup("--source", "pypi", UV_CACHE_DIR="/dev/null/uv")
    assert done.returncode == 1
    assert "uv did not name its default index" in done.stdout
    assert "cache" in done.stdout
