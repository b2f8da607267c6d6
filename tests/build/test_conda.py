"""Conda environments solved and installed by the real py-rattler from a channel made here."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from condachannel import PYTHON, SITE, Channel, asked, served, torch_files
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from envsetup.build.condaspecs import channel_of
from envsetup.build.edits import KEPT
from envsetup.build.relocate import relocate, replaced
from envsetup.model.errors import BuildError, InputError
from envsetup.render import quoting
from envsetup.render.templates import render_example

pytestmark = pytest.mark.build
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # the direction of reading
GPU = {
    "schema": "envsetup.machine/1",
    "os": {"system": "linux", "distro": "debian 12"},
    "arch": "x86_64",
    "libc": {"name": "glibc", "version": "2.36"},
    "gpus": [{"vendor": "nvidia", "name": "NVIDIA GeForce RTX 4090", "compute_capability": "8.9", "memory_mib": 24564}],
}


def with_gpu(box, driver):
    path = box.folder / "gpu.json"
    path.write_text(json.dumps(GPU | {"driver": {"nvidia": driver, "rocm": None}}))
    return ("--machine", path, "--gpu")


def test_an_environment_for_the_cpu_is_solved_installed_and_verified(box, channel):
    made = box.json("my env", *asked(channel, "--cpu"))
    assert made["status"] == "created"
    assert "torch is the cpu build" in made["verified"]
    assert set(made["packages"]) == {"python", "pytorch", "pytorch-cpu"}
    env = box.folder / "my env"
    program = "import sys, torch; print(sys.prefix, torch.version.cuda)"
    told = subprocess.run([env / "bin/python", "-c", program], check=True, capture_output=True, text=True).stdout
    assert told == f"{env} None\n"
    # Paths within files are those of the place where it ended, not of the stage.
    assert subprocess.run([env / "bin/where"], check=True, capture_output=True, text=True).stdout == f"{env}\n"
    assert b"envsetup-stage" not in b"".join(p.read_bytes() for p in (env / "conda-meta").glob("*.json"))
    assert box.litter() == []


def test_the_files_say_how_to_make_it_again(box, channel):
    box.json("env", *asked(channel, "--cpu"))
    explicit = (box.folder / "env" / "explicit.txt").read_text().splitlines()
    assert explicit[0] == "@EXPLICIT"
    for line in explicit[1:]:
        url, _, digest = line.partition("#sha256:")
        file = channel / url.removeprefix(channel.as_uri() + "/")
        assert hashlib.sha256(file.read_bytes()).hexdigest() == digest
    document = YAML(typ="safe").load(box.folder / "env" / "environment.yml")
    assert document["channels"] == [channel.as_uri(), "nodefaults"]
    assert document["dependencies"] == [f"python {PYTHON}.*", "pytorch-cpu"]
    assert json.loads((box.folder / "env" / "envsetup.json").read_text())["target"] == "conda"


def test_the_driver_chooses_the_cuda_build(box, channel):
    made = box.json("new", *asked(channel, *with_gpu(box, "575.57.08")))
    assert (made["packages"]["cuda-version"], made["plan"]["packages"][0]["variant"]) == ("12.9", "cu129")
    assert "compiled for sm_80, sm_89, sm_90: covers 8.9" in made["verified"]
    old = box.json("old", *asked(channel, *with_gpu(box, "525.147.05")), CONDA_OVERRIDE_CUDA="11.8")
    assert old["packages"]["cuda-version"] == "11.8"
    text = (box.folder / "new" / "environment.yml").read_text()
    assert "CONDA_OVERRIDE_CUDA=12.9 conda env create" in text
    assert 'cuda-version <=12.9"' in text


def test_an_update_plans_for_the_driver_of_now(box, channel):
    described = with_gpu(box, "575.57.08")
    box.json("env", *asked(channel, *described))
    assert "give --machine FILE again" in box.run("update", "env", "--yes").stderr
    same = ("update", "env", "--machine", described[1], "--dry-run", "--json")
    assert json.loads(box.run(*same).stdout)["status"] == "unchanged"
    told = json.loads(box.run(*same, CONDA_OVERRIDE_CUDA="11.8").stdout)
    assert told["packages"]["changed"]["cuda-version"] == {"before": "12.9 0", "after": "11.8 0"}
    assert {"- torch 2.13.0+cu129", "+ torch 2.13.0+cu118"} <= set(told["plan"])
    # That build is compiled for no 8.9, but for 8.0, which covers it.
    done = box.run("update", "env", "--machine", described[1], "--yes", CONDA_OVERRIDE_CUDA="11.8")
    assert (done.returncode, "compiled for sm_80, sm_90: covers 8.9" in done.stderr) == (0, True), done.stderr


def test_a_driver_that_is_too_old_is_a_readable_conflict(box, channel):
    done = box.create("env", *asked(channel, *with_gpu(box, "575.57.08")), CONDA_OVERRIDE_CUDA="11.2")
    assert done.returncode == 1
    assert "pytorch-gpu of file://" in done.stderr
    assert "need CUDA 11.8 or newer, this driver runs CUDA 11.2 at most" in done.stderr
    assert "update the NVIDIA driver to at least 4" in done.stderr
    assert "cuda-version" in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("error")]) == 1
    assert not (box.folder / "env").exists()


def test_no_gpu_is_refused_before_anything_is_solved(box, channel):
    done = box.create("env", *asked(channel, "--gpu"), CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 1
    assert done.stdout.startswith("impossible (device)")


def test_what_is_not_as_planned_is_never_put_in_place(box, tmp_path):
    broken = Channel(tmp_path / "broken")
    real = getattr(sys, "_base_executable", sys.executable)
    python = {"bin/python": (real,), "pyvenv.cfg": f"home = {real.rpartition('/')[0]}\n"}
    broken.add("python", ".".join(map(str, sys.version_info[:3])), "0", python)
    broken.add("pytorch", "2.13.0", "cpu_0", torch_files("12.9"), [f"python {PYTHON}.*"])
    broken.add("pytorch-cpu", "2.13.0", "cpu_0", {"share/cpu": "x"}, ["pytorch 2.13.0 *cpu*"])
    done = box.create("env", *asked(broken.folder, "--cpu"))
    assert done.returncode == 1
    assert "torch is the cu129 build, planned was cpu" in done.stderr
    assert not (box.folder / "env").exists()
    assert box.litter() == []


@pytest.mark.parametrize("over_http", [False, True])
def test_a_tampered_package_is_refused(box, channel, tmp_path, over_http):
    folder = tmp_path / "tampered"
    shutil.copytree(channel, folder)
    file = next((folder / "linux-64").glob("pytorch-cpu-*"))
    file.write_bytes(file.read_bytes() + b"tampered")
    with served(folder) as address:
        done = box.create("env", *asked(address if over_http else folder, "--cpu"))
    assert done.returncode == 1, done.stdout
    assert "installation: " in done.stderr
    assert "sha256" in done.stderr.lower() or "hash" in done.stderr.lower()
    assert not (box.folder / "env").exists()
    assert box.litter() == []


def test_making_it_again_replaces_it_and_what_others_made_is_left_alone(box, channel):
    box.json("env", *asked(channel, "--cpu"))
    (box.folder / "env" / "extra.txt").write_text("x")
    box.json("env", *asked(channel, "--cpu"))
    assert not (box.folder / "env" / "extra.txt").exists()
    (box.folder / "theirs" / "conda-meta").mkdir(parents=True)
    assert box.create("theirs", *asked(channel, "--cpu")).returncode == 2


def test_dry_run_and_no_build(box, channel):
    planned = box.json("env", *asked(channel, "--cpu", "--dry-run"))
    assert set(planned["files"]) == {"environment.yml", "explicit.txt", "envsetup.json", "ACTIVATE.txt"}
    assert not (box.folder / "env").exists()
    assert box.json("env", *asked(channel, "--cpu", "--no-build"))["status"] == "rendered"
    assert {p.name for p in (box.folder / "env").iterdir()} - {KEPT} == set(planned["files"])


@pytest.mark.parametrize(
    "bad",
    [
        "https://u:p@host/c",
        "https://host/t/to-ken/c",
        "https://host/c?token=x",
        "ftp://h/c",
        "a b",
        "$(id)",
        "../x",
        "-c",
    ],
)
def test_a_channel_with_credentials_or_tricks_is_refused(box, bad):
    done = box.create("env", "--framework", "pytorch", "--cpu", "--target", "conda", f"--source={bad}")
    assert done.returncode == 2, done.stdout
    assert "--source" in done.stderr


@given(st.text(max_size=30))
def test_a_channel_is_a_name_an_address_or_refused(text):
    try:
        found = channel_of(text)
    except InputError:
        return
    assert found == text or found.startswith("file:///")
    assert not set(found) & set(" \t\n\"'$`;&|")


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters=TURNING), max_size=30))
def test_yaml_gives_back_what_was_quoted(value):
    assert YAML(typ="safe").load(f"x: {quoting.yaml(value)}")["x"] == value


def test_the_example_is_yaml_and_holds_the_name():
    assert YAML(typ="safe").load(render_example("conda")["environment.yml"])["name"] == 'demo "it\'s" {{ 7*7 }}'


def test_without_rattler_it_says_what_to_run(box, channel):
    hide = box.folder / "hide"
    hide.mkdir()
    (hide / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, package=None: None if name == 'rattler' else find(name, package)\n"
    )
    done = box.create("env", *asked(channel, "--cpu"), PYTHONPATH=str(hide))
    assert done.returncode == 3, done.stderr
    assert "not built neither mamba, micromamba, conda nor py-rattler is installed" in done.stdout
    assert "conda env create --prefix ENV --file" in done.stdout
    assert {p.name for p in (box.folder / "env").iterdir()} - {KEPT} == {
        "environment.yml",
        "envsetup.json",
        "ACTIVATE.txt",
    }


def test_the_users_own_tool_is_asked_in_its_own_words(box, channel, tool):
    name, said = tool
    made = box.json("my env", *asked(channel, *with_gpu(box, "575.57.08")))
    assert made["engine"].startswith(f"{name} 2")
    assert made["packages"]["cuda-version"] == "12.9"
    (_, cuda, solving), (_, _, installing) = said()
    assert (cuda, solving[:4]) == ("12.9", ["create", "--yes", "--json", "--override-channels"])
    assert solving[-3:] == [f"python {PYTHON}.*", "pytorch-gpu", "cuda-version <=12.9"]
    assert "pytorch=2.13.0=cuda129_0" in installing
    env = box.folder / "my env"
    # Paths within files are those of the place where it ended, though the tool knew only the stage.
    assert subprocess.run([env / "bin/where"], check=True, capture_output=True, text=True).stdout == f"{env}\n"
    files = [p for p in env.rglob("*") if p.is_file() and p.suffix != ".pyc"]
    assert not [p for p in files if b"envsetup-stage" in p.read_bytes()]
    explicit = (env / "explicit.txt").read_text().splitlines()
    assert len(explicit) == len(made["packages"]) + 1
    assert all("#sha256:" in line for line in explicit[1:])
    assert f"{name} activate" in made["activate"]


def test_a_gpu_that_is_not_asked_for_is_hidden_from_the_users_tool(box, channel, tool):
    made = box.json("env", *asked(channel, "--cpu"))
    assert "torch is the cpu build" in made["verified"]
    assert {cuda for _, cuda, _ in tool[1]()} == {""}


@pytest.mark.usefixtures("tool")
def test_the_users_tool_gives_its_reason(box, channel):
    done = box.create("env", *asked(channel, *with_gpu(box, "575.57.08")), CONDA_OVERRIDE_CUDA="11.2")
    assert done.returncode == 1
    assert "need CUDA 11.8 or newer, this driver runs CUDA 11.2 at most" in done.stderr
    assert not (box.folder / "env").exists()


def test_what_was_not_solved_is_not_put_in_place(box, channel, tool):
    done = box.create("env", *asked(channel, "--cpu"), FAKE_MORE="1")
    assert done.returncode == 1
    assert f"{tool[0]} installed more-1-0, which was not solved" in done.stderr
    assert "s3cr3t" not in done.stderr
    assert not (box.folder / "env").exists()


def test_a_template_of_the_users_makes_a_conda_environment(box, channel, tmp_path):
    copy = shutil.copytree(TEMPLATES / "conda", tmp_path / "mine")
    (copy / "activate.txt.j2").write_text("ours: {{ path | sh }}\n")
    told = [word for word in asked(channel, "--cpu") if word not in {"--target", "conda"}]
    made = box.json("env", *told, "--template", copy)
    assert "torch is the cpu build" in made["verified"]
    assert (box.folder / "env" / "ACTIVATE.txt").read_text() == f"ours: {box.folder}/env\n"
    manifest = json.loads((box.folder / "env" / "envsetup.json").read_text())
    assert (manifest["target"], manifest["request"]["target"]) == ("conda", "template")


def test_a_binary_takes_another_path_in_the_room_it_has(tmp_path):
    old, new = b"/home/me/.envsetup-stage-0123/env", b"/home/me/env"
    binary = b"\x7fELF\0" + old + b"/lib:" + old + b"/x\0\0\0rest\0"
    made = replaced(binary, old, new, tmp_path)
    assert len(made) == len(binary)
    assert made.startswith(b"\x7fELF\0" + new + b"/lib:" + new + b"/x\0")
    assert made.endswith(b"\0rest\0")
    assert replaced(b"#!" + old + b"/bin/python\n", old, new, tmp_path) == b"#!" + new + b"/bin/python\n"
    with pytest.raises(BuildError, match="no room"):
        replaced(b"\0" + old + b"/x\0rest", old, old + b"/much/longer", tmp_path)


def test_another_name_of_a_file_keeps_its_content(tmp_path):
    env, cache = tmp_path / "stage", tmp_path / "cache"
    env.mkdir()
    cache.write_text(f"{env}/lib\n")
    (env / "file").hardlink_to(cache)
    (env / "link").symlink_to(env / "file")
    relocate(env, env, tmp_path / "env", lambda: None)
    assert (env / "file").read_text() == f"{tmp_path}/env/lib\n"
    assert cache.read_text() == f"{env}/lib\n"
    assert (env / "link").readlink() == tmp_path / "env/file"


def test_it_is_verified_compared_listed_and_removed_later(box, channel):
    box.json("env", *asked(channel, "--cpu"))
    env = box.folder / "env"
    report = json.loads(box.run("verify", env, "--json").stdout)
    assert (report["kind"], report["verdict"]) == ("conda", "pass"), report
    assert box.run("diff", env).stdout == f"no difference: {env} is as locked\n"
    assert json.loads(box.run("list", "--json").stdout)["environments"][0]["target"] == "conda"
    module = env / SITE / "torch/version.py"
    module.write_text(module.read_text() + "#\n")
    next((env / "conda-meta").glob("pytorch-cpu-*")).unlink()
    (env / "notes.txt").write_text("mine")
    done = box.run("diff", env)
    assert done.returncode == 1
    assert "- pytorch-cpu 2.13.0 cpu_0" in done.stdout
    assert f"! {SITE}/torch/version.py: changed" in done.stdout
    report = json.loads(box.run("verify", env, "--json").stdout)
    assert {check["id"] for check in report["checks"] if check["status"] == "FAIL"} == {"lock", "files"}
    assert "notes.txt" in box.run("remove", env, "--yes").stderr
    assert box.run("remove", env, "--yes", "--with-my-files").returncode == 0
    assert not env.exists()
