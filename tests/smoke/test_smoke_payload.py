"""The payload must run where envsetup is not."""

from __future__ import annotations

import ast
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
