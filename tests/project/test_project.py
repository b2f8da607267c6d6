"""Projects in real folders: every kind of file with a planted fault, and the same file when it is right."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "doctor"))
from described import GPU, LINUX, NVIDIA, machine, merged

from envsetup.doctor.examine import examine
from envsetup.importers.project import read_project
from envsetup.importers.project.requirements import read_requirements
from envsetup.model.codec import to_json
from envsetup.world.live import LiveWorld

NEW_GPU = {"gpus": [{**GPU, "name": "NVIDIA GeForce RTX 5090", "compute_capability": "12.0"}]}
OLD_DRIVER = {"driver": {"nvidia": "550.54.14"}, "gpus": [GPU]}
PYTHON = {"python": {"version": "3.12.4"}}
SERVICE = "services:\n  train:\n    image: pytorch/pytorch:2.6.0-cuda12.4-cudnn9-runtime\n"
RESERVED = """\
    deploy:
      resources:
        reservations:
          devices:
          - driver: nvidia
            count: all
            capabilities: [gpu]
"""


def notebook(*cells):
    return json.dumps({"cells": [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]})


def project(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return read_project(LiveWorld(), str(folder))


def found(folder, files, *parts):
    report = examine(machine(LINUX, NVIDIA, PYTHON, *parts), project=project(folder, files), target="snapshot")
    crashed = [check for check in report.checks if check.status == "crashed"]
    assert not crashed, crashed
    return {(finding.code, finding.subject.removeprefix("project:")) for finding in report.findings}


# file(s) with the fault, machine, code and place; then the same without the fault.
FAULTS = {
    "wheel against driver": (
        {"requirements.txt": "numpy\ntorch==2.13.0\n"},
        [OLD_DRIVER],
        ("driver-too-old-for-cuda", "requirements.txt:2"),
        {"requirements.txt": "--index-url https://download.pytorch.org/whl/cu126\ntorch==2.13.0\n"},
    ),
    "wheel against GPU": (
        {"pyproject.toml": '[project]\nname = "x"\ndependencies = [\n  "torch==2.6.0",\n]\n'},
        [NEW_GPU],
        ("gpu-arch-too-new-for-wheel", "pyproject.toml:4"),
        {"pyproject.toml": '[project]\nname = "x"\ndependencies = ["torch==2.13.0"]\n'},
    ),
    "CPU wheel": (
        {"requirements.txt": "numpy\ntorch==2.13.0+cpu\n"},
        [],
        ("cpu-wheel-on-gpu-machine", "requirements.txt:2"),
        {"requirements.txt": "torch==2.13.0\n"},
    ),
    "companions": (
        {"requirements.txt": "torch==2.13.0\ntorchvision==0.20.0\n"},
        [],
        ("torchvision-torch-mismatch", "requirements.txt:1"),
        {"requirements.txt": "torch==2.13.0\ntorchvision==0.28.0\n"},
    ),
    "poetry": (
        {"pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.10"\ntorch = "~2.6.0"\n'},
        [NEW_GPU],
        ("gpu-arch-too-new-for-wheel", "pyproject.toml:3"),
        {"pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.10"\ntorch = ">=2.13"\n'},
    ),
    "conda": (
        {"environment.yml": "dependencies:\n  - python=3.12\n  - conda-forge::pytorch=2.6.0\n  - pip:\n    - rich\n"},
        [NEW_GPU],
        ("gpu-arch-too-new-for-wheel", "environment.yml:3"),
        {"environment.yml": "dependencies:\n  - python=3.12\n  - pip:\n    - torch==2.13.0\n"},
    ),
    "Python without wheels": (
        {"environment.yml": "dependencies: # list\n- python=3.14\n- pip:\n  - torch==2.6.0\n"},
        [],
        ("no-matching-wheel", "environment.yml:4"),
        {"environment.yml": "dependencies:\n- python=3.12\n- pip:\n  - torch==2.6.0\n"},
    ),
    "CUDA image against driver": (
        {"Dockerfile": "ARG CUDA=13.0.1\nFROM nvidia/cuda:${CUDA}-devel-ubuntu24.04\nRUN pip install flash-attn\n"},
        [OLD_DRIVER],
        ("container-cuda-requirement", "Dockerfile:2"),
        {"Dockerfile": "FROM nvidia/cuda:12.4.1-devel-ubuntu24.04\nRUN pip install flash-attn\n"},
    ),
    "CUDA image without need": (
        {"Dockerfile": "FROM nvidia/cuda:12.4.1-runtime-ubuntu24.04\nRUN true && \\\n pip install torch==2.13.0\n"},
        [],
        ("cuda-image-unneeded", "Dockerfile:1"),
        {"Dockerfile": "FROM nvidia/cuda:12.4.1-devel-ubuntu24.04\nRUN pip install torch==2.13.0 flash-attn\n"},
    ),
    "musl image": (
        {
            "Dockerfile": "FROM python:3.12-alpine\nCOPY . .\nRUN pip install -r requirements.txt\n",
            "requirements.txt": "torch\n",
        },
        [],
        ("musl-libc", "Dockerfile:1"),
        {"Dockerfile": "FROM python:3.12-slim\nRUN pip install torch\n"},
    ),
    "a release nobody knows": (
        {"requirements.txt": "tensorflow==99.1\n"},
        [],
        ("no-matching-wheel", "requirements.txt:1"),
        {"requirements.txt": "tensorflow==2.19.0\n"},
    ),
    "compose without GPU": (
        {"compose.yaml": SERVICE},
        [],
        ("container-no-gpu", "compose.yaml:2"),
        {"compose.yaml": SERVICE + RESERVED},
    ),
    "dev container without GPU": (
        {".devcontainer/devcontainer.json": '{// dev\n"name": "dev", "image": "tensorflow/tensorflow:2.19.0-gpu",}'},
        [],
        ("container-no-gpu", ".devcontainer/devcontainer.json"),
        {".devcontainer/devcontainer.json": '{"image": "tensorflow/tensorflow:2.19.0-gpu", "runArgs": ["--gpus=all"]}'},
    ),
    "notebook": (
        {"train.ipynb": notebook("%matplotlib inline\nimport torch.nn as nn"), "requirements.txt": "numpy\n"},
        [],
        ("missing-package", "train.ipynb cell 1"),
        {"train.ipynb": notebook("!pip install torch==2.13.0", "from torch import nn")},
    ),
    "unread": (
        {"compose.yaml": "x-gpu: &gpu\n  gpus: all\nservices:\n  train:\n    <<: *gpu\n"},
        [],
        ("project-file-unread", "host"),
        {"compose.yaml": "services:\n  train:\n    image: busybox\n"},
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_at_its_line(tmp_path, name):
    files, parts, expected, _ = FAULTS[name]
    assert expected in found(tmp_path, files, *parts)


@pytest.mark.parametrize("name", FAULTS)
def test_the_same_without_the_fault_is_silent(tmp_path, name):
    _, parts, (code, _), right = FAULTS[name]
    assert code not in {one for one, _ in found(tmp_path, right, *parts)}


def test_pins_that_contradict_each_other_across_an_included_file(tmp_path):
    files = {"requirements.txt": "-r requirements-base.txt\ntorch==2.13.0\n", "requirements-base.txt": "torch<2.10\n"}
    assert ("project-pins-contradict", "requirements.txt:2") in found(tmp_path, files)


def test_lines_for_other_systems_do_not_contradict(tmp_path):
    lines = "torch==2.2.2 ; sys_platform == 'darwin'\ntorch==2.13.0 ; sys_platform == 'linux'\n"
    assert found(tmp_path, {"requirements.txt": lines}) == set()


def test_an_unpinned_framework_is_judged_by_the_newest_release_and_never_for_certain(tmp_path):
    described = machine(LINUX, NVIDIA, PYTHON, OLD_DRIVER)
    report = examine(described, project=project(tmp_path, {"requirements.txt": "torch\n"}))
    finding = next(finding for finding in report.findings if finding.code == "driver-too-old-for-cuda")
    assert finding.confidence == "likely"


def test_what_two_files_ask_for_is_said_in_the_plural(tmp_path):
    files = {"a/requirements.txt": "numpy\n", "b/requirements.txt": "numpy\n"}
    described = machine(LINUX, NVIDIA, PYTHON)
    both = examine(described, project=project(tmp_path / "two", files), target="snapshot").verdict.headline
    assert both == "what a/requirements.txt, b/requirements.txt ask for can work here"
    one = examine(described, project=project(tmp_path / "one", {"requirements.txt": "numpy\n"}), target="snapshot")
    assert one.verdict.headline == "what requirements.txt asks for can work here"


def test_only_the_last_stage_of_an_image_counts_with_what_it_starts_from(tmp_path):
    first = "FROM nvidia/cuda:13.0.1-devel-ubuntu24.04 AS build\nRUN make\n"
    text = f"{first}FROM python:3.12-slim\nRUN pip install torch==2.13.0\n"
    assert found(tmp_path, {"Dockerfile": text}) == set()
    (scope,) = project(tmp_path, {"Dockerfile": "FROM python:3.11 AS a\nRUN pip install torch\nFROM a\n"}).scopes
    assert scope.python == "3.11"
    assert [item.name for item in scope.requirements] == ["torch"]


@pytest.mark.parametrize("name", ["pyproject.toml", "environment.yml", "compose.yaml", "a.ipynb", "devcontainer.json"])
@pytest.mark.parametrize(
    "text", ["", "\x00\x1b[2J", "[" * 5000, '{"cells": 3}', "a:\n\tb", "- - - -", "null", "x: &y [*z]"]
)
def test_a_damaged_file_is_unread_and_never_a_crash(tmp_path, name, text):
    examine(machine(LINUX), project=project(tmp_path, {name: text}))


def test_environments_and_caches_are_not_the_project(tmp_path):
    files = {".venv/lib/x/requirements.txt": "torch==2.6.0\n", "node_modules/a/Dockerfile": "FROM alpine\n"}
    assert project(tmp_path, files).scopes == []


def test_after_a_project_no_other_environment_is_proposed_for_a_proof(tmp_path):
    argv = [sys.executable, "-m", "envsetup", "doctor", "--project", str(tmp_path)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60)
    assert "says what it needs" in done.stdout
    assert "envsetup smoke" not in done.stdout


def test_the_command_judges_a_described_machine(tmp_path):
    project(tmp_path, {"requirements.txt": "torch==2.6.0\n"})
    described = tmp_path / "machine.json"
    described.write_text(to_json(machine(merged(LINUX, NVIDIA, PYTHON, NEW_GPU))))
    argv = [sys.executable, "-m", "envsetup", "doctor", "--json", "--project", tmp_path, "--from", described]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["verdict"]["root_cause"] == "gpu-arch-too-new-for-wheel"
    missing = subprocess.run(
        [sys.executable, "-m", "envsetup", "doctor", "--project", "/nowhere"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert missing.returncode == 2
    assert "--project /nowhere" in missing.stderr


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("numpy==", True),
        ("foo bar baz", True),
        ("numpy=1.21.0=py39_0", True),
        ("numpy", False),
        ("torch==2.6.0 --hash=sha256:00 --hash=sha256:11", False),
        ("torch==2.6.0; platform_system == 'Windows'", False),
        ("git+https://host/x/y.git@main#egg=y", False),
        ("./local[extra]", False),
        ("wheels\\torch-2.6.0-cp312-cp312-win_amd64.whl", False),
        ("numpy==${NUMPY}", False),
    ],
)
def test_a_line_that_pip_refuses_is_named_with_its_place(line, refused):
    listed = read_requirements(f"# first\n{line}\n", "requirements.txt")
    told = {"requirements.txt:2": f"not a requirement: {line}"} if refused else {}
    assert listed.refused == told
