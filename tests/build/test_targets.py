"""`--target` and `--template` through the real command: what there is, what is built elsewhere, folders of a user."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from envsetup.build.targets import offered

pytestmark = pytest.mark.build
ASKED = ("--framework", "pytorch", "--cpu", "--python", "3.11")
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


def test_alone_it_lists_what_there_is(box):
    done = box.create("--target")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == list(offered())
    assert all(len(line.split()) > 2 for line in lines)
    told = json.loads(box.create("--target", "--json").stdout)
    assert told["targets"]["docker"]["target"]["engines"] == ["docker", "podman", "buildah"]


def test_an_unknown_one_is_told_what_there_is(box):
    done = box.create(*ASKED, "--target", "vagrant")
    assert (done.returncode, done.stdout) == (2, "")
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error")]
    for name, described in offered().items():
        assert f"{name} ({described.title})" in line


@pytest.mark.parametrize(("target", "needs"), [("slurm", "apptainer build"), ("kubernetes", "kubectl apply -k")])
def test_what_is_built_elsewhere_says_what_it_needs(box, wheels, target, needs):
    done = box.create("it's here", *ASKED, "--target", target, "--name", "demo")
    assert done.returncode == 3, done.stderr
    told = next(line for line in done.stdout.splitlines() if line.startswith("not built"))
    assert needs in told
    assert f"""'{box.folder}/it'"'"'s here'""" in told
    folder = box.folder / "it's here"
    assert {p.name for p in (folder / "wheels").glob("*.whl")} == {p.name for p in wheels.iterdir()}
    assert json.loads((folder / "envsetup.json").read_text())["target"] == target
    assert box.create("other", *ASKED, "--target", target, "--no-build").returncode == 0
    assert json.loads(box.create("third", *ASKED, "--target", target, "--json").stdout)["status"] == "rendered"


def test_all_targets_hold_the_same_lock(box):
    locks = set()
    for target in ("venv", "docker", "devcontainer", "slurm", "kubernetes"):
        made = box.json(target, *ASKED, "--target", target, "--no-build")
        text = (box.folder / target / "requirements.lock").read_text()
        locks.add((made["lock"], "\n".join(line for line in text.splitlines() if not line.startswith("#"))))
    assert len(locks) == 1


def test_the_manifests_name_the_image_that_the_folder_builds(box):
    made = box.json("k", *ASKED, "--target", "kubernetes", "--no-build", "--name", "My Demo " + "x" * 80)
    yaml = YAML(typ="safe")
    pod, job, custom = (yaml.load(box.folder / "k" / f"{name}.yaml") for name in ("pod", "job", "kustomization"))
    assert pod["spec"]["containers"][0]["image"] == made["image"]
    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == made["image"]
    assert f"{custom['images'][0]['name']}:{custom['images'][0]['newTag']}" == made["image"]
    assert len(job["metadata"]["name"]) <= 63
    assert "resources" not in pod["spec"]["containers"][0]  # no GPU was asked for


STUB = """#!/bin/sh
case $1 in --help) echo "  --container-image=..."; exit ;; esac
echo "$0" "$@"
"""


@pytest.fixture
def slurm(box):
    """A rendered folder, and a PATH with an srun and an apptainer that say what they were asked: none is here."""
    box.json("job", *ASKED, "--target", "slurm", "--no-build", "--name", "demo")
    tools = box.folder / "tools"
    tools.mkdir()
    for name in ("srun", "apptainer"):
        (tools / name).write_text(STUB)
        (tools / name).chmod(0o755)

    def run(*argv, submit=box.folder / "job", **env):
        kept = {"PATH": f"{tools}:/usr/bin:/bin", "SLURM_SUBMIT_DIR": str(submit)} | env
        script = ["sh", str(box.folder / "job" / "job.sh"), *argv]
        return subprocess.run(script, check=False, capture_output=True, text=True, env=kept)

    return box.folder / "job", run


def test_the_batch_script_takes_the_image_that_lies_there(slurm):
    folder, run = slurm
    done = run("python", "train.py")
    assert done.returncode == 2
    assert "apptainer build demo.sif environment.def" in done.stderr
    (folder / "demo.sif").touch()
    told = run("python", "it's.py").stdout
    assert f"apptainer exec --bind {folder}:/workspace --pwd /workspace {folder}/demo.sif python it's.py" in told
    assert "self_check.py" in run().stdout
    (folder / "demo.sqsh").touch()
    told = run("python", "train.py").stdout
    assert f"--container-image={folder}/demo.sqsh --container-mounts={folder}:/workspace" in told
    assert run("true", IMAGE="docker://demo").stdout.split()[1] == "--container-image=docker://demo"
    (folder / "a,b").mkdir()
    (folder / "a,b" / "demo.sif").touch()
    assert run("true", submit=folder / "a,b").returncode == 2


@pytest.mark.parametrize("target", [name for name in offered() if name != "conda"])
def test_a_hostile_path_is_quoted_and_a_hostile_name_refused(box, target):
    nasty = 'a\'; id; $(id) "{{ 7*7 }}" é'
    made = box.json(nasty, *ASKED, "--target", target, "--no-build", "--name", "n")
    assert made["path"] == str(box.folder / nasty)
    if target == "venv":
        text = (box.folder / nasty / "ACTIVATE.txt").read_text()
        assert "{{ 7*7 }}" in text
    for bad in ("a\nb", "$(id)", "{{ x }}", "../x", "a'b", "\x1b[31m", "\u202ex", "/x", ""):
        done = box.create("other", *ASKED, "--target", target, "--no-build", "--name", bad)
        assert (done.returncode, done.stdout) == (2, ""), (bad, done.stderr)
    for bad in ("a\nb", "a\u202eb", "a\x1bb"):
        done = box.create(bad, *ASKED, "--target", target, "--no-build")
        assert done.returncode == 2, (bad, done.stderr)
    assert not (box.folder / "other").exists()


@pytest.mark.parametrize(
    "bad", ["https://h/\nRUN id", "https://h/ x", "h t t p", "$(id)", "\x1b", "https://[", "../../x"]
)
def test_a_hostile_index_is_refused_or_in_no_file(box, bad):
    done = box.create("img", *ASKED, "--target", "docker", "--no-build", f"--source={bad}", PIP_NO_INDEX="")
    assert done.returncode in {1, 2}, done.stderr
    assert "Traceback" not in done.stderr
    assert not (box.folder / "img").exists()


# The user's own folders.


@pytest.fixture
def folder(tmp_path):
    """Writes a template folder: its descriptor, and sources by name."""

    def make(descriptor, **sources):
        made = tmp_path / "mine"
        made.mkdir(exist_ok=True)
        (made / "template.json").write_text(json.dumps(descriptor))
        for name, text in sources.items():
            (made / f"{name}.j2").write_text(text)
        return made

    return make


def described(files, variables=(), **target):
    told = {"folder": "mine-made", "verified": "nobody looks"} | target
    return {"title": "mine", "files": files, "variables": dict.fromkeys(variables, "x"), "target": told}


def test_a_folder_of_the_users_is_made_like_a_target(box, folder):
    files = {"conf/note.txt": "note.j2", "run.sh": "run.j2"}
    mine = folder(
        described(files, ["summary", "image"], needs="a look at {{ folder | sh }}"),
        note="{{ summary | comment }}\n{% include 'part.j2' %}",
        run="#!/bin/sh\necho {{ image | sh }}\n",
        part="a part\n",
    )
    done = box.create(*ASKED, "--template", mine)
    assert done.returncode == 3, done.stderr
    made = box.folder / "mine-made"
    assert (made / "conf" / "note.txt").read_text() == "PyTorch 2.13.0+cpu\na part\n"
    assert os.access(made / "run.sh", os.X_OK)
    assert f"it needs a look at {made}" in done.stdout
    assert json.loads((made / "envsetup.json").read_text())["target"] == "template"
    assert box.create(*ASKED, "--template", mine, "--yes").returncode == 3  # it may be made again


def test_a_copy_of_a_target_makes_what_the_target_makes(box, tmp_path):
    for name in ("docker", "venv", "kubernetes"):
        copy = tmp_path / "copies" / name
        shutil.copytree(TEMPLATES / name, copy)
        box.json("a/same", *ASKED, "--target", name, "--no-build")
        box.json("b/same", *ASKED, "--template", copy, "--no-build")
        trees = [
            {str(p.relative_to(box.folder / top)): p.read_bytes() for p in (box.folder / top).rglob("*") if p.is_file()}
            for top in ("a", "b")
        ]
        assert set(trees[0]) == set(trees[1])
        different = {path.rpartition("/")[2] for path in trees[0] if trees[0][path] != trees[1][path]}
        assert different <= {"envsetup.json", "ACTIVATE.txt"}  # the one tells of its template, the other of its place
        shutil.rmtree(box.folder / "a")
        shutil.rmtree(box.folder / "b")


def test_a_virtual_environment_takes_files_of_the_users(box, folder):
    mine = folder(described({"hello.txt": "hello.j2"}, ["path"], engines=["uv"]), hello="at {{ path | sh }}\n")
    made = box.json("env", *ASKED[:-2], "--template", mine)
    assert made["verified"]
    assert (box.folder / "env" / "hello.txt").read_text() == f"at {box.folder}/env\n"
    assert (box.folder / "env" / "bin" / "python").exists()


HOSTILE = {
    "code": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "globals": "{{ cycler.__init__.__globals__.os.system('id') }}",
    "filter": "{{ 'x' | attr('__class__') }}",
    "format": "{{ '{0.__class__.__init__.__globals__}'.format(summary) }}",
    "outside": "{% include '../../../etc/passwd' %}",
    "absolute": "{% include '/etc/passwd' %}",
    "import": "{% import 'os' as os %}{{ os.system('id') }}",
    "link": "{% include 'link.j2' %}",
    "pipe": "{% include 'pipe.j2' %}",
    "memory": "{{ 'x' * 10 ** 12 }}",
    "power": "{{ 9 ** 9 ** 9 }}",
    "output": "{% for i in range(99999) %}{{ 'x' * 9999 }}{% endfor %}",
    "itself": "{% include 'out.j2' %}",
    "undefined": "{{ nobody }}",
    "arithmetic": "{{ 1 / 0 }}",
    "syntax": "{% for x in %}",
    "change": "{{ summary.__setattr__('x', 1) }}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_template_is_one_line_and_leaves_nothing(box, folder, name):
    mine = folder(described({"out.txt": "out.j2"}, ["summary"]), out=HOSTILE[name])
    (mine / "link.j2").symlink_to("/etc/passwd")
    os.mkfifo(mine / "pipe.j2")
    done = box.create(*ASKED, "--template", mine, timeout=60)
    if name == "format" and done.returncode == 3:  # refused by its value, which is text as it stands
        assert "__globals__" not in (box.folder / "mine-made" / "out.txt").read_text()
        return
    assert done.returncode == 2, done.stdout + done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.lstrip().startswith("error")]
    assert str(mine) in line
    assert "root:" not in done.stderr + done.stdout
    assert not (box.folder / "mine-made").exists()
    assert box.litter() == []


@pytest.mark.parametrize(
    "path", ["../out", "/etc/cron.d/x", "a/../../x", "", ".", "a//b", "a\\b", "a\nb", "x\u202ey", "a/./b", "x" * 300]
)
def test_a_file_cannot_be_written_elsewhere(box, folder, path):
    mine = folder(described({path: "out.j2"}), out="x")
    done = box.create(*ASKED, "--template", mine)
    assert done.returncode == 2, done.stderr
    assert not (box.folder / "mine-made").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "template.json is missing"),
        ("{", "template.json"),
        ('{"title": "x"}', "template.json"),
        ('{"title": "x", "files": {}, "variables": {}, "more": 1}', "more"),
        ('{"title": "x", "files": {}, "variables": {}}', "`target` is missing"),
        (json.dumps(described({"a": "a.j2"}, ["password"])), "password"),
        (json.dumps(described({"a": "missing.j2"})), "missing.j2"),
        (json.dumps(described({"a": "a.j2", "a/b": "a.j2"})), "a file and a folder"),
        (json.dumps(described({"a": "a.j2"}, folder="../x")), "../x"),
    ],
)
def test_a_folder_that_is_no_template_is_refused(box, folder, text, told):
    mine = folder(described({"a": "a.j2"}), a="x")
    if text is None:
        (mine / "template.json").unlink()
    else:
        (mine / "template.json").write_text(text)
    done = box.create(*ASKED, "--template", mine)
    assert (done.returncode, told in done.stderr) == (2, True), done.stderr
    assert box.create(*ASKED, "--template", box.folder / "nowhere").returncode == 2


def test_options_that_contradict_are_refused(box, folder):
    mine = folder(described({"a": "a.j2"}), a="x")
    assert box.create(*ASKED, "--template", mine, "--target", "docker").returncode == 2
    assert "--develop" in box.create(*ASKED, "--develop").stderr
    made = box.json("img", *ASKED, "--target", "docker", "--develop", "--no-build")
    assert made["image"].endswith("-dev")
    text = (box.folder / "img" / "Dockerfile").read_text()
    assert "g++" in text
    assert 'envsetup.variant="development"' in text
