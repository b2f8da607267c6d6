"""Every file of every target is read by what it is made for, or by the field's own linter."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from offered import TARGETS, definition, put, sections, tree
from ruamel.yaml import YAML

from envsetup.model.lock import read_lock

BIN = Path(sys.executable).parent
if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

KUBERNETES = ("1.35", "1.36", "1.37")  # the newest three that kubernetes-validate brings schemas of
KINDS = [
    {"device": "cuda", "gpu": True, "develop": True},
    {"device": "rocm", "gpu": False, "develop": False, "index": ""},
    {"device": "cpu", "gpu": False, "develop": False, "index": ""},
]
IMAGE_FILES = {
    "Dockerfile",
    ".dockerignore",
    "requirements.lock",
    "self_check.py",
    "wheels/README.txt",
    "envsetup.json",
}
FILES = {
    "venv": {"requirements.lock", "pylock.toml", "envsetup.json", "ACTIVATE.txt"},
    "conda": {"environment.yml", "explicit.txt", "envsetup.json", "ACTIVATE.txt"},
    "docker": IMAGE_FILES | {"compose.yaml", "run.sh"},
    "devcontainer": IMAGE_FILES | {"devcontainer.json"},
    "slurm": IMAGE_FILES | {"job.sh", "environment.def"},
    "kubernetes": IMAGE_FILES | {"pod.yaml", "job.yaml", "kustomization.yaml"},
}


def run(*argv):
    done = subprocess.run([str(word) for word in argv], check=False, capture_output=True, text=True, timeout=120)
    return (done.returncode, done.stdout + done.stderr)


def checks(path):
    """The commands that must have nothing to say about a file."""
    if path.name == "Dockerfile":
        yield [BIN / "hadolint", path]
    elif path.suffix == ".sh":
        yield [BIN / "shellcheck", path]
    elif path.name == "compose.yaml":
        yield [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", path]
    elif path.suffix == ".def":
        for name in ("post", "test", "runscript", "environment"):
            script = path.with_name(f"{name}.sh")
            script.write_text("#!/bin/sh\n" + "\n".join(sections(path.read_text())[name]) + "\n")
            yield [BIN / "shellcheck", script]
    elif path.suffix == ".py":
        yield [sys.executable, "-m", "compileall", "-q", path]
    elif path.name in {"pod.yaml", "job.yaml"}:
        for version in KUBERNETES:
            yield [sys.executable, "-m", "kubernetes_validate", "--strict", "-k", version, path]


def read(path):
    """A file through its format's parser; whether there is one."""
    text = path.read_text()
    if path.suffix in {".yaml", ".yml"}:
        YAML(typ="safe").load(text.replace("!reset ", ""))
    elif path.suffix == ".json":
        json.loads(text)
    elif path.suffix == ".toml":
        tomllib.loads(text)
    elif path.suffix == ".lock":
        read_lock(text, name=str(path))
    elif path.suffix == ".def":
        assert definition(path).fromHeader
    else:
        return path.suffix in {".py", ".sh", ".txt"} or path.name in {"Dockerfile", ".dockerignore"}
    return True


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["device"])
@pytest.mark.parametrize("target", TARGETS)
def test_every_file_is_read_and_linted(target, kind, tmp_path):
    folder = put(tree(target, **kind), tmp_path)
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert found - {"compose.cpu.yaml"} == FILES[target]
    for path in [path for path in sorted(folder.rglob("*")) if path.is_file()]:
        assert read(path), f"{path.name}: nothing reads it"
        for argv in checks(path):
            status, said = run(*argv)
            assert status == 0, (path.name, said)


@pytest.mark.parametrize(
    ("target", "file", "right", "wrong"),
    [
        ("docker", "Dockerfile", "set -eu; \\", "set -eu; cd $x; \\"),
        ("docker", "run.sh", '"$PWD:/workspace"', "$PWD:/workspace"),
        ("docker", "compose.yaml", "capabilities", "capabilites"),
        ("docker", "self_check.py", "print(", "print(("),
        ("slurm", "job.sh", '"$apptainer"', "$apptainer"),
        ("slurm", "environment.def", '-- "$@"', "-- $@"),
        ("kubernetes", "pod.yaml", "runAsNonRoot", "runAsNoRoot"),
        ("kubernetes", "job.yaml", "backoffLimit: 0", 'backoffLimit: "0"'),
    ],
)
def test_the_linters_do_look(target, file, right, wrong, tmp_path):
    path = put(tree(target), tmp_path) / file
    assert right in path.read_text()
    path.write_text(path.read_text().replace(right, wrong, 1))
    assert any(run(*argv)[0] for argv in checks(path))
