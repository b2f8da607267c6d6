"""The smoke test on many hosts: which host fails, and which is slower than its peers."""

from __future__ import annotations

import json
import random

import pytest
from fleet_lab import Lab, missing
from fleet_samples import encoded

from envsetup.fleet.measures import measures_of, slow
from envsetup.fleet.merge import Merge, exit_code
from envsetup.fleet.reading import read
from envsetup.model.proof import Metric, SmokeCheck, SmokeReport

WHY_NOT = missing()


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


@pytest.mark.fleet
@pytest.mark.torch
@pytest.mark.build
@pytest.mark.xdist_group("fleet")
@pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))
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
