"""The whole examination: recorded machines, one fault one headline, intent, crashes, and any subset of facts."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from described import AMD, CARD, GPU, LINUX, NVIDIA, environment, gpu, machine, merged, torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envsetup.doctor.catalogue import entries
from envsetup.doctor.causes import EXPLAINS
from envsetup.doctor.check import Check
from envsetup.doctor.checks import CHECKS
from envsetup.doctor.examine import examine
from envsetup.model.machine import Machine, OperatingSystem
from envsetup.model.symptom import SymptomHit
from envsetup.probe.collect import probe
from envsetup.world.recorded import RecordedWorld

MACHINES = Path(__file__).parent.parent / "machines"
FOLDERS = sorted(path.parent for path in MACHINES.glob("*/machine.json"))
HANGING = {"nvidia": {"nvml": {"status": "timeout", "ms": 4700}}}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_recorded_machine_gets_its_verdict(folder):
    expected = json.loads((folder / "expect.json").read_text())
    report = examine(probe(RecordedWorld(folder)))
    assert [check for check in report.checks if check.status == "crashed"] == []
    assert [finding.code for finding in report.findings if finding.severity != "info"] == expected["findings"]
    found = {"status": report.verdict.status, "root_cause": report.verdict.root_cause}
    assert found == expected["verdict"]


@pytest.mark.parametrize("folder", [f for f in FOLDERS if f.name.endswith("healthy")], ids=lambda folder: folder.name)
def test_a_healthy_machine_is_left_in_peace(folder):
    report = examine(probe(RecordedWorld(folder)))
    assert report.verdict.status == "ready"
    assert report.verdict.root_cause is None
    assert [finding.code for finding in report.findings if finding.severity != "info"] == []


# One fault, and everything that follows from it on the same machine.
FAULTS = {
    "driver-too-old-for-cuda": [LINUX, NVIDIA, {"driver": {"nvidia": "450.80.02"}}, torch("2.15.0", "cu132")],
    "nouveau-loaded": [LINUX, {"pci": [{**CARD, "driver": "nouveau"}]}, torch()],
    "driver-not-installed": [LINUX, {"pci": [{**CARD, "driver": None}], "nvidia": {"library_version": None}}, torch()],
    "container-no-gpu": [LINUX, {"pci": [CARD], "container": {"runtime": "docker"}}, torch()],
    "nvidia-smi-hangs": [LINUX, NVIDIA, HANGING, {"gpus": [], "nvidia": {"modules": ["nvidia"]}}, torch()],
    "cpu-wheel-on-gpu-machine": [
        LINUX,
        NVIDIA,
        torch("2.6.0", "cpu", packages={"torch": "2.6.0+cpu", "torchvision": "0.21.0+cu124"}),
    ],
}


@pytest.mark.parametrize("code", FAULTS)
def test_one_fault_one_headline(code):
    report = examine(machine(*FAULTS[code]))
    assert report.verdict.status == "broken"
    assert report.verdict.root_cause == code
    assert report.findings[0].code == code
    faults = [finding for finding in report.findings if finding.severity in ("critical", "error")]
    assert [finding.code for finding in faults if finding.caused_by is None] == [code]


def test_two_faults_are_two_headlines_and_the_deeper_comes_first():
    report = examine(
        machine(
            *[LINUX, NVIDIA, {"driver": {"nvidia": "450.80.02"}}],
            torch("2.15.0", "cu132", packages={"torch": "2.15.0", "numpy": "2.1.0", "tensorflow": "2.10.1"}),
        )
    )
    roots = [finding.code for finding in report.findings if finding.caused_by is None and finding.severity == "error"]
    assert roots == ["driver-too-old-for-cuda", "numpy2-abi-break"]
    assert report.verdict.root_cause == "driver-too-old-for-cuda"


def test_causes_are_known_codes_and_no_cause_explains_itself():
    for cause, effects in EXPLAINS.items():
        assert cause in entries()
        assert set(effects) <= set(entries())
        assert cause not in effects


def test_without_a_wish_no_gpu_is_no_fault_and_with_one_it_is():
    cpu = machine(LINUX, torch("2.13.0", "cpu"))
    assert examine(cpu).verdict.status == "ready"
    asked = examine(cpu, require="gpu")
    assert (asked.verdict.status, asked.verdict.root_cause) == ("broken", "no-supported-gpu")


def test_a_gpu_build_on_a_machine_without_gpu_is_told_and_no_fault():
    report = examine(machine(LINUX, torch("2.13.0", "cu130")))
    assert report.verdict.status == "ready"
    assert [(finding.code, finding.severity) for finding in report.findings] == [("no-supported-gpu", "info")]


def test_who_asks_for_none_is_not_told_of_cpu_builds():
    report = examine(machine(LINUX, NVIDIA, torch("2.13.0", "cpu")), require="none")
    assert (report.verdict.status, report.findings) == ("ready", [])


def test_a_wish_that_nobody_could_look_into_is_undecided():
    for kind in ("live", "snapshot", "text"):
        report = examine(machine(torch("2.13.0", "cu130")), require="gpu", target=kind)
        assert (report.verdict.status, report.verdict.root_cause) == ("unknown", None), kind


def test_a_description_of_a_system_alone_is_no_ready_machine():
    report = examine(Machine(os=OperatingSystem(system="linux")), target="snapshot")
    assert report.verdict.status == "unknown"
    assert "says nothing of a GPU" in report.verdict.headline


def test_a_description_that_says_no_gpu_is_believed():
    facts = {"os": {"system": "linux"}, "arch": "x86_64", "gpus": [], "container": {"runtime": None}}
    report = examine(machine(facts), require="gpu", target="snapshot")
    assert (report.verdict.status, report.verdict.root_cause) == ("broken", "no-supported-gpu")


def test_a_driver_from_before_the_gpu_is_too_old_for_it():
    described = [{"os": {"system": "linux"}, "driver": {"nvidia": "550.54.14"}}]
    described.append({"gpus": [{"vendor": "nvidia", "name": "NVIDIA GeForce RTX 5090", "compute_capability": "12.0"}]})
    report = examine(machine(*described), target="snapshot")
    assert report.verdict.root_cause == "driver-too-old-for-cuda"
    assert "older than the NVIDIA GeForce RTX 5090" in report.verdict.headline


def test_a_described_machine_is_decided_without_a_look_at_nvml():
    described = [{"os": {"system": "linux"}, "driver": {"nvidia": "580.95.05"}, "gpus": [GPU]}]
    assert examine(machine(*described), require="gpu", target="snapshot").verdict.status == "ready"


def test_many_gpus_may_only_be_slow_to_wake():
    bus = {"pci": [{**CARD, "address": f"0000:0{number}:00.0"} for number in range(8)]}
    (finding,) = (f for f in examine(machine(LINUX, NVIDIA, HANGING, bus)).findings if f.code == "nvidia-smi-hangs")
    assert (finding.severity, finding.confidence) == ("error", "likely")
    assert "--timeout" in (finding.remedies[0].command or "")


def test_a_rocm_wish_is_not_met_by_an_nvidia_gpu():
    assert examine(machine(LINUX, NVIDIA, torch()), require="rocm").verdict.status == "broken"
    assert examine(machine(LINUX, AMD, torch("2.13.0", "rocm7.1")), require="rocm").verdict.status == "ready"


def test_a_driver_that_could_not_be_asked_is_unknown_and_not_fine():
    report = examine(machine(LINUX, NVIDIA, {"nvidia": {"nvml": {"status": "crashed", "error": "signal 11"}}}, torch()))
    assert report.verdict.status == "unknown"
    assert "signal 11" in report.verdict.headline


def test_a_broken_check_is_told_and_the_others_go_on():
    def broken(_case):
        raise ZeroDivisionError("division by zero")

    checks = (Check("broken", "os", broken), *CHECKS)
    report = examine(machine(LINUX, NVIDIA, torch("2.13.0", "cpu")), checks=checks)
    assert report.checks[0].status == "crashed"
    assert "ZeroDivisionError" in report.checks[0].reason
    assert report.verdict.root_cause == "cpu-wheel-on-gpu-machine"


def test_areas_restrict_the_checks():
    report = examine(machine(LINUX, NVIDIA, torch("2.13.0", "cpu")), areas=["driver"])
    assert {check.id for check in report.checks} == {check.id for check in CHECKS if check.area == "driver"}
    assert report.findings == []


def hit(code, confidence="likely", **facts):
    return SymptomHit(code=code, confidence=confidence, text="RuntimeError: it failed", line=7, source="log", **facts)


def test_a_message_that_the_facts_show_too_is_evidence_of_that_finding():
    parts = [*gpu(name="NVIDIA GeForce RTX 5090", compute_capability="12.0"), torch("2.6.0", "cu124")]
    symptom = hit("extension-arch-missing", alternatives=["gpu-arch-too-new-for-wheel"])
    report = examine(machine(*parts), symptoms=[symptom])
    assert [finding.code for finding in report.findings] == ["gpu-arch-too-new-for-wheel"]
    assert report.findings[0].confidence == "certain"
    assert any(item.source == "log, line 7" for item in report.findings[0].evidence)


def test_a_message_alone_says_how_sure_it_is_what_else_it_can_be_and_what_to_ask_for():
    symptom = hit("uvm-not-loaded", "possible", alternatives=["uvm-broken-after-suspend"], decides="lsmod")
    report = examine(Machine(), symptoms=[symptom], target="text")
    (finding,) = report.findings
    assert (finding.code, finding.confidence) == ("uvm-not-loaded", "possible")
    assert finding.severity == "warning"  # a text that may mean something else raises no alarm
    assert any("uvm-broken-after-suspend" in item.value for item in finding.evidence)
    assert any("lsmod" in remedy.text for remedy in finding.remedies)


def test_a_suspicion_that_a_live_machine_refutes_yields_to_the_next():
    symptom = hit("cuda-visible-devices-hides", alternatives=["fork-after-cuda-init"])
    live = examine(machine(LINUX, NVIDIA, torch()), symptoms=[symptom])
    assert live.verdict.root_cause is None  # what is left is a fault of the program, told as information
    assert [finding.code for finding in live.findings] == ["fork-after-cuda-init"]
    text = examine(machine(LINUX, NVIDIA, torch()), symptoms=[symptom], target="text")
    assert text.verdict.root_cause == "cuda-visible-devices-hides"  # a text leaves out too much to refute anything


def test_what_the_user_complains_about_comes_before_another_fault():
    parts = [LINUX, NVIDIA, torch("2.13.0", "cpu"), {"memory": {"available_mib": 500}}]
    report = examine(machine(*parts), symptoms=[hit("disk-full")])
    assert report.verdict.root_cause == "disk-full"
    assert {finding.code for finding in report.findings} >= {"cpu-wheel-on-gpu-machine", "disk-full", "low-ram"}


def test_noise_is_named_and_changes_nothing():
    report = examine(machine(LINUX, NVIDIA, torch()), symptoms=[hit("tf-numa-node-noise", "certain")])
    assert report.verdict.status == "ready"
    assert [finding.code for finding in report.findings] == ["tf-numa-node-noise"]


FULL = merged(
    LINUX,
    NVIDIA,
    {"gpus": [{**GPU, "memory_mib": 2048, "processes": [{"pid": 7}], "throttle_reasons": ["hw-thermal"]}]},
    {"env": {"CUDA_VISIBLE_DEVICES": "0,x", "LD_LIBRARY_PATH": "/opt", "OMP_NUM_THREADS": "1", "PYTHONPATH": "/a"}},
    {"kernel_events": [{"kind": "xid", "text": "Xid 79", "code": 79}, {"kind": "oom", "text": "killed"}]},
    torch(
        "2.6.0", "cu124", packages={"torch": "2.6.0", "torchvision": "x", "numpy": "2", "jax": "?", "tensorflow": ""}
    ),
    {"environment": {"requires": {"torch": ["nvidia-x==1", "???"]}, "duplicates": {"a": ["1", "2"]}}},
)


def leaves(value, path=()):
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    else:
        yield path


PATHS = sorted(leaves(FULL))


def without(value, drop, path=()):
    """The facts without the paths in `drop`."""
    if not isinstance(value, dict):
        return value
    kept = {key: without(item, drop, (*path, key)) for key, item in value.items() if (*path, key) not in drop}
    return {key: item for key, item in kept.items() if item != {} or value[key] == {}}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sets(st.sampled_from(PATHS)), st.sampled_from([None, "gpu", "none"]), st.sampled_from(["live", "text"]))
def test_any_subset_of_a_machine_is_examined(drop, require, kind):
    facts = without(FULL, drop)
    facts.get("environment", {}).setdefault("kind", "venv")
    report = examine(msgspec.convert(facts, Machine), require=require, target=kind)
    assert [check for check in report.checks if check.status == "crashed"] == []
    assert report.verdict.headline


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(PATHS), st.text(max_size=12), max_size=6))
def test_odd_text_in_a_fact_crashes_no_check(texts):
    facts = json.loads(json.dumps(FULL))
    for path, text in texts.items():
        place = facts
        for key in path[:-1]:
            place = place[key]
        if isinstance(place.get(path[-1]), str):
            place[path[-1]] = text
    report = examine(msgspec.convert(facts, Machine))
    assert [check for check in report.checks if check.status == "crashed"] == []


def test_an_environment_alone_is_examined():
    report = examine(machine(environment(packages={"torch": "2.2.2", "numpy": "2.1.0"})), target="text")
    assert report.verdict.root_cause == "numpy2-abi-break"
