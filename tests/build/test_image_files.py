"""The files of an image: parsed back, linted, the same bytes each time, and nothing of this machine in them."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from envsetup.build.engines import cause
from envsetup.build.naming import slug
from envsetup.model.errors import InputError
from envsetup.render import quoting
from envsetup.render.templates import render_example

pytestmark = pytest.mark.build
BIN = Path(sys.executable).parent
DOCKER = ("--framework", "pytorch", "--cpu", "--target", "docker", "--python", "3.11")
FILES = {
    ".dockerignore", "Dockerfile", "compose.yaml", "envsetup.json", "requirements.lock", "run.sh", "self_check.py",
    "wheels/README.txt",
}  # fmt: skip


def tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def lint(*argv):
    done = subprocess.run([str(BIN / argv[0]), *map(str, argv[1:])], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def example(tmp_path):
    """The example of the template, a GPU image, as files."""
    for name, content in render_example("docker").items():
        path = tmp_path / "example" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "example"


def test_only_the_files_and_the_wheels_of_folders(box, wheels):
    made = box.json("img", *DOCKER, "--no-build")
    assert made["status"] == "rendered"
    found = {path: text for path, text in tree(box.folder / "img").items() if not path.startswith(".envsetup/")}
    assert set(found) == FILES | {f"wheels/{p.name}" for p in wheels.iterdir()}
    for wheel in wheels.iterdir():
        assert hashlib.sha256(found[f"wheels/{wheel.name}"]).digest() == hashlib.sha256(wheel.read_bytes()).digest()
    assert made["image"] == f"localhost/img:{made['lock'].removeprefix('sha256:')[:12]}"
    assert stat.S_IMODE((box.folder / "img" / "run.sh").stat().st_mode) == 0o755


def test_the_same_request_renders_the_same_bytes(box):
    for folder in ("a", "b"):
        box.json(f"{folder}/img", *DOCKER, "--no-build")
    assert tree(box.folder / "a") == tree(box.folder / "b")


def test_it_holds_the_lock_that_a_venv_would(box):
    box.json("img", *DOCKER, "--no-build")
    box.json("env", "--framework", "pytorch", "--cpu", "--no-build")
    locks = [(box.folder / name / "requirements.lock").read_text() for name in ("img", "env")]
    assert [line for line in locks[0].splitlines() if line[0] != "#"] == [
        line for line in locks[1].splitlines() if line[0] != "#"
    ]


def test_no_place_of_this_machine_and_no_password(box, wheels, index):
    guarded = index(wheels, password="s3cr3t-w0rd")
    extra = f"http://user:s3cr3t-w0rd@{guarded.host}/simple"
    for name, env in {
        "folder": {},
        "index": {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": extra},
    }.items():
        box.json(name, *DOCKER, "--no-build", **env)
        for path, content in tree(box.folder / name).items():
            if not path.endswith(".whl"):
                for told in (str(wheels), str(box.home), guarded.host, "s3cr3t"):
                    assert told.encode() not in content, (path, told)
    assert not list((box.folder / "index" / "wheels").glob("*.whl"))


def test_linters_have_nothing_to_say(example, box):
    box.json("img", *DOCKER, "--no-build")
    for folder in (example, box.folder / "img"):
        lint("hadolint", folder / "Dockerfile")
        lint("shellcheck", folder / "run.sh")
        lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", folder / "compose.yaml")


def test_the_linters_do_look(example):
    compose = example / "compose.yaml"
    compose.write_text(compose.read_text().replace("capabilities", "capabilites"))
    with pytest.raises(AssertionError):
        lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", compose)


def test_a_gpu_is_reserved_and_the_override_takes_it_back(example):
    yaml = YAML(typ="safe")
    devices = yaml.load(example / "compose.yaml")["services"]["work"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}]
    text = (example / "compose.cpu.yaml").read_text()
    assert "devices: !reset []" in text
    override = yaml.load(text.replace("!reset ", ""))
    assert override["services"]["work"]["deploy"]["resources"]["reservations"]["devices"] == []


def test_only_a_gpu_image_speaks_of_gpus(example, box):
    box.json("img", *DOCKER, "--no-build")
    for path, content in tree(box.folder / "img").items():
        if path in {"Dockerfile", "compose.yaml", "run.sh"}:
            assert b"nvidia" not in content.lower(), path
    dockerfile = (example / "Dockerfile").read_text()
    assert "NVIDIA_DRIVER_CAPABILITIES=compute,utility" in dockerfile
    assert "LD_LIBRARY_PATH" not in dockerfile


def test_the_run_script_asks_each_engine_in_its_own_words(example, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("docker", "podman"):
        (tools / name).write_text('#!/bin/sh\ncase $1 in image) exit 0;; esac\necho "$0" "$@"\n')
        (tools / name).chmod(0o755)

    (tools / "id").write_text('#!/bin/sh\necho "${AS:-1000}"\n')
    (tools / "id").chmod(0o755)

    def run(**env):
        argv = ["sh", str(example / "run.sh"), "python", "it's.py"]
        kept = os.environ | {"PATH": f"{tools}:/usr/bin:/bin"} | env
        return subprocess.run(
            argv, check=True, capture_output=True, text=True, env=kept, stdin=subprocess.DEVNULL
        ).stdout

    assert "--gpus all" in run()
    assert run().rstrip().endswith("localhost/demo:946d195a0d25 python it's.py")
    assert "--device nvidia.com/gpu=all" in run(ENGINE="podman")
    assert "--userns keep-id:uid=1000,gid=1000" in run(ENGINE="podman")
    root = run(ENGINE="podman", AS="0")
    assert ("--userns" in root, "--user 0:0" in root) == (False, True)
    assert "--device nvidia.com/gpu=all" in run(GPU="cdi")
    assert "gpu" not in run(GPU="none")


def test_without_an_engine_it_says_what_to_run(box):
    done = box.create("img", *DOCKER, PATH="/nonexistent")
    assert done.returncode == 3, done.stderr
    told = next(line for line in done.stdout.splitlines() if line.startswith("not built"))
    assert "docker: not installed; podman: not installed; buildah: not installed" in told
    assert told.endswith(f" {box.folder / 'img'}")
    assert set(tree(box.folder / "img")) > {"Dockerfile"}
    assert json.loads(box.create("img", *DOCKER, "--json", PATH="/nonexistent").stdout)["not_built"]


FAKE = """#!/bin/sh
echo "${0##*/} $*" >> "$FAKE_LOG"
case $1 in
version) echo 27.1.0 ;;
--version) echo "podman version 5.6.0" ;;
pull)
  case $2 in *@sha256:0000*) echo "Error: manifest unknown" >&2; exit 1 ;; esac ;;
image)
  case $* in
  *RepoDigests*) echo "[\\"registry/x@sha256:$(printf '%064d' 7)\\"]" ;;
  *RepoDigests* | *.Config*) ;;
  *) exit 1 ;;  # nothing is here before it is pulled
  esac ;;
build)
  [ -n "$FAKE_FAILS" ] && { echo "${FAKE_SAYS:-#9 1.2 ERROR: Could not find a version of torch in $SEEN}" >&2; exit 1; }
  for word; do case $word in id=pip_conf,src=*) cat "${word#id=pip_conf,src=}" > "$FAKE_LOG.conf" ;; esac; done
  while [ $# -gt 1 ]; do [ "$1" = --iidfile ] && echo sha256:cafe > "$2"; shift; done ;;
esac
"""


def with_engine(box, name):
    """An engine that notes what it is asked: neither docker nor podman is here."""
    tools = box.folder / "tools"
    tools.mkdir()
    (tools / name).write_text(FAKE)
    (tools / name).chmod(0o755)
    box.env |= {"PATH": f"{tools}:/usr/bin:/bin", "FAKE_LOG": str(box.folder / "log")}
    return box


@pytest.fixture
def docker(box):
    return with_engine(box, "docker")


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_each_engine_is_asked_in_its_own_words(box, name):
    made = with_engine(box, name).json("img", *DOCKER, "--no-verify", HTTPS_PROXY="http://proxy:3128")
    asked = [line.split(" ", 1)[1] for line in (box.folder / "log").read_text().splitlines()]
    digest = f"docker.io/library/python@sha256:{7:064d}"
    base = "docker.io/library/python:3.11-slim-bookworm"
    look = {"docker": "version --format {{.Server.Version}}", "podman": "--version"}[name]
    assert asked[:4] == [
        look, f"image inspect {base}", f"pull {base}", f"image inspect --format {{{{json .RepoDigests}}}} {base}"
    ]  # fmt: skip
    build = asked[4].split()
    assert (
        build[: build.index("--secret")]
        == {"docker": ["build"], "podman": ["build", "--format", "docker", "--layers"]}[name]
    )
    # The value of a proxy may hold a password: docker takes it from the environment, podman by itself.
    assert ("--build-arg HTTPS_PROXY" in asked[4]) == (name == "docker")
    assert "proxy:3128" not in asked[4]
    assert asked[5:] == [f"tag sha256:cafe {made['image']}"]
    assert made["notes"] == []
    # What was fetched is what the files name from now on, with the tag beside it.
    text = (box.folder / "img" / "Dockerfile").read_text()
    assert f'ARG BASE_IMAGE="{digest}"' in text
    assert f'org.opencontainers.image.base.name="{base}"' in text
    assert f'org.opencontainers.image.base.digest="sha256:{7:064d}"' in text


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_the_tag_takes_the_place_of_a_digest_that_is_gone(box, name):
    gone = f"sha256:{0:064d}"
    made = with_engine(box, name).json("img", *DOCKER, "--no-verify", "--base-image", f"debian:12@{gone}")
    [note] = made["notes"]
    assert note.startswith(f"the base {gone} cannot be had (Error: manifest unknown); built on debian:12, which is")
    assert f'ARG BASE_IMAGE="debian@sha256:{7:064d}"' in (box.folder / "img" / "Dockerfile").read_text()
    assert "note      the base" in box.create("two", *DOCKER, "--no-verify", f"--base-image=debian:12@{gone}").stdout


def test_docker_gets_the_configuration_as_a_secret(docker, wheels, index):
    guarded = index(wheels, password="s3cr3t-w0rd")
    address = f"http://user:s3cr3t-w0rd@{guarded.host}/simple"
    env = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": address}
    made = docker.json("img", *DOCKER, "--no-verify", **env)
    assert (made["engine"], made["verified"]) == ("docker 27.1.0", None)
    log = (docker.folder / "log").read_text()
    assert "s3cr3t" not in log
    assert f"tag sha256:cafe {made['image']}" in log
    assert f"index-url = {address}" in (docker.folder / "log.conf").read_text()
    assert not [p for p in docker.folder.rglob("pip.conf") if docker.home not in p.parents]


def test_a_docker_without_its_builder_is_told_what_to_install(docker):
    said = "ERROR: BuildKit is enabled but the buildx component is missing or broken.\\n  Install the buildx component"
    done = docker.create("img", *DOCKER, FAKE_FAILS="1", FAKE_SAYS=said)
    assert done.returncode == 1
    assert "missing or broken. (install docker's plug-in buildx, or podman or buildah in docker's place)" in done.stderr


def test_a_failed_build_leaves_nothing_and_tells_no_secret(docker, wheels, index):
    guarded = index(wheels, password="s3cr3t-w0rd")
    address = f"http://user:s3cr3t-w0rd@{guarded.host}/simple"
    env = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": address, "FAKE_FAILS": "1", "SEEN": address}
    done = docker.create("img", *DOCKER, **env)
    assert done.returncode == 1
    assert "the image could not be built: Could not find a version of torch in http://****@" in done.stderr
    assert "s3cr3t" not in done.stderr + done.stdout
    assert not (docker.folder / "img").exists()
    assert docker.litter() == []


@pytest.mark.parametrize(
    "bad", ["a b", "x\nRUN id", "$(id)", "{{7*7}}", "../x", "Debian", "x@sha256:12", "\x1b", "-v", "a//b", "x:"]
)
def test_a_hostile_base_is_refused(box, bad):
    done = box.create("img", *DOCKER, f"--base-image={bad}")
    assert done.returncode == 2, done.stdout
    assert "--base-image" in done.stderr
    assert not (box.folder / "img").exists()


@pytest.mark.parametrize("bad", ["3.11\n", "3.11;id", "python3", "2.7", "3.99", "../python"])
def test_a_python_that_no_base_has_is_refused(box, bad):
    done = box.create("img", "--framework", "pytorch", "--cpu", "--target", "docker", "--python", bad)
    assert done.returncode == 2, done.stdout
    assert "--python" in done.stderr


def test_options_that_do_not_fit_are_refused(box):
    assert "--python" in box.create("img", *DOCKER[:-2], "--base-image", "debian:12").stderr
    assert "--base-image" in box.create("img", "--framework", "pytorch", "--base-image", "debian:12").stderr
    assert box.create("img", *DOCKER, "--name", "...").returncode == 2


@given(st.text(max_size=40))
def test_a_slug_is_a_name_for_every_engine(name):
    try:
        found = slug(name)
    except InputError:
        return
    assert quoting.REFERENCE.fullmatch(found)
    assert found == slug(found)


TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # the direction of reading
printable = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters=TURNING), max_size=30)


@given(printable)
def test_compose_gives_back_what_was_quoted(value):
    read = YAML(typ="safe").load(f"x: {quoting.compose(value)}")["x"]
    assert read.replace("$$", "$") == value
    assert "$" not in read.replace("$$", "")


def test_the_reason_is_the_innermost_one():
    text = "STEP 4\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES\nError: building at STEP: exit status 1\n"
    assert cause(text) == "THESE PACKAGES DO NOT MATCH THE HASHES"
    assert cause("Error: short-name did not resolve\n") == "Error: short-name did not resolve"
    assert cause("") == "it gave no reason"
