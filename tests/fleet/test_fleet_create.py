"""`fleet create` on real hosts: real environments with PyTorch from a wheelhouse, made by a canary and by its lock."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from fleet_lab import Lab, missing

WHY_NOT = missing()
pytestmark = [
    pytest.mark.fleet,
    pytest.mark.xdist_group("fleet"),
    pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)),
]


@pytest.fixture(scope="module")
def lab():
    """Three hosts without any network but their own, and a wheelhouse that they all see."""
    with Lab(3) as made:
        argv = [sys.executable, "-m", "pip", "download", "-q", "--only-binary", ":all:", "-d", made.folder / "house"]
        for more in ([], ["--extra-index-url", "https://download.pytorch.org/whl/cpu"]):
            done = subprocess.run([*argv, "torch==2.13.0+cpu", "numpy", *more], check=False, timeout=300)
            if done.returncode == 0:
                yield made
                return
        pytest.skip("no CPU build of PyTorch can be downloaded")


def create(lab, *arguments):
    argv = ["fleet", "create", *arguments, "-i", lab.inventory, "--framework", "pytorch", "--json"]
    return lab.envsetup(*argv, env={"PIP_NO_INDEX": "1"})


def rows(ended):
    assert ended.stdout, ended.stderr
    return {host["host"]: host for host in json.loads(ended.stdout)["hosts"]}


def on(lab, number, *command):
    """Run a command in the mounts of a host."""
    argv = ["nsenter", "-t", str(lab._pid(number)), "-m", *command]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)


def home(lab):
    """What lies in the home folder of the first host, but for Ansible's own folder and caches."""
    return {*on(lab, 1, "ls", "-A", "/root").stdout.split()} - {".ansible", ".cache"}


def test_a_gpu_where_there_is_none_is_refused_on_every_host_and_nothing_is_made(lab):
    ended = create(lab, "--gpu")
    assert ended.returncode == 1, ended.stderr
    assert all(row["reason"].startswith("impossible (device)") for row in rows(ended).values())
    assert home(lab) == set()


def test_a_canary_that_cannot_get_its_packages_stops_the_others(lab):
    (lab.folder / "empty").mkdir()
    ended = create(lab, "--cpu", "--source", lab.folder / "empty")
    found = rows(ended)
    assert [found[host]["outcome"] for host in ("n1", "n2", "n3")] == ["findings", "not-run", "not-run"], ended.stdout
    assert found["n2"]["reason"].startswith("its canary n1 failed: ")
    assert ended.returncode == 4
    assert home(lab) == set()


def test_three_hosts_get_the_same_environment_from_a_wheelhouse(lab, tmp_path):
    ended = create(lab, "--cpu", "--source", lab.folder / "house", "-o", tmp_path / "run")
    found = rows(ended)
    assert {row["outcome"] for row in found.values()} == {"ok"}, ended.stdout
    assert ended.returncode == 0
    report = json.loads(ended.stdout)
    assert [(plan["hosts"], plan["canary"], plan["plan"]) for plan in report["plans"]] == [
        ("n[1-3]", "n1", "PyTorch 2.13.0+cpu")
    ]
    assert {row["report"]["lock"] for row in found.values()} == {report["plans"][0]["lock"]}
    assert [row["report"].get("locked") is not None for row in found.values()] == [True, False, False]
    code = "import torch; print(torch.__version__, torch.ones(3).sum().item())"
    for number in (1, 2, 3):
        used = on(lab, number, "/root/.venv/bin/python", "-c", code)
        assert used.stdout == "2.13.0+cpu 3.0\n", used.stderr
        assert on(lab, number, "sh", "-c", "ls -A /tmp | grep envsetup").stdout == ""
    made = [json.loads(line)["host"] for line in (tmp_path / "run/hosts.jsonl").read_text().splitlines()]
    assert (made[0], sorted(made)) == ("n1", ["n1", "n2", "n3"])
    again = create(lab, "--cpu", "--source", lab.folder / "house", "-o", tmp_path / "run", "--resume")
    assert {row["outcome"] for row in rows(again).values()} == {"ok"}
    assert len((tmp_path / "run/hosts.jsonl").read_text().splitlines()) == 3, "what was made is not made again"


def test_hosts_that_share_a_file_system_do_not_make_it_twice(lab):
    """The folder of the lab is seen by all hosts: the canary makes the environment, the others find it."""
    target = lab.folder / "shared env"
    ended = create(lab, target, "--cpu", "--source", lab.folder / "house")
    found = rows(ended)
    assert {row["outcome"] for row in found.values()} == {"ok"}, ended.stdout
    stood = "it stood already with this lock, and verifies"
    assert [row["report"]["verified"] == [stood] for row in found.values()] == [False, True, True]
    next(target.glob("lib/python3*/site-packages/torch/version.py")).write_text("broken = 1\n")
    again = rows(create(lab, target, "--cpu", "--source", lab.folder / "house", "--limit", "n1"))
    assert again["n1"]["outcome"] == "ok"
    assert on(lab, 1, target / "bin/python", "-c", "import torch; print(torch.__version__)").stdout == "2.13.0+cpu\n"
