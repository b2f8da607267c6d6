"""`envsetup verify IMAGE`: a real image through its engine; each fault is planted in a layer above it, and named."""

from __future__ import annotations

import json
import sys
import uuid

import debian
import pytest
from debian import BOOKWORM, PYTHON, buildah

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]
if reason := debian.lacking():
    pytestmark.append(pytest.mark.skip(reason=f"containers: {reason}"))
DOCKER = ("--framework", "pytorch", "--cpu", "--target", "docker", "--python", PYTHON, "--base-image", BOOKWORM)
PLANTED = {
    "file": ("RUN echo '#' >> /opt/venv/lib/python3.11/site-packages/tiny/__init__.py", "files", "was changed"),
    "package": (
        "RUN rm -r /opt/venv/lib/python3.11/site-packages/tiny*",
        "lock",
        "tiny is in the lock but not installed",
    ),
    "user": ("USER root", "user", "the image runs as root"),
    "name": ("USER work", "user", "the user work is a name"),
    "label": ("LABEL envsetup.lock=sha256:00", "labels", "label envsetup.lock is 'sha256:00'"),
    "command": ('CMD ["serve"]', "command", "starts serve, which is not in it"),
    "entrypoint": ('ENTRYPOINT ["/nowhere"]', "command", "starts /nowhere, which is not in it"),
}


@pytest.fixture(autouse=True)
def alone(monkeypatch, only_buildah):
    monkeypatch.setenv("PATH", only_buildah)


@pytest.fixture
def made(box, tmp_path_factory):
    """A small image of the real command: its name, and a way to ask about it; gone after the test."""
    if sys.version_info[:2] != (3, 11):
        pytest.skip(f"containers: the tests run on another Python than {PYTHON}")
    debian.make(BOOKWORM, tmp_path_factory.mktemp("base"))
    names = []

    def verified(target, code):
        done = box.run("verify", target, "--json", timeout=300)
        assert done.returncode == code, done.stderr + done.stdout
        report = json.loads(done.stdout)
        return report, {check["id"]: (check["status"], check["reason"]) for check in report["checks"]}

    def changed(line):
        names.append(f"localhost/envsetup-test-{uuid.uuid4().hex}:1")
        user = "" if line.startswith("USER") else "USER 1000:1000\n"
        (box.folder / "Dockerfile").write_text(f"FROM {verified.name}\nUSER root\n{line}\n{user}")
        buildah("bud", "--format", "docker", "--pull-never", "--tag", names[-1], str(box.folder))
        return names[-1]

    told = box.json("img", *DOCKER, "--name", f"envsetup-test-{uuid.uuid4().hex}")
    verified.name, verified.changed = told["image"], changed
    names.append(told["image"])
    yield verified
    for name in names[::-1]:
        buildah("rmi", "--force", name, check=False)


def test_a_good_one_by_folder_and_by_name(made):
    for target in ("img", made.name):
        report, checks = made(target, 0)
        assert (report["kind"], report["verdict"]) == ("image", "pass")
        assert checks["lock"] == ("PASS", "3 packages as locked")
        assert checks["user"] == ("PASS", "user 1000:1000, uid 1000")
        assert checks["command"] == ("PASS", "starts python (/opt/venv/bin/python)")
        assert {status for status, _ in checks.values()} == {"PASS", "SKIP"}


def test_planted_faults_are_named(made):
    for line, check, said in PLANTED.values():
        report, checks = made(made.changed(line), 1)
        assert report["verdict"] == "fail"
        assert checks[check][0] == "FAIL", (line, checks)
        assert said in checks[check][1]


def test_what_is_no_image_of_envsetup(made, box):
    foreign = box.run("verify", BOOKWORM)
    assert (foreign.returncode, foreign.stderr.count("\n")) == (2, 1)
    assert "was not made by envsetup" in foreign.stderr
    nowhere = box.run("verify", "localhost/envsetup-test-nowhere:1")
    assert nowhere.returncode == 2
    assert "has no image" in nowhere.stderr
    buildah("rmi", "--force", made.name)
    gone = box.run("verify", "img")
    assert gone.returncode == 3
    assert "build it again with envsetup create" in gone.stderr
