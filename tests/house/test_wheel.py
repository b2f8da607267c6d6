"""The wheel works away from the checkout: entry point, data files and every template travel with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import uv

ROOT = Path(__file__).resolve().parents[2]


def run(*argv, cwd, **kwargs):
    return subprocess.run(argv, cwd=cwd, check=True, capture_output=True, text=True, timeout=300, **kwargs).stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A venv outside the checkout that holds the built wheel and its dependencies; the folder it lies in."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist"), cwd=ROOT)
    wheel = next((folder / "dist").glob("*.whl"))
    run(uv.find_uv_bin(), "venv", "-q", "--python", sys.executable, str(folder / "venv"), cwd=folder)
    python = folder / "venv" / "bin" / "python"
    run(uv.find_uv_bin(), "pip", "install", "-q", "--python", str(python), str(wheel), cwd=folder)
    return folder


def test_the_installed_command_runs(installed):
    assert run(installed / "venv/bin/envsetup", "--version", cwd=installed).startswith("envsetup ")
    assert "doctor" in run(installed / "venv/bin/envsetup", "--help", cwd=installed)


def test_every_template_renders_from_the_wheel(installed):
    script = (
        "import envsetup.resources as r, envsetup.render.templates as t, json, pathlib\n"
        "assert 'site-packages' in str(r.__file__), r.__file__\n"
        "print(json.dumps({name: sorted(t.render_example(name)) for name in t.template_names()}))"
    )
    out = run(installed / "venv/bin/python", "-c", script, cwd=installed)
    expected = {folder.name for folder in (ROOT / "templates").iterdir() if folder.is_dir()}
    rendered = __import__("json").loads(out)
    assert set(rendered) == expected
    assert all(rendered.values()), rendered


def test_the_data_files_travel(installed):
    script = (
        "import importlib.resources as i, json; "
        "print(json.dumps(sorted(p.name for p in i.files('envsetup.data').iterdir())))"
    )
    out = run(installed / "venv/bin/python", "-c", script, cwd=installed)
    shipped = set(__import__("json").loads(out))
    assert {path.name for path in (ROOT / "envsetup" / "data").glob("*.json")} <= shipped


def test_plan_and_doctor_run_from_the_wheel(installed):
    machine = '{"gpus": [], "os": {"system": "linux"}, "arch": "x86_64", "libc": {"name": "glibc", "version": "2.36"}}'
    (installed / "machine.json").write_text(machine)
    argv = ("plan", "--offline", "--framework", "pytorch", "--machine", "machine.json", "--python", "3.12", "--json")
    assert '"envsetup.plan/1"' in run(installed / "venv/bin/envsetup", *argv, cwd=installed)
    report = run(installed / "venv/bin/envsetup", "doctor", "--from", "machine.json", "--json", cwd=installed)
    assert '"envsetup.doctor/1"' in report
