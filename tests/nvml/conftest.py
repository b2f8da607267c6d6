from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "fake_nvml.c"


@pytest.fixture(scope="session")
def fake_library(tmp_path_factory):
    """Folder that holds a libnvidia-ml.so.1 compiled in this session."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler: the fake libnvidia-ml.so.1 cannot be made")
    folder = tmp_path_factory.mktemp("nvml")
    library = folder / "libnvidia-ml.so.1"
    command = [compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-Wl,-soname,libnvidia-ml.so.1", "-o", library, SOURCE]
    subprocess.run(command, check=True, timeout=60)
    return folder


@pytest.fixture
def scripted(fake_library, tmp_path):
    """Environment for a child in which NVML answers as the given lines say."""

    def environment(*lines):
        script = tmp_path / "script"
        script.write_text("\n".join(lines) + "\n")
        return {"FAKE_NVML": str(script), "LD_LIBRARY_PATH": str(fake_library)}

    return environment
