"""The rendered manifests through the real kubectl, which needs no cluster for this much."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from ruamel.yaml import YAML

pytestmark = pytest.mark.containers
if shutil.which("kubectl") is None:
    pytestmark = [pytestmark, pytest.mark.skip(reason="containers: not installed: kubectl")]
ASKED = ("--framework", "pytorch", "--cpu", "--target", "kubernetes", "--no-build", "--name", "demo")


def kustomized(folder):
    done = subprocess.run(["kubectl", "kustomize", folder], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    (document,) = YAML(typ="safe").load_all(done.stdout)
    return document


def test_the_job_takes_the_image_of_the_registry_that_is_named(box):
    made = box.json("k", *ASKED)
    folder = box.folder / "k"
    job = kustomized(folder)
    assert (job["kind"], job["spec"]["template"]["spec"]["containers"][0]["image"]) == ("Job", made["image"])
    file = folder / "kustomization.yaml"
    file.write_text(file.read_text().replace('newName: "localhost/demo"', "newName: registry.lab/team/demo"))
    tag = made["image"].rpartition(":")[2]
    image = kustomized(folder)["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == f"registry.lab/team/demo:{tag}"


def test_the_pod_is_one_too(box):
    box.json("k", *ASKED)
    file = box.folder / "k/kustomization.yaml"
    file.write_text(file.read_text().replace("[job.yaml]", "[pod.yaml]"))
    pod = kustomized(box.folder / "k")
    assert (pod["kind"], pod["spec"]["containers"][0]["image"].partition(":")[0]) == ("Pod", "localhost/demo")
