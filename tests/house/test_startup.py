"""Start-up budget by what is imported: deterministic, unlike milliseconds (those are in benchmarks/)."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"torch", "tensorflow", "numpy", "jinja2", "psutil", "rich", "pynvml", "msgspec", "uv"}


def modules_after(*args):
    script = (
        "import sys, json\n"
        f"sys.argv = ['envsetup', *{list(args)!r}]\n"
        "from envsetup.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write('\\nMODULES ' + json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return set(json.loads(result.stderr.rsplit("MODULES ", 1)[1]))


def test_help_imports_click_and_nothing_of_weight():
    loaded = modules_after("--help")
    assert "click" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize("command", [("doctor", "--json"), ("probe", "--json")])
def test_looking_at_a_machine_never_imports_a_framework_or_a_renderer(command):
    assert not modules_after(*command) & {"torch", "tensorflow", "numpy", "jinja2", "rich", "uv"}
