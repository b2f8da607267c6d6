"""The starter project in the environment that was made for it: trained, interrupted, deployed, told as a notebook."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.install

# On a busy machine, threads that wait for each other at every layer take minutes.
ALONE = os.environ | {"OMP_NUM_THREADS": "1"}
SMALL = ("--limit", "320", "--epochs", "3", "--seed", "5")
STORY = """
import json, sys, nbclient, nbformat
story = nbformat.read("story.ipynb", 4)
nbformat.validate(story)
nbclient.NotebookClient(story, timeout=240).execute()
print(json.dumps([[dict(output) for output in cell.get("outputs", ())] for cell in story.cells]))
"""


class Project:
    """A starter project and the environment beside it."""

    def __init__(self, folder, framework):
        self.folder, self.framework, self.env = folder / "project", framework, folder / "env"
        extras = ("--with", "jupyter", "--starter", str(self.folder))
        argv = [sys.executable, "-m", "envsetup", "create", str(self.env), "--framework", framework, "--cpu", *extras]
        done = subprocess.run([*argv, "--json"], check=False, capture_output=True, text=True, timeout=420, cwd=folder)
        assert done.returncode == 0, done.stderr
        self.made = json.loads(done.stdout)

    def python(self, *argv, cwd=None, **env):
        return subprocess.run(
            [self.env / "bin/python", *map(str, argv)], check=False, capture_output=True, text=True, timeout=300,
            cwd=cwd or self.folder, env=ALONE | env,
        )  # fmt: skip

    def good(self, *argv, **kwargs):
        done = self.python(*argv, **kwargs)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def over(self, *argv):
        """A training that came to its end; so few steps may learn nothing, which is exit code 1."""
        done = self.python("train.py", *argv)
        assert done.returncode in {0, 1}, done.stdout + done.stderr
        assert "[8/8] deploy" in done.stdout
        return done.stdout

    def last_line(self, *argv):
        """Of stderr, and the exit code: TensorFlow has notes of its own before it."""
        done = self.python(*argv)
        return done.returncode, done.stderr.splitlines()[-1] if done.stderr else ""

    def copy(self, folder):
        """A copy to break, with the same environment."""
        other = object.__new__(Project)
        other.folder, other.framework, other.env = folder / "broken", self.framework, self.env
        shutil.copytree(self.folder, other.folder, ignore=shutil.ignore_patterns("runs", "__pycache__"))
        return other

    def change(self, name, before, after):
        """Plant a fault."""
        path = self.folder / name
        text = path.read_text()
        assert text.count(before) == 1, (name, before, text.count(before))
        path.write_text(text.replace(before, after))


@pytest.fixture(scope="module", params=["pytorch", "tensorflow"])
def project(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    yield Project(folder, request.param)
    shutil.rmtree(folder, ignore_errors=True)


def checkpoint(run):
    """Bytes of the last epoch, and the history without its times."""
    record = json.loads((run / "run.json").read_text())
    history = [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in record["history"]]
    return (run / f"epoch-{len(history):03d}{record['suffix']}").read_bytes(), history


def test_its_own_tests_pass(project):
    out = project.good("-m", "pytest", "-q", "--durations=3")
    assert " passed" in out
    assert "failed" not in out
    assert "skipped" not in out


def test_its_types_hold_for_the_real_framework(project):
    argv = [sys.executable, "-m", "mypy", "--python-executable", str(project.env / "bin/python"), "."]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=300, cwd=project.folder)
    assert done.returncode == 0, done.stdout


def test_a_killed_run_goes_on_bit_for_bit(project, tmp_path):
    assert "of 5 steps" in project.over("--run", tmp_path / "whole", *SMALL)
    argv = [project.env / "bin/python", "train.py", "--run", tmp_path / "killed", *SMALL]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(argv, cwd=project.folder, env=ALONE, **quiet) as child:
        until = time.monotonic() + 120
        while not (tmp_path / "killed" / "run.json").exists() and time.monotonic() < until:
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
    assert len(json.loads((tmp_path / "killed" / "run.json").read_text())["history"]) < 3
    assert "going on after epoch" in project.over("--run", tmp_path / "killed", "--resume")
    assert checkpoint(tmp_path / "killed") == checkpoint(tmp_path / "whole")


def test_from_training_to_a_model_that_predicts_elsewhere(project, tmp_path):
    out = project.good("train.py", "--run", tmp_path / "run", "--epochs", "2")
    for step in ("[3/8] configure the GPU  CPU", "[4/8]", "[5/8]", "[6/8]", "[7/8]", "[8/8]", "a linear model: 24.5%"):
        assert step in out, out
    assert "a linear model: 24.5%" in project.good("evaluate.py", tmp_path / "run")
    figures = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert figures["learnt"]
    assert figures["accuracy"] > 0.85
    model = project.good("export.py", tmp_path / "run").split(":")[0]
    (tmp_path / "server").mkdir()
    shutil.move(model, tmp_path / "server" / Path(model).name)
    shutil.copy(project.folder / "predict.py", tmp_path / "server")
    save = (
        "import data, numpy as np, sys; d = data.load(); np.save(sys.argv[1], d.test.images[:200]); "
        "print(*(d.classes[label] for label in d.test.labels[:200]), sep='\\n')"
    )
    truth = project.good("-c", save, tmp_path / "server" / "pictures.npy").splitlines()
    out = project.good("predict.py", Path(model).name, "pictures.npy", cwd=tmp_path / "server")
    told = [line.split("\t")[1] for line in out.splitlines()]
    assert len(told) == 200
    right = sum(one == other for one, other in zip(told, truth, strict=True))
    assert right / 200 == pytest.approx(figures["accuracy"], abs=0.08)


def test_a_gpu_that_is_not_there_ends_it_in_one_line(project, tmp_path):
    code, line = project.last_line("train.py", "--device", "cuda" if project.framework == "pytorch" else "gpu")
    assert code == 2
    assert line.startswith("error: --device ")
    assert line.endswith("sees cpu")
    gpu = project.copy(tmp_path)
    gpu.change("device.py", 'BUILT_FOR = "cpu"', 'BUILT_FOR = "cuda"')
    code, line = gpu.last_line("train.py")
    assert code == 2
    assert "made for cuda" in line
    assert "--device cpu" in line
    assert "CPU" in gpu.good("device.py", "--device", "cpu")


def test_the_notebook_tells_the_story_in_the_environments_own_kernel(project):
    where = {"JUPYTER_PATH": str(project.env / "share/jupyter"), "IPYTHONDIR": str(project.folder / ".ipython")}
    outputs = json.loads(project.good("-c", STORY, **where))
    told = ["".join(one.get("text", "") for one in cell if one.get("name") == "stdout") for cell in outputs]
    text = "\n".join(told)
    assert str(project.env) in text
    assert "CPU" in text
    assert "a linear model: 24.5%" in text
    assert "it is " in text
    pictures = [one for cell in outputs for one in cell if "image/png" in one.get("data", {})]
    assert len(pictures) == 3
    assert not [one for cell in outputs for one in cell if one.get("output_type") == "error"]


SHUFFLED = (
    "data.py",
    "yield augment(split.images[chosen], rng, mirror=mirror), split.labels[chosen]",
    "yield augment(split.images[chosen], rng, mirror=mirror), rng.permutation(split.labels[chosen])",
)
FAULTS = {
    "labels shuffled in the batches": (SHUFFLED, "tests/test_data.py", "test_a_label_stays_with_its_picture"),
    "labels shuffled in the training": (SHUFFLED, "tests/test_training.py", "test_it_learns_what_no_linear_model_can"),
    "labels shuffled where they are made": (
        ("gratings.py", "labels = (np.arange(count) % 10)", "labels = (np.arange(count) * 7 % 10)"),
        "tests/test_data.py", "test_the_same_bytes_on_every_machine",
    ),
    "a test picture is learnt from": (
        ("data.py", "(4000, 0), (500, 2), (1000, 1)", "(4000, 0), (500, 2), (1000, 0)"),
        "tests/test_data.py", "test_no_picture_is_in_two_splits",
    ),
    "gratings are mirrored": (
        ("data.py", "    if mirror:\n", "    if True:\n"),
        "tests/test_data.py", "test_augmentation_shifts_and_mirrors",
    ),
    "the order of a resumed run is another": (
        ("experiment.py", "default_rng([self.seed, epoch])", "default_rng()"),
        "tests/test_training.py", "test_a_resumed_run_ends_as_if_nothing_had_happened",
    ),
}  # fmt: skip
OF_PYTORCH = {
    "the optimizer is not restored": (
        ("trainer.py", '        self.optimizer.load_state_dict(state["optimizer"])\n', ""),
        "tests/test_training.py", "test_a_resumed_run_ends_as_if_nothing_had_happened",
    ),
    "nothing is learnt": (
        ("trainer.py", "        self.scaler.step(self.optimizer)\n", ""),
        "tests/test_training.py", "test_it_learns_what_no_linear_model_can",
    ),
    "the export forgets the weights": (
        ("model.py", "Serving(network).eval()", "Serving(build(len(classes))).eval()"),
        "tests/test_export.py", "test_it_answers_like_the_network",
    ),
    "the export stays in training": (
        ("model.py", "Serving(network).eval()", "Serving(network).train()"),
        "tests/test_export.py", "test_it_answers_like_the_network",
    ),
    "the export gives logits": (
        ("model.py", "return torch.softmax(self.network(images), 1)", "return self.network(images)"),
        "tests/test_export.py", "test_it_answers_like_the_network",
    ),
}  # fmt: skip
OF_TENSORFLOW = {
    "the states of dropout are not restored": (
        ("model.py", '"random": random,', '"random": [],'),
        "tests/test_training.py", "test_a_resumed_run_ends_as_if_nothing_had_happened",
    ),
    "nothing is learnt": (
        ("trainer.py", "        self.optimizer.apply(tape.gradient(scaled, weights), weights)\n", ""),
        "tests/test_training.py", "test_it_learns_what_no_linear_model_can",
    ),
    "the export forgets the weights": (
        ("model.py", 'keras.layers.Softmax(dtype="float32")(network.output)',
         'keras.layers.Softmax(dtype="float32")((network := build(len(classes))).output)'),
        "tests/test_export.py", "test_it_answers_like_the_network",
    ),
}  # fmt: skip


@pytest.mark.faults
def test_every_planted_fault_is_caught(project, tmp_path):
    faults = (FAULTS | OF_PYTORCH if project.framework == "pytorch" else OF_TENSORFLOW).items()
    for number, (fault, (change, where, test)) in enumerate(faults):
        broken = project.copy(tmp_path / str(number))
        broken.change(*change)
        done = broken.python("-m", "pytest", "-q", "-x", where, "-k", test)
        assert done.returncode == 1, (fault, done.stdout[-2000:])


def test_a_broken_export_is_no_file(project, tmp_path):
    project.good("train.py", "--run", tmp_path / "run", *SMALL, "--stop-after", "1")
    broken = project.copy(tmp_path)
    fault = (OF_PYTORCH if project.framework == "pytorch" else OF_TENSORFLOW)["the export forgets the weights"]
    broken.change(*fault[0])
    code, line = broken.last_line("export.py", tmp_path / "run")
    assert code == 2
    assert "differs from the network" in line
    assert not [path for path in (tmp_path / "run").iterdir() if "model" in path.name]
