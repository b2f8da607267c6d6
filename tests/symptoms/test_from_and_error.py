from __future__ import annotations

import json

import pytest

from envsetup.cli.inputs import subject
from envsetup.doctor.examine import examine
from envsetup.doctor.symptoms import read_all
from envsetup.model.maybe import UNKNOWN

REPORT = """PyTorch version: 2.3.1+cu121
Is debug build: False
CUDA used to build PyTorch: 12.1
GPU models and configuration: GPU 0: NVIDIA A10
Nvidia driver version: 550.54.15
"""


@pytest.fixture
def files(tmp_path):
    report, error = tmp_path / "env.txt", tmp_path / "error.txt"
    report.write_text("I run it in docker.\n" + REPORT, encoding="utf-8")
    error.write_text("line one\nRuntimeError: Found no NVIDIA driver on your system.\n", encoding="utf-8")
    return str(report), str(error)


def look(source, error):
    return subject(source, error, env=None, timeout=1.0)


def test_words_of_the_report_decide_what_the_error_means(files):
    (hit,) = look(*files).symptoms
    assert (hit.code, hit.source, hit.line) == ("container-no-gpu", files[1], 2)


def test_facts_of_both_make_one_machine(files, tmp_path):
    error = tmp_path / "other.txt"
    error.write_text("NVIDIA A10 with CUDA capability sm_86 is not compatible with the current PyTorch installation.\n")
    looked_at = look(files[0], str(error))
    assert looked_at.machine.driver.nvidia == "550.54.15"
    assert looked_at.machine.gpus[0].compute_capability == "8.6"


def test_lines_are_those_of_their_own_file(tmp_path):
    report = tmp_path / "env.txt"
    report.write_text(REPORT + "\nOSError: [Errno 24] Too many open files\n", encoding="utf-8")
    (hit,) = look(str(report), None).symptoms
    assert (hit.source, hit.line) == (str(report), 7)


def test_a_snapshot_takes_an_error_too(tmp_path, files):
    snapshot = tmp_path / "machine.json"
    snapshot.write_text(json.dumps({"schema": "envsetup.machine/1", "os": {"system": "linux"}}), encoding="utf-8")
    looked_at = look(str(snapshot), files[1])
    assert (looked_at.kind, looked_at.symptoms[0].code) == ("snapshot", "driver-not-installed")


def test_the_surer_of_two_texts_explains_the_vague_one():
    hits = read_all(
        [
            ("no kernel image is available for execution on the device", "report"),
            ("PyTorch no longer supports this GPU because it is too old.", "error"),
        ]
    )
    assert [(hit.code, hit.source) for hit in hits] == [("gpu-arch-too-old-for-wheel", "error")]


@pytest.mark.parametrize(
    "error",
    [
        "AssertionError: Torch not compiled with CUDA enabled",
        "RuntimeError: No CUDA GPUs are available",
        "torch.cuda.is_available() returns False",
    ],
)
def test_a_machine_that_has_no_gpu_decides_what_an_error_means(tmp_path, error):
    """Only where it was looked for: a text that names none says nothing of it."""
    snapshot, told = tmp_path / "machine.json", tmp_path / "error.txt"
    bare = {"schema": "envsetup.machine/1", "os": {"system": "linux"}, "arch": "x86_64", "gpus": [], "pci": []}
    told.write_text(error, encoding="utf-8")
    roots = []
    for facts in (bare, {key: value for key, value in bare.items() if key not in ("gpus", "pci")}):
        snapshot.write_text(json.dumps(facts), encoding="utf-8")
        looked_at = look(str(snapshot), str(told))
        report = examine(looked_at.machine, target=looked_at.kind, symptoms=looked_at.symptoms)
        roots.append(report.verdict.root_cause)
    assert roots[0] == "no-supported-gpu"
    assert roots[1] != "no-supported-gpu"


@pytest.mark.parametrize(
    ("cards", "root"),
    [
        ("a Tesla K80 and two Tesla K40c cards", "gpu-arch-too-old-for-wheel"),
        ("a Tesla K80 and an RTX 3090", "gpu-arch-too-new-for-wheel"),  # which one is not told
        ("an RTX 3090 and an RTX A4000", "gpu-arch-too-new-for-wheel"),
    ],
)
def test_several_named_cards_count_where_all_are_of_one_generation(tmp_path, cards, root):
    told = tmp_path / "issue.txt"
    told.write_text(f"{cards} with PyTorch (1.3.1)\nno kernel image is available for execution", encoding="utf-8")
    looked_at = look(str(told), None)
    report = examine(looked_at.machine, target="text", symptoms=looked_at.symptoms, weak=looked_at.weak)
    assert report.verdict.root_cause == root
    assert (looked_at.machine.gpus is UNKNOWN) == ("K80 and an RTX" in cards)


@pytest.mark.parametrize(
    ("error", "severity"),
    [
        ("RuntimeError: Exporting the operator quantize_per_tensor is not supported.", "info"),
        ("RuntimeError: CUDA is not there", None),
        ("my training is slow", None),
    ],
)
def test_a_warning_of_a_report_is_background_where_the_program_stops_for_another_reason(error, severity):
    report = "UserWarning: CUDA initialization: Found no NVIDIA driver on your system."
    hit = next(hit for hit in read_all([(report, "report"), (error, "error")]) if hit.source == "report")
    assert (hit.code, hit.severity) == ("driver-not-installed", severity)
