"""What `fleet hook` and `--engine kubernetes` print is valid where it is installed."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from envsetup.cli.main import group

KUBERNETES = ("1.35", "1.36", "1.37")  # the newest that kubernetes-validate brings schemas of


def printed(capsys, *arguments):
    return said(capsys, "hook", *arguments)


def said(capsys, *arguments):
    assert group.main(["fleet", *arguments], standalone_mode=False) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_the_slurm_hook_is_a_script_that_quotes_what_it_was_told(capsys, tmp_path):
    text = printed(capsys, "slurm", "--bundle", "/srv/it's here/e.pyz", "--interval", "120", "--require", "gpu")
    script = tmp_path / "hook.sh"
    script.write_text(text)
    subprocess.run(["sh", "-n", script], check=True)
    assert "HealthCheckInterval=120" in text
    assert """'/srv/it'"'"'s here/e.pyz' doctor --reason --require gpu""" in text


@pytest.mark.parametrize("version", KUBERNETES)
def test_the_daemon_set_passes_strict_validation(capsys, tmp_path, version):
    pytest.importorskip("kubernetes_validate", reason="needs kubernetes-validate")
    manifest = tmp_path / "doctor.yaml"
    manifest.write_text(printed(capsys, "kubernetes", "--image", 'r/"x: {{y}}', "--require", "gpu"))
    command = [sys.executable, "-m", "kubernetes_validate", "--strict", "-k", version, manifest]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    manifest.write_text(manifest.read_text().replace("tolerations:", "tolerationz:"))
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0, "a wrong field was let through"


def test_the_daemon_set_asks_for_the_node_by_its_name_and_the_gpu_label(capsys):
    text = printed(capsys, "kubernetes", "--image", "r/x:1", "--label", "accelerator=h100")
    assert re.search(r'nodeSelector:\n\s+"accelerator": "h100"', text)
    assert json.dumps("r/x:1") in text
    assert "--host, $(NODE_NAME), --root, /host" in text


SMOKE = ("smoke", "--engine", "kubernetes", "--image", 'r/"x: {{y}}', "--env", "/opt/it's", "--nodes", "3", "-q")


@pytest.mark.parametrize("more", [(), ("--together",), ("--gpus", "0", "--device", "cpu", "--check", "learning")])
@pytest.mark.parametrize("version", KUBERNETES)
def test_the_indexed_job_passes_strict_validation(capsys, tmp_path, version, more):
    pytest.importorskip("kubernetes_validate", reason="needs kubernetes-validate")
    manifest = tmp_path / "smoke.yaml"
    manifest.write_text(said(capsys, *SMOKE, *more))
    command = [sys.executable, "-m", "kubernetes_validate", "--strict", "-k", version, manifest]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    manifest.write_text(manifest.read_text().replace("completionMode:", "completionModes:"))
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0, "a wrong field was let through"


def test_the_doctor_of_the_engine_is_the_one_of_the_hook(capsys):
    there = ("--image", "r/x:1", "--require", "gpu")
    assert said(capsys, "doctor", "--engine", "kubernetes", *there, "-q") == printed(capsys, "kubernetes", *there)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("doctor", "--engine", "kubernetes"), "--image is needed"),
        (("doctor", "--engine", "kubernetes", "--image", "x", "--json"), "--json does not go with it"),
        (("doctor", "--engine", "kubernetes", "--image", "x", "-i", "gpu"), "KEY=VALUE"),
        (("smoke", "--engine", "kubernetes", "--image", "x", "--env", "/e"), "--nodes says how many"),
        (("create", "--engine", "kubernetes", "--framework", "pytorch"), "gets its environments as images"),
    ],
)
def test_what_a_manifest_cannot_do_is_refused_in_one_line(arguments, says):
    command = [sys.executable, "-m", "envsetup", "fleet", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert re.fullmatch(rf"error: .*{says}.*\n", ended.stderr), ended.stderr
