"""Rates against references and baselines; and the lint of the shipped references."""

from __future__ import annotations

import os
import re

import msgspec
import pytest

from envsetup.model.errors import InputError
from envsetup.model.proof import Metric, SmokeCheck, SmokeReport
from envsetup.smoke import baseline
from envsetup.smoke.catalogue import catalogue
from envsetup.smoke.judge import Measured, judge
from envsetup.smoke.rates import Yardstick, read_report, references
from envsetup.world import files

SPECS = {spec.id: spec for spec in catalogue().checks}
H100 = "NVIDIA H100 80GB HBM3"
RIGHT = {"float32_deviation": 3e-7, "formats_refused": 0}


def report(device="cuda", name=H100, verdict="pass", **rates):
    check = SmokeCheck(
        id="matmul", title="m", status="PASS", metrics={n: Metric(value=v, unit="TFLOPS") for n, v in rates.items()}
    )
    return SmokeReport(
        version="0",
        level="standard",
        device=device,
        verdict=verdict,
        headline="h",
        checks=[check],
        framework={"name": "pytorch"},
        host={"device_name": name},
        started="2026-11-24T00:00:00Z",
    )


def judged(yardstick, device="cuda", **rates):
    spec = yardstick.sharpen(SPECS["matmul"])
    found = judge(spec, Measured(metrics={**RIGHT, **rates}, evidence={"n": 8192}), device=device, data="generated")
    return yardstick.adorn(spec, found)


def stick(name=H100, kind="cuda", earlier=None):
    made = Yardstick((earlier, "saved.json") if earlier else None)
    made.of(name, kind, "pytorch")
    return made


@pytest.mark.parametrize(("tflops", "status"), [(700, "PASS"), (560, "WARN"), (270, "FAIL")])
def test_a_known_device_is_held_against_what_a_healthy_one_reached(tflops, status):
    found = judged(stick(), bfloat16_tflops=tflops)
    metric = found.metrics["bfloat16_tflops"]
    assert found.status == status
    assert (metric.reference, metric.peak, metric.unit) == (794.5, 989, "TFLOPS")
    assert "ml-engineering" in metric.limit_source


def test_a_device_that_nobody_knows_is_held_against_nothing():
    found = judged(stick("NVIDIA RTX 1234"), bfloat16_tflops=0.001)
    assert found.status == "PASS"
    assert found.metrics["bfloat16_tflops"].limit is None


@pytest.mark.parametrize(("tflops", "status"), [(95, "PASS"), (85, "WARN"), (55, "FAIL")])
def test_a_saved_run_is_the_measure_of_a_device_that_nobody_knows(tflops, status):
    earlier = report(name="X", bfloat16_tflops=100.0)
    found = judged(stick("X", earlier=earlier), bfloat16_tflops=tflops)
    assert found.status == status
    assert found.metrics["bfloat16_tflops"].baseline == 100
    assert "saved on 2026-11-24" in found.metrics["bfloat16_tflops"].limit_source


def test_a_slower_host_is_a_warning_and_no_fault():
    earlier = report(device="cpu", name="x86_64", bfloat16_tflops=100.0)
    assert judged(stick("x86_64", "cpu", earlier), "cpu", bfloat16_tflops=1).status == "WARN"


def test_the_baseline_of_another_machine_is_refused():
    with pytest.raises(InputError, match=r"saved\.json: measured with pytorch on X, this is pytorch on NVIDIA H100"):
        stick(earlier=report(name="X"))


def test_a_baseline_that_was_only_found_is_passed_over():
    found = Yardstick((report(name="X", bfloat16_tflops=9e9), "saved.json"), asked=False)
    found.of(H100, "cuda", "pytorch")
    assert judged(found, bfloat16_tflops=700).status == "PASS"


def test_a_baseline_is_saved_and_found_again(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert baseline.load(None, "pytorch", "cuda") is None
    saved = baseline.save(report(bfloat16_tflops=700.0), None)
    assert saved.is_relative_to(tmp_path)
    assert baseline.load(None, "pytorch", "cpu") is None
    assert baseline.load(None, "pytorch", "auto") == baseline.load(None, "pytorch", "cuda")
    again, name = baseline.load(None, "pytorch", "cuda")
    assert again == report(bfloat16_tflops=700.0)
    assert name == str(saved)
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


@pytest.mark.parametrize("verdict", ["fail", "not-verified"])
def test_only_a_pass_is_a_measure(tmp_path, verdict):
    with pytest.raises(InputError, match="only a pass"):
        baseline.save(report(verdict=verdict), tmp_path / "b.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "b.json: Input data was truncated"),
        ("{}", "schema is None"),
        ('{"schema": "envsetup.doctor/1"}', "doctor"),
        ('{"schema": "envsetup.smoke/1"}', "missing required field"),
        ("[]", "Expected `object`"),
        ('{"x": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
    ],
)
def test_what_is_no_report_is_named(tmp_path, text, says):
    path = tmp_path / "b.json"
    path.write_text(text)
    with pytest.raises(InputError, match=re.escape(says)):
        read_report(path, option="--baseline")
    with pytest.raises(InputError, match="No such file"):
        read_report(tmp_path / "none", option="--baseline")


def test_a_pipe_that_nobody_writes_to_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(files.read_bytes, "__defaults__", (0.2,))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="a pipe, and nobody wrote to it"):
        read_report(tmp_path / "pipe", option="--compare")


def test_every_reference_can_fail_and_is_of_a_rate_that_is_measured():
    """A floor in the wrong unit is a thousand times too low: no check could ever fail by it."""
    measured = {f"{spec.id}.{rate}" for spec in catalogue().checks for rate in spec.rates}
    for gpu in references().gpus:
        assert gpu.sources or not gpu.achieved
        assert set(gpu.sources) <= set(references().sources)
        assert set(gpu.achieved) | set(gpu.peak) <= measured
        re.compile(gpu.match)
        for rate, achieved in gpu.achieved.items():
            if rate in gpu.peak:
                assert 0.3 <= achieved / gpu.peak[rate] <= 1.1, (gpu.name, rate)


@pytest.mark.parametrize("family", [("H100", "H200", "GH200"), ("B200", "B300", "GB200", "GB300"), ("A100",)])
def test_siblings_are_alike(family):
    siblings = [gpu for gpu in references().gpus if gpu.name.split()[0] in family]
    for rate in {rate for gpu in siblings for rate in gpu.achieved}:
        values = [gpu.achieved[rate] for gpu in siblings if rate in gpu.achieved]
        assert max(values) / min(values) < 3


@pytest.mark.parametrize(
    ("name", "model"),
    [
        (H100, "H100 SXM 80GB"),
        ("NVIDIA H100 PCIe", None),
        ("NVIDIA H100 NVL", None),
        ("NVIDIA A100-SXM4-80GB", "A100 SXM 80GB"),
        ("NVIDIA A100-SXM4-40GB", None),
        ("Tesla T4", "T4"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA L40S", "L40S"),
        (None, None),
    ],
)
def test_a_model_is_known_by_its_whole_name(name, model):
    found = references().find(name)
    assert (found and found.name) == model


def test_a_mutated_floor_would_be_seen():
    spec = stick().sharpen(SPECS["matmul"])
    gates = [gate for gate in spec.gates if "bfloat16_tflops" in gate.metrics]
    assert sorted(gate.limit for gate in gates) == [794.5 * 0.5, 794.5 * 0.75]
    assert msgspec.structs.replace(spec, gates=[]) != spec
