"""A real PyTorch from this machine's own pip configuration, made once for the whole run."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from envsetup.build.manifest import Manifest
from envsetup.build.uv import make_uv
from envsetup.build.verify import verify
from envsetup.model.codec import from_json
from envsetup.model.lock import read_lock

pytestmark = [pytest.mark.build, pytest.mark.torch]


@pytest.fixture
def made(torch_env):
    if not (torch_env / "envsetup.json").exists():
        pytest.skip("ENVSETUP_TEST_TORCH_ENV names an environment that envsetup did not make")
    return torch_env


def test_it_is_what_its_manifest_says(made):
    manifest = from_json((made / "envsetup.json").read_bytes(), Manifest, name="envsetup.json")
    lock = read_lock((made / "requirements.lock").read_text(), name="requirements.lock")
    assert manifest.lock == lock.digest()
    torch = next(package for package in manifest.plan.packages if package.name == "torch")
    assert torch.variant == "cpu"
    assert lock.version_of("torch").startswith(torch.version)
    assert lock.version_of("numpy")
    assert "torch is the cpu build" in verify(made, manifest.plan, lock, make_uv({})).facts


def test_it_computes(made):
    product = "torch.ones(3, 4).matmul(torch.ones(4, 2)).sum().item()"
    code = f"import torch, json; print(json.dumps([torch.__version__, {product}]))"
    done = subprocess.run([made / "bin/python", "-c", code], check=True, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    version, total = json.loads(done.stdout)
    assert total == 24.0
    assert version == read_lock((made / "requirements.lock").read_text(), name="x").version_of("torch")


def test_every_console_script_starts(made):
    scripts = [p for p in (made / "bin").iterdir() if p.is_file() and not p.is_symlink() and os.access(p, os.X_OK)]
    assert scripts
    for script in scripts:
        done = subprocess.run([script, "--help"], check=False, capture_output=True, text=True, timeout=120)
        assert "bad interpreter" not in done.stderr, script
        assert done.returncode == 0, (script, done.stderr)
