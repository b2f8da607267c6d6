"""What is fuzzed: every way in which a stranger's text enters. Each target takes a text and checks what must hold."""

from __future__ import annotations

import json
import os
import re
import tempfile
from importlib.util import find_spec
from pathlib import Path

from envsetup.doctor.examine import examine
from envsetup.doctor.subject import given
from envsetup.importers import read, rest_of
from envsetup.importers.project import read_project
from envsetup.model.codec import to_json
from envsetup.model.errors import InputError
from envsetup.probe.snapshot import parse_snapshot
from envsetup.report.clean import escape_json
from envsetup.report.doctor_html import html
from envsetup.report.doctor_markdown import markdown
from envsetup.report.doctor_screen import Style, screen
from envsetup.world.live import LiveWorld

SECONDS = float(os.environ.get("ENVSETUP_FUZZ_SECONDS", "0"))
LARGEST = 1_000_000  # characters of any answer
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
TESTS = Path(__file__).parent.parent
PROJECT_FILES = (
    *("requirements.txt", "pyproject.toml", "environment.yml", "Dockerfile", "compose.yaml", "a.ipynb"),
    "devcontainer.json",
)


def importers(text):
    """Every importer at once: each claims what it knows."""
    result = read(text)
    document = to_json(result.machine)
    assert len(document) + len(rest_of(result, text)) <= LARGEST + len(text)
    assert parse_snapshot(document.encode(), name="again") == result.machine


def snapshot(text):
    """The reader of machine files, and the doctor on what it lets through."""
    try:
        machine = parse_snapshot(text.encode("utf-8", "surrogatepass"), name="fuzz")
    except InputError:
        return
    shown(machine, examine(machine, target="snapshot"))


def doctor(text):
    """From a pasted text to everything that is shown of it."""
    try:
        subject = given(text, "fuzz", text[:2000], "error")
    except InputError:
        return
    report = examine(subject.machine, target=subject.kind, symptoms=subject.symptoms, weak=subject.weak)
    shown(subject.machine, report)


def shown(machine, report):
    """No crash, no flood, nothing that a terminal or a browser would obey."""
    crashed = [check for check in report.checks if check.status == "crashed"]
    assert not crashed, crashed
    page = html(report, machine)
    texts = {
        "screen": screen(report, machine, Style(verbose=1), exit_code=0, seconds=0.1),
        "markdown": markdown(report, machine),
        "json": escape_json(to_json(report)),
        "html": page,
    }
    for name, text in texts.items():
        assert len(text) < LARGEST, (name, len(text))
        found = CONTROL.search(text)
        assert not found, (name, text[max(0, found.start() - 40) : found.start() + 40])
    assert page.count("<script") == 1
    json.loads(texts["json"])


def project(text):
    """The text as each kind of file that a project may hold."""
    with tempfile.TemporaryDirectory() as folder:
        for name in PROJECT_FILES:
            (Path(folder) / name).write_bytes(text.encode("utf-8", "surrogatepass"))
        examine(parse_snapshot(b"{}", name="none"), project=read_project(LiveWorld(), folder))


TARGETS = {"importers": importers, "snapshot": snapshot, "doctor": doctor, "project": project}


def share():
    """Seconds for one target by one engine."""
    return SECONDS / len(TARGETS) / (2 if find_spec("atheris") else 1)


def seeds(name):
    """Real texts to begin with."""
    if name == "snapshot":
        recorded = [json.loads(path.read_text()) for path in sorted(TESTS.glob("machines/*/expect.json"))]
        return [json.dumps(machine["facts"]) for machine in recorded if machine.get("facts")] or ["{}"]
    if name == "project":
        return [
            "torch==2.6.0 ; python_version > '3'\n-r more.txt\n--index-url https://download.pytorch.org/whl/cu124\n",
            '[project]\ndependencies = ["torch>=2"]\n[tool.poetry.dependencies]\ntorch = "^2.1"\n',
            "dependencies:\n  - python=3.12\n  - pip:\n      - torch\n",
            "ARG V=1\nFROM nvidia/cuda:${V} AS a\nRUN pip install \\\n torch\nFROM a\n",
            'services:\n  a:\n    image: "x"\n    deploy: {resources: 1}\n    devices: [a, b]\n',
            '{"cells":[{"cell_type":"code","source":["!pip install torch\\n","import torch"]}]}',
            '{ // c\n"image": "x", "runArgs": ["--gpus=all"],}',
        ]
    examples = json.loads((TESTS / "symptoms/examples.json").read_text())
    texts = [item for item in _strings(examples) if len(item) > 20]
    return texts or ["PyTorch version: 2.1.0\n"]


def _strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
