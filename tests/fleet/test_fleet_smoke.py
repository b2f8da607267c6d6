"""The smoke test on many hosts: which host fails, and which is slower than its peers."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
from fleet_lab import Lab, missing
from fleet_samples import encoded

from envsetup.fleet import agent
from envsetup.fleet.links import slow_links
from envsetup.fleet.measures import measures_of, slow
from envsetup.fleet.merge import Merge, exit_code
from envsetup.fleet.reading import read
from envsetup.model.proof import Metric, SmokeCheck, SmokeReport

WHY_NOT = missing()
PAIRS = Path(agent.__file__).with_name("pairs.py")


def proof(verdict="pass", *, name=None, status="PASS", rate=100.0, step_ms=5.0, device="NVIDIA H100"):
    check = SmokeCheck(
        id="throughput",
        title="training is fast enough",
        status=status,
        metrics={
            "rate": Metric(value=rate, unit="images/s", limit=10, op=">="),
            "step": Metric(value=step_ms, unit="ms", limit=50, op="<="),
            "steps": Metric(value=150),
            "bad": Metric(value=None, limit=1, op="<=", nonfinite=True),
        },
    )
    return SmokeReport(
        version="0.1.0",
        level="quick",
        device="cuda",
        verdict=verdict,
        headline="PyTorch trains on cuda",
        checks=[check],
        framework={"name": "torch", "version": "2.14.1"},
        host={"device_name": device, **({"name": name} if name else {})},
    )


def named(**hosts):
    return [(o.host, o.fact) for o in slow({host: measures_of(report) for host, report in hosts.items()})]


def many(count):
    rng = random.Random(3)
    return {f"n{i}": proof(rate=rng.gauss(100, 1), step_ms=rng.gauss(5, 0.05)) for i in range(count)}


def test_a_slow_host_is_named_by_each_measure_that_shows_it():
    assert named(**{**many(64), "n7": proof(rate=70.0)}) == [("n7", "smoke.throughput.rate")]
    assert named(**{**many(64), "n7": proof(step_ms=7.0)}) == [("n7", "smoke.throughput.step")]


def test_scatter_and_a_faster_host_are_not_named():
    assert named(**many(200)) == []
    assert named(**{**many(64), "n7": proof(rate=150.0, step_ms=2.0)}) == []


def test_equal_numbers_do_not_make_a_small_difference_an_outlier():
    same = {f"n{i}": proof() for i in range(10)}
    assert named(**{**same, "n3": proof(rate=97.0)}) == []
    assert named(**{**same, "n3": proof(rate=60.0)}) == [("n3", "smoke.throughput.rate")]


def test_other_devices_are_no_peers_and_three_hosts_have_no_norm():
    assert named(**{**many(64), "old": proof(rate=20.0, device="Tesla T4")}) == []
    assert named(a=proof(), b=proof(), c=proof(rate=20.0)) == []


def test_proofs_are_merged_by_the_name_inside_and_failed_checks_are_findings():
    merge = Merge()
    for sent, name in (
        (proof(name="n1"), "file1"),
        (proof("fail", status="FAIL"), "n2"),
        (proof("not-verified"), "n3"),
    ):
        merge.add(read(encoded(sent), name))
    report = merge.report()
    assert {row.host: row.outcome for row in report.hosts} == {"n1": "ok", "n2": "findings", "n3": "findings"}
    assert [(f.code, f.hosts) for f in report.findings] == [("smoke:throughput", "n2")]
    assert report.undecided == ["n3"]
    assert exit_code(report) == 1


def rates(**hosts):
    return [(o.host, o.fact) for o in slow_links(hosts)]


def test_the_host_behind_a_slow_link_is_named_and_not_its_partners():
    measured = {
        "n1": {"n2": 1972.0, "n3": 47.6},
        "n2": {"n1": 1972.0, "n3": 47.8},
        "n3": {"n1": 47.6, "n2": 47.8},
    }
    assert rates(**measured) == [("n3", "link")]


def test_a_pair_that_is_slow_while_both_are_fast_with_others_is_named_as_a_pair():
    fast = {f"n{i}": {f"n{j}": 2000.0 for j in range(1, 5) if j != i} for i in range(1, 5)}
    fast["n1"]["n2"] = fast["n2"]["n1"] = 90.0
    assert rates(**fast) == [("n1", "link to n2"), ("n2", "link to n1")]
    assert rates(n1={"n2": 100.0}, n2={"n1": 100.0}) == []


@pytest.mark.parametrize("size", [2, 3, 4, 7, 16])
def test_every_pair_meets_once_and_nobody_plays_twice_in_a_round(size):
    source = PAIRS.read_text()
    start, end = source.index("def rounds"), source.index("def main")
    space = {}
    exec(source[start:end], space)
    games = space["rounds"](size)
    assert sorted(pair for round_ in games for pair in round_) == list(combinations(range(size), 2))
    for round_ in games:
        players = [player for pair in round_ for player in pair]
        assert len(players) == len(set(players))


real = [
    pytest.mark.fleet,
    pytest.mark.torch,
    pytest.mark.build,
    pytest.mark.xdist_group("fleet"),
    pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)),
]


def marked(function):
    for mark in real:
        function = mark(function)
    return function


def together(lab, bundle, env, seconds):
    arguments = ["-i", lab.inventory, "--bundle", bundle[0], "--env", env, "--together", "--host-timeout", seconds]
    ended = lab.envsetup("fleet", "smoke", *arguments, "--json")
    assert ended.stdout, ended.stderr
    report = json.loads(ended.stdout)
    return report, {host["host"]: host for host in report["hosts"]}


@marked
def test_three_hosts_together_name_the_one_behind_a_slow_link(bundle, torch_env):
    with Lab(3, shared=True) as lab:
        lab.fault(3, "slow")
        report, hosts = together(lab, bundle, torch_env, 60)
    assert {name: host["outcome"] for name, host in hosts.items()} == {"n1": "ok", "n2": "ok", "n3": "ok"}
    assert [(o["host"], o["fact"]) for o in report["outliers"]] == [("n3", "link")]


@marked
def test_the_host_that_does_not_come_is_named_and_the_others_say_so(bundle, torch_env):
    with Lab(3, shared=True) as lab:
        lab.fault(2, "refuse")
        report, hosts = together(lab, bundle, torch_env, 30)
    assert hosts["n2"]["outcome"] == "unreachable"
    for name in ("n1", "n3"):
        assert hosts[name]["outcome"] == "findings"
        assert "not all of 3 hosts met" in hosts[name]["reason"]
    assert [(f["code"], f["hosts"]) for f in report["findings"]] == [("smoke:join", "n[1,3]")]


@marked
def test_real_training_on_each_host(bundle, torch_env):
    with Lab(2, shared=True) as lab:
        arguments = ["fleet", "smoke", "-i", lab.inventory, "--bundle", bundle[0], "--device", "cpu", "--json"]
        ended = lab.envsetup(*arguments, "--env", torch_env, "--check", "learning")
        assert ended.stdout, ended.stderr
        hosts = json.loads(ended.stdout)["hosts"]
        assert [(host["host"], host["outcome"]) for host in hosts] == [("n1", "ok"), ("n2", "ok")]
        assert all(host["report"]["schema"] == "envsetup.smoke/1" for host in hosts)
        statuses = [{c["id"]: c["status"] for c in host["report"]["checks"]}["learning"] for host in hosts]
        assert statuses == ["PASS", "PASS"]
        nothing = lab.envsetup(*arguments, "--env", "/nothing/here", "--limit", "n2")
        [row] = json.loads(nothing.stdout)["hosts"]
        assert (row["outcome"], nothing.returncode) == ("bad-output", 4)
        assert "--env /nothing/here: does not exist" in row["reason"]


@marked
def test_the_pods_of_the_indexed_job_find_each_other_by_its_names(bundle, torch_env, tmp_path):
    """What the manifest runs in each pod, run here: the Job's variables and the service's names are all they get."""
    yaml = pytest.importorskip("yaml")
    where = ("--image", "x", "--image-bundle", bundle[0], "--env", torch_env, "--nodes", "3", "-q")
    argv = [sys.executable, "-m", "envsetup", "fleet", "smoke", "--engine", "kubernetes", "--together", *where]
    manifest = subprocess.run(argv, capture_output=True, check=True).stdout
    _, job = yaml.safe_load_all(manifest)
    [container] = job["spec"]["template"]["spec"]["containers"]
    pods = [f"envsetup-smoke-{index}" for index in range(job["spec"]["completions"])]
    hosts = tmp_path / "hosts"
    hosts.write_text("".join(f"127.0.0.1 {name}\n" for pod in pods for name in (pod, f"{pod}.envsetup-smoke")))
    named = ["unshare", "-m", "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh"]
    running = [
        subprocess.Popen(
            [*named, *container["command"], *container["args"]],
            stdout=subprocess.PIPE,
            env={**os.environ, "JOB_COMPLETION_INDEX": str(index), "ENVSETUP_AGENT_TIMEOUT": "100"},
        )
        for index in range(3)
    ]
    logs = b"".join(process.communicate(timeout=120)[0] for process in running)
    merged = subprocess.run(
        [sys.executable, "-m", "envsetup", "fleet", "merge", "-", "--json", "--expect", ",".join(pods)],
        input=logs,
        capture_output=True,
        check=False,
    )
    rows = {row["host"]: row for row in json.loads(merged.stdout)["hosts"]}
    assert {pod: rows[pod]["outcome"] for pod in rows} == dict.fromkeys(pods, "ok"), logs
    assert "all 3 hosts met" in rows[pods[0]]["reason"]
