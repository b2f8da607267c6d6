"""`import envsetup` as programs and notebooks use it."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import envsetup

# The package behind the function of the same name stays importable.
CHECK = "import envsetup.doctor.examine as e; assert callable(e.examine)"
ROOT = Path(__file__).parent.parent.parent


def loaded_after(statements):
    code = f"import sys\nbefore = set(sys.modules)\n{statements}\nprint(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.splitlines()[-1].split()


def test_importing_the_package_imports_nothing_else():
    assert loaded_after("import __future__, envsetup") in (["envsetup"], ["__future__", "envsetup"])


def test_help_still_imports_click_only():
    run = "from envsetup.cli import ending\nfrom envsetup.cli.main import group\nending.run(group, ['--help'])"
    assert not {"msgspec", "rich", "jinja2", "envsetup.api", "packaging"} & set(loaded_after(run))


@pytest.mark.parametrize("first", ["", "import envsetup.doctor.examine, envsetup.probe.collect", "envsetup.doctor()"])
def test_the_functions_work_whatever_was_imported_before(first):
    code = f"import envsetup\n{first}\nprint(envsetup.doctor().verdict.status, envsetup.probe().arch)\n{CHECK}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split()[0] in ("ready", "degraded", "broken", "unknown")


def test_doctor_looks_at_the_running_interpreter_and_returns_the_typed_report():
    diagnosis = envsetup.doctor()
    assert isinstance(diagnosis.report, envsetup.DoctorReport)
    assert diagnosis.report.target.env == sys.prefix
    assert bool(diagnosis) == (diagnosis.verdict.status in ("ready", "degraded"))
    assert json.loads(diagnosis.to_json())["schema"] == "envsetup.doctor/1"
    assert diagnosis.verdict.headline.split(" ")[0] in str(diagnosis)
    assert repr(diagnosis).startswith("<envsetup.Diagnosis ")
    assert diagnosis.markdown()


def test_jupyter_shows_the_page_in_a_frame_of_its_own():
    shown = envsetup.doctor()._repr_html_()
    found = re.fullmatch(r'<iframe [^>]*sandbox="allow-scripts" srcdoc="([^"]*)"[^>]*></iframe>', shown)
    assert found
    assert html.unescape(found[1]).startswith("<!doctype html>")


def test_diagnose_reads_text_and_an_error():
    assert envsetup.diagnose("", error="RuntimeError: operator torchvision::nms does not exist").verdict.root_cause
    snapshot = '{"schema": "envsetup.machine/1", "os": {"system": "linux"}, "gpus": []}'
    assert envsetup.diagnose(snapshot).report.target.kind == "snapshot"


def test_bad_input_raises_what_is_documented():
    with pytest.raises(envsetup.InputError):
        envsetup.doctor("/nowhere/at/all")
    with pytest.raises(envsetup.InputError):
        envsetup.diagnose('{"schema": "envsetup.machine/1", "gpus": 3}')
    with pytest.raises(AttributeError):
        envsetup.no_such_name  # noqa: B018


def test_every_public_name_is_documented_and_typed():
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    for name in envsetup.__all__:
        assert name == "__version__" or f"`{name}" in page
        assert getattr(envsetup, name) is not None
    assert (ROOT / "envsetup/py.typed").exists()


def test_the_examples_of_the_page_type_check(tmp_path):
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    program = tmp_path / "example.py"
    program.write_text("\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL)))
    mypy = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", program]
    done = subprocess.run(mypy, capture_output=True, text=True, check=False, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_completion_in_a_notebook_shows_what_there_is():
    assert {"doctor", "diagnose", "probe", "Diagnosis"} <= set(dir(envsetup))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: envsetup.doctor(require="gpus"), "require 'gpus': accepted are gpu, cuda, rocm, none"),
        (lambda: envsetup.diagnose("torch 2.6.0", require="GPU"), "require 'GPU'"),
        (lambda: envsetup.doctor(timeout=-1), "timeout -1: seconds above 0"),
        (lambda: envsetup.probe(timeout=0), "timeout 0: seconds above 0"),
    ],
)
def test_an_argument_that_means_nothing_is_refused(call, said):
    with pytest.raises(envsetup.InputError, match=re.escape(said)):
        call()
