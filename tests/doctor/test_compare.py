"""Two machines compared: each kind of change planted, volatile facts left out, the culprit first, the gate shut."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from described import GPU, LINUX, NVIDIA, machine, merged, torch

from envsetup.compat import changes
from envsetup.doctor.compare import compare
from envsetup.doctor.examine import examine
from envsetup.model.codec import to_json

GOOD = [LINUX, NVIDIA, torch(packages={"torch": "2.14.1", "numpy": "2.1.0"})]


def changed(*parts):
    return compare(machine(*GOOD), machine(*GOOD, *parts))[0]


def test_a_machine_does_not_differ_from_itself():
    assert compare(machine(*GOOD), machine(*GOOD)) == ([], [])


@pytest.mark.parametrize(
    ("facts", "fact", "effect"),
    [
        ({"driver": {"nvidia": "550.54.14"}}, "driver.nvidia", "likely"),
        ({"gpus": []}, "gpus.0", "likely"),
        ({"gpus": [{**GPU, "name": "NVIDIA T4"}]}, "gpus.0.name", "likely"),
        (torch("2.14.1", "cpu"), "environment.frameworks.torch.variant", "likely"),
        ({"env": {"LD_LIBRARY_PATH": "/opt/cuda/lib"}}, "env.LD_LIBRARY_PATH", "likely"),
        ({"env": {"NCCL_DEBUG": "INFO"}}, "env.NCCL_DEBUG", "possible"),
        ({"os": {"kernel": "6.11.0"}}, "os.kernel", "possible"),
        ({"environment": {"packages": {"rich": "14.0"}}}, "environment.packages.rich", "unlikely"),
        ({"nvidia": {"nvml": {"status": "timeout"}}}, "nvidia.nvml.status", "likely"),
    ],
)
def test_a_change_is_named_with_its_weight(facts, fact, effect):
    assert (fact, effect) in [(change.fact, change.effect) for change in changed(facts)]


@pytest.mark.parametrize(
    "facts",
    [
        {"gpus": [{**GPU, "temperature_c": 80, "memory_used_mib": 5, "utilization_pct": 99}]},
        {"memory": {"available_mib": 1}},
        {"recorded": "2026-11-24T00:00:00Z"},
        {"nvidia": {"nvml": {"ms": 4000}}},
        {"unknown": {"kernel_events": "denied"}},
    ],
)
def test_what_changes_by_the_minute_is_no_change(facts):
    assert changed(facts) == []


def test_consequences_of_a_change_are_folded_into_it():
    nvidia = {"module_version": "550.1", "library_version": "550.1", "library_versions": ["550.1"]}
    assert [change.fact for change in changed({"driver": {"nvidia": "550.1"}, "nvidia": nvidia})] == ["driver.nvidia"]


def test_what_nobody_could_see_is_unknown_and_no_difference():
    blind = {key: value for key, value in merged(*GOOD).items() if key != "gpus"}
    found, unknown = compare(machine(*GOOD), machine(blind))
    assert found == []
    assert "gpus.0.name" in unknown or "gpus.0.compute_capability" in unknown


def test_the_change_that_a_new_finding_speaks_of_comes_first():
    now = machine(*GOOD, torch("2.14.1", "cpu"), {"env": {"NCCL_DEBUG": "INFO"}, "driver": {"nvidia": "580.105.08"}})
    new = [finding for finding in examine(now).findings if finding.severity != "info"]
    first = compare(machine(*GOOD), now, new)[0][0]
    assert first.fact == "environment.frameworks.torch.variant"
    assert "cpu-wheel-on-gpu-machine" in first.findings


def test_every_row_of_the_table_is_reachable_and_cites_its_source():
    table = changes.table()
    assert all(table.cite(row.source) for row in table.rows)
    assert table.rows[-1].fact == "*"


def run(*args):
    return subprocess.run(
        [sys.executable, "-m", "envsetup", *args], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def files(tmp_path):
    def write(name, *parts):
        (tmp_path / name).write_text(to_json(machine(*parts)))
        return str(tmp_path / name)

    return write


def test_diff_tells_the_culprit_and_exits_1(files):
    good = files("good.json", *GOOD)
    bad = files("bad.json", *GOOD, torch("2.14.1", "cpu"))
    done = run("probe", "--diff", good, bad)
    assert done.returncode == 1
    assert "most likely culprit: environment.frameworks.torch.variant: cu130 -> cpu" in done.stdout
    document = json.loads(run("probe", "--diff", good, bad, "--json").stdout)
    assert document["schema"] == "envsetup.diff/1"
    assert "cpu-wheel-on-gpu-machine" in document["new_findings"]
    assert run("probe", "--diff", good, good).returncode == 0
    assert run("probe", "--diff", good, "/nowhere.json").returncode == 2


def test_expect_is_a_gate(files):
    good = files("good.json", *GOOD)
    same = run("doctor", "--from", good, "--expect", good, "--json")
    assert same.returncode == 0
    assert json.loads(same.stdout)["verdict"]["status"] == "ready"
    other = files("other.json", *GOOD, {"driver": {"nvidia": "580.105.08"}})
    report = json.loads(run("doctor", "--from", other, "--expect", good, "--json").stdout)
    assert report["verdict"]["root_cause"] == "differs-from-expected"
    assert [finding["subject"] for finding in report["findings"]] == ["driver.nvidia"]


def test_a_gate_that_cannot_look_exits_3(files):
    good = files("good.json", *GOOD)
    blind = files("blind.json", {key: value for key, value in merged(*GOOD).items() if key != "gpus"})
    assert run("doctor", "--from", blind, "--expect", good).returncode == 3


def test_a_real_fault_stays_the_root_cause(files):
    good = files("good.json", *GOOD)
    bad = files("bad.json", *GOOD, torch("2.14.1", "cpu"))
    report = json.loads(run("doctor", "--from", bad, "--expect", good, "--json").stdout)
    assert report["verdict"]["root_cause"] == "cpu-wheel-on-gpu-machine"
