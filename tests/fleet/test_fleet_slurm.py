"""Slurm's own daemons with three nodes on one machine: the doctor on each, and the health check that drains one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from slurm_lab import Cluster, missing

WHY_NOT = missing()
pytestmark = [
    pytest.mark.fleet,
    pytest.mark.xdist_group("fleet"),
    pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)),
]
HAS_GPU = any(Path("/dev").glob("nvidia[0-9]*"))


@pytest.fixture
def cluster():
    with Cluster() as made:
        yield made


def run(cluster, bundle, cwd, *more):
    command = [sys.executable, "-m", "envsetup", "fleet", "doctor", "--engine", "slurm", "--bundle", bundle[0], *more]
    return subprocess.run(command, env=cluster.env, cwd=cwd, capture_output=True, timeout=120, check=False)


def rows(ended):
    assert ended.stdout, ended.stderr
    return {host["host"]: (host["outcome"], host["reason"]) for host in json.loads(ended.stdout)["hosts"]}


def outcomes(ended):
    return {host: outcome for host, (outcome, _) in rows(ended).items()}


def test_every_node_reports_and_nothing_stays(cluster, bundle, tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    cluster.env["TMPDIR"] = str(temporary)
    ended = run(cluster, bundle, tmp_path, "--json")
    assert outcomes(ended) == {"n1": "ok", "n2": "ok", "n3": "ok"}
    assert ended.returncode == 0
    assert list(temporary.iterdir()) == []
    assert cluster.call("squeue", "--noheader") == ""


def test_a_dead_node_is_named_and_fails_nobody_else(cluster, bundle, tmp_path):
    cluster.kill("n2")  # slurmctld still calls it idle
    ended = run(cluster, bundle, tmp_path, "--json")
    assert outcomes(ended) == {"n1": "ok", "n2": "unreachable", "n3": "ok"}
    assert ended.returncode == 4


def test_slurms_own_states_are_the_reason(cluster, bundle, tmp_path):
    cluster.call("scontrol", "update", "nodename=n1", "state=down", "reason=disk smoke")
    cluster.call("scontrol", "update", "nodename=n3", "state=drain", "reason=planned work")
    found = rows(run(cluster, bundle, tmp_path, "--json"))
    assert found["n1"][0] == "unreachable"
    assert "disk smoke" in found["n1"][1]
    assert found["n3"][0] == "not-run"
    assert "planned work" in found["n3"][1]
    assert found["n2"][0] == "ok"


def test_partition_and_limit_are_slurms_own(cluster, bundle, tmp_path):
    assert set(rows(run(cluster, bundle, tmp_path, "--json", "-i", "odd"))) == {"n1", "n3"}
    assert set(rows(run(cluster, bundle, tmp_path, "--json", "--limit", "n[2-3]"))) == {"n2", "n3"}
    ended = run(cluster, bundle, tmp_path, "-i", "nothing")
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert ended.stderr.startswith(b"error: ")


def test_a_python_that_hangs_is_named(cluster, bundle, tmp_path):
    sleeping = tmp_path / "python3"
    sleeping.write_text("#!/bin/sh\nexec sleep 600\n")
    sleeping.chmod(0o755)
    cluster.env["ENVSETUP_AGENT_PYTHON"] = str(sleeping)
    ended = run(cluster, bundle, tmp_path, "--json", "--limit", "n1", "--host-timeout", "5")
    assert outcomes(ended) == {"n1": "timeout"}


def test_without_slurm_it_says_where_to_run(bundle, tmp_path):
    command = [sys.executable, "-m", "envsetup", "fleet", "doctor", "--engine", "slurm", "--bundle", bundle[0]]
    ended = subprocess.run(command, env={**os.environ, "PATH": str(tmp_path)}, capture_output=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr == b"error: --engine slurm: sinfo is not on PATH (run this where jobs are submitted)\n"


def hook(path, bundle, conf, *more):
    where = ["--bundle", bundle[0], "--conf", conf]
    command = [sys.executable, "-m", "envsetup", "fleet", "hook", "slurm", *where, *more]
    text = subprocess.run(command, capture_output=True, check=True).stdout
    path.with_suffix(".new").write_bytes(text)
    path.with_suffix(".new").chmod(0o755)
    path.with_suffix(".new").replace(path)


@pytest.mark.skipif(HAS_GPU, reason="the planted fault is that a GPU is asked for and there is none")
def test_the_health_check_drains_a_node_with_our_reason_and_takes_it_back(bundle, tmp_path):
    script = tmp_path / "envsetup-health.sh"
    with Cluster(f"HealthCheckProgram={script}\nHealthCheckInterval=2") as cluster:
        conf = cluster.folder / "slurm.conf"
        hook(script, bundle, conf)
        time.sleep(3)
        assert cluster.state("n1") == "idle"
        cluster.call("scontrol", "update", "nodename=n3", "state=drain", "reason=planned work")
        hook(script, bundle, conf, "--require", "gpu")
        cluster.wait_for(lambda: cluster.state("n1") == "drained")
        assert cluster.reason("n1").startswith("envsetup: ")
        assert "gpu" in cluster.reason("n1").lower()
        hook(script, bundle, conf)
        cluster.wait_for(lambda: cluster.state("n1") == "idle")
        assert (cluster.state("n3"), cluster.reason("n3")) == ("drained", "planned work")


def test_nodes_get_one_environment_through_srun(cluster, tmp_path):
    """The nodes share this machine's disk: the first makes it, the others find it; a dead one is named."""
    cluster.kill("n2")
    command = [sys.executable, "-m", "envsetup", "fleet", "create", "--engine", "slurm", tmp_path / "env"]
    wanted = ["--framework", "pytorch", "--cpu", "--json"]
    ended = subprocess.run(
        [*command, *wanted], env=cluster.env, cwd=tmp_path, capture_output=True, timeout=400, check=False
    )
    assert outcomes(ended) == {"n1": "ok", "n2": "unreachable", "n3": "ok"}, rows(ended)
    assert ended.returncode == 4
    stood = [
        host["report"]["verified"][0].startswith("it stood already") for host in json.loads(ended.stdout)["hosts"][::2]
    ]
    assert stood == [False, True]
    code = "import torch; print(torch.ones(3).sum().item())"
    used = subprocess.run([tmp_path / "env/bin/python", "-c", code], capture_output=True, text=True, check=True)
    assert used.stdout == "3.0\n"
