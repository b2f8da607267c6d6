"""Real installs: frameworks and stacks as a user would make them, one after another; each is removed again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.install

WHOLE = 420.0  # seconds for one install on a slow day


def create(folder, *args, env=None, before=()):
    """Run the real command with this machine's own pip configuration; the result is its JSON."""
    argv = [*before, sys.executable, "-m", "envsetup", "create", str(folder), *args, "--json"]
    done = subprocess.run(
        argv, check=False, capture_output=True, text=True, timeout=WHOLE, cwd=folder.parent, env=env or os.environ
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run(folder, code):
    done = subprocess.run([folder / "bin/python", "-c", code], check=True, capture_output=True, text=True, timeout=120)
    return done.stdout.strip()


@pytest.fixture
def folder(tmp_path):
    """Where an environment is made; it is gone after the test, for each takes gigabytes."""
    yield tmp_path / "env"
    shutil.rmtree(tmp_path / "env", ignore_errors=True)


def test_tensorflow_on_the_cpu(folder):
    made = create(folder, "--framework", "tensorflow", "--cpu")
    assert made["status"] == "created"
    assert any(fact.startswith("imported tensorflow") for fact in made["verified"])
    assert run(folder, "import tensorflow as tf; print(float(tf.reduce_sum(tf.ones((3, 4)))))") == "12.0"


def test_jax_on_the_cpu(folder):
    made = create(folder, "--framework", "jax", "--cpu")
    assert any("jax" in fact for fact in made["verified"])
    assert run(folder, "import jax, jax.numpy as jnp; print(float(jax.grad(lambda x: x * x)(jnp.array(3.0))))") == "6.0"


def test_pytorch_with_transformers_and_jupyter(folder):
    made = create(folder, "--framework", "pytorch", "--cpu", "--with", "transformers,jupyter")
    assert "used Hugging Face Transformers, JupyterLab: one operation each" in made["verified"]
    assert run(folder, "import torch; print(torch.ones(2, 2).sum().item())") == "4.0"


def test_pyg_on_the_cpu(folder):
    made = create(folder, "--framework", "pytorch", "--cpu", "--with", "pyg")
    assert "used PyTorch Geometric: one operation each" in made["verified"]


def test_the_other_stacks_of_pytorch_are_imported_and_used(folder):
    made = create(folder, "--framework", "pytorch", "--cpu", "--with", "diffusers,lightning,onnx,vscode")
    titles = "Hugging Face Diffusers, Lightning, ONNX export and runtime, Visual Studio Code notebooks and debugging"
    assert f"used {titles}: one operation each" in made["verified"]
    exported = "import torch; torch.onnx.export(torch.nn.Linear(2, 1), (torch.ones(1, 2),), 'm.onnx', dynamo=True)"
    run(folder, f"import os; os.chdir({str(folder)!r}); {exported}")
    assert (folder / "m.onnx").exists()


def test_the_tensorflow_model_garden(folder):
    made = create(folder, "--framework", "tensorflow", "--cpu", "--with", "tf-models")
    assert "used TensorFlow Model Garden: one operation each" in made["verified"]
