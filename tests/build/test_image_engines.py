"""Images built, looked into and run by the real podman and the real docker, on a Debian made here.

Both are given what a machine without a service manager and without every right needs; the daemon is one of the tests.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path

import debian
import pytest
from debian import BOOKWORM, PYTHON, buildah

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]
NEEDS = {"podman": ("podman", "runc", "conmon"), "docker": ("docker", "dockerd", "containerd", "runc")}
DOCKER = ("--framework", "pytorch", "--cpu", "--target", "docker", "--python", PYTHON, "--base-image", BOOKWORM)
BOUNDS = "[engine]\ncgroup_manager = 'cgroupfs'\nevents_logger = 'file'\nruntime = 'runc'\n[containers]\n"
LIMITS = "default_ulimits = ['nofile=1024:1024', 'nproc=1000:1000']\n"  # no more than a container without rights has
READY = 60.0  # seconds


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    if sys.version_info[:2] != (3, 11):
        pytest.skip(f"containers: the tests run on another Python than {PYTHON}")
    return debian.make(BOOKWORM, tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def podman(base, tmp_path_factory):
    """What podman needs to run here; its images are buildah's."""
    del base
    conf = tmp_path_factory.mktemp("podman") / "containers.conf"
    conf.write_text(BOUNDS + LIMITS)
    return {"CONTAINERS_CONF": str(conf)}


@pytest.fixture(scope="module")
def docker(base, tmp_path_factory):
    """A daemon of the tests' own, with the base in it; gone with all its images afterwards."""
    folder = tmp_path_factory.mktemp("docker")
    address = f"unix://{folder}/sock"
    argv = ["dockerd", "--data-root", folder / "data", "--exec-root", folder / "run", "--pidfile", folder / "pid",
            "--host", address, "--storage-driver", "overlay2", "--iptables=false", "--ip6tables=false",
            "--ip-forward=false", "--bip", "10.231.77.1/24"]  # fmt: skip
    env = {"DOCKER_HOST": address, "DOCKER_CONFIG": str(folder)}
    with (folder / "log").open("w") as log:
        daemon = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + READY
        while subprocess.run(["docker", "version"], capture_output=True, env=os.environ | env, check=False).returncode:
            if daemon.poll() is not None or time.monotonic() > deadline:
                pytest.skip(f"containers: no docker daemon here: {(folder / 'log').read_text()[-300:]}")
            time.sleep(0.2)
        buildah("push", base, f"docker-archive:{folder}/base.tar:{base}")
        subprocess.run(["docker", "load", "--input", folder / "base.tar"], check=True, env=os.environ | env)
        yield env
    finally:
        daemon.terminate()
        daemon.wait(READY)
        for place in subprocess.run(
            ["findmnt", "-lno", "TARGET"], capture_output=True, text=True, check=True
        ).stdout.split():
            if place.startswith(str(folder)):
                subprocess.run(["umount", "--lazy", place], check=False)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=sorted(NEEDS))
def engine(request, box, tmp_path):
    """The only engine that answers to the real command: a way to ask it."""
    name = request.param
    if reason := debian.lacking(*NEEDS[name]):
        pytest.skip(f"containers: {reason}")
    env = request.getfixturevalue(name)
    tools = tmp_path / "engines"
    tools.mkdir()
    box.env |= env | {"PATH": debian.only(name, tools)}
    if name == "docker" and Path("/usr/bin/docker").exists():  # Debian's, which needs no plug-in to build
        (tools / "docker").symlink_to("/usr/bin/docker")

    def ask(*argv, check=True):
        return subprocess.run(
            [name, *argv],
            check=check,
            capture_output=True,
            text=True,
            timeout=300,
            env=box.env,
            stdin=subprocess.DEVNULL,
        )

    ask.name, ask.slug = name, f"envsetup-engine-{uuid.uuid4().hex[:12]}"
    yield ask
    images = ask("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
    for image in (image for image in images if ask.slug in image):
        ask("image", "rm", "--force", image, check=False)


def test_an_image_is_built_verified_and_run(box, engine):
    made = box.json("image", *DOCKER, "--name", engine.slug, timeout=600)
    assert made["engine"].startswith(f"{engine.name} ")
    assert {"torch is the cpu build", "user 1000:1000"} <= set(made["verified"])
    config = json.loads(engine("image", "inspect", "--format", "{{json .Config}}", made["image"]).stdout)
    assert (config["User"], config["Labels"]["envsetup.lock"]) == ("1000:1000", made["lock"])
    (box.folder / "train.py").write_text("import os, torch; print(torch.__version__, os.getcwd(), os.listdir('.'))\n")
    line = [box.folder / "image/run.sh", "python", "train.py"]
    told = subprocess.run(line, check=False, capture_output=True, text=True, env=box.env, cwd=box.folder, timeout=120)
    assert (told.returncode, told.stdout.split()[:2]) == (0, ["2.13.0+cpu", "/workspace"]), told.stderr
    assert "train.py" in told.stdout
    for target in ("image", made["image"]):
        report = box.run("verify", target, "--json", timeout=300)
        assert (report.returncode, json.loads(report.stdout)["verdict"]) == (0, "pass"), report.stdout
    assert box.litter() == []


def test_what_is_not_as_planned_is_found_in_the_image(box, engine, wheel_maker):
    folder = box.folder / "broken"
    wheel_maker.torch(folder, **{"torch/__init__.py": "import nothing_of_this_name\n"})
    for name in ("numpy", "tiny"):
        wheel_maker.wheel(folder, name, "1.0")
    done = box.create("image", *DOCKER, "--name", engine.slug, PIP_FIND_LINKS=str(folder), timeout=600)
    said = "the image could not be built: torch: ModuleNotFoundError: No module named 'nothing_of_this_name'"
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    assert engine.slug not in engine("image", "ls").stdout
    assert not (box.folder / "image").exists()


def test_what_an_image_is_not_any_more_is_found_later(box, engine):
    made = box.json("image", *DOCKER, "--name", engine.slug, timeout=600)
    (box.folder / "Dockerfile").write_text(
        f"FROM {made['image']}\nUSER 0:0\nRUN echo '#' >> /opt/venv/lib/python{PYTHON}/site-packages/tiny/__init__.py\n"
    )
    (box.folder / "context").mkdir()
    shutil.move(box.folder / "Dockerfile", box.folder / "context")
    changed = made["image"].replace(engine.slug, f"{engine.slug}-changed")
    engine("build", "-t", changed, box.folder / "context")
    report = json.loads(box.run("verify", changed, "--json", timeout=300).stdout)
    assert {check["id"] for check in report["checks"] if check["status"] == "FAIL"} == {"files", "user"}
