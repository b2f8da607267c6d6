"""The payload must run where envsetup is not."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import envsetup.smoke

ROOM = Path(envsetup.smoke.__file__).parent
FILES = sorted([*(ROOM / "payload").rglob("*.py"), *(ROOM / "faults").rglob("*.py")])
FRAMEWORKS = {"jax", "numpy", "onnxruntime", "tensorflow", "torch"}
PLANTS = {path.stem for path in FILES if path.stem.startswith("plants_")}  # they lie beside each other when planted
ALLOWED = {*FRAMEWORKS, *PLANTS, *sys.stdlib_module_names}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOM)))
def test_only_old_syntax_the_standard_library_numpy_and_the_framework(path):
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names.append(node.module)
        for name in names:
            assert name.split(".")[0] in ALLOWED


def test_the_end_removes_what_the_interpreters_own_would_have_removed_and_nothing_else(tmp_path):
    program = (
        "import tempfile; kept = tempfile.TemporaryDirectory(prefix='kept-'); tempfile.mkstemp(prefix='left-')\n"
        "import atexit; atexit.register(print, 'unloading')\n"
        "from envsetup.smoke.payload.ending import end; print('said'); end()"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout == "said\n"
    assert [path.name.partition("-")[0] for path in tmp_path.iterdir()] == ["left"]
