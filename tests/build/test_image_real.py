"""Images built for real: buildah on a Debian made here, run as non-root without network. Root and Debian packages."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envsetup.render import quoting

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]
SUITE = "bookworm"  # Python 3.11, glibc 2.36
PYTHON = "3.11"
BASE = f"localhost/envsetup-test-base:{SUITE}"
DOCKER = ("--framework", "pytorch", "--cpu", "--target", "docker", "--python", PYTHON, "--base-image", BASE)


def lacking():
    """What is missing here for building images, or nothing."""
    missing = [name for name in ("buildah", "mmdebstrap", "unshare") if shutil.which(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    return "not root" if os.geteuid() else ""


if reason := lacking():
    pytestmark.append(pytest.mark.skip(reason=f"containers: {reason}"))


def buildah(*argv, check=True, **kwargs):
    env = os.environ | {"BUILDAH_ISOLATION": "chroot"}
    return subprocess.run(["buildah", *argv], check=check, capture_output=True, text=True, env=env, **kwargs)


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """A Debian with Python as a local image, made once per machine."""
    work = tmp_path_factory.getbasetemp()
    with (work.parent / "containers-base.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if buildah("inspect", "--type", "image", BASE, check=False).returncode:
            archive = work / f"{SUITE}.tar"
            options = ["--quiet", "--variant=minbase", "--include=ca-certificates,python3,python3-venv", SUITE]
            less = [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("man", "doc", "locale")]
            made = subprocess.run(["mmdebstrap", *less, *options, archive], check=False, capture_output=True, text=True)
            assert made.returncode == 0, made.stderr
            container = buildah("from", "scratch").stdout.strip()
            buildah("add", "--quiet", container, str(archive), "/")
            path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            buildah("config", "--env", f"PATH={path}", container)
            buildah("commit", "--quiet", "--rm", "--format", "docker", container, BASE)
            archive.unlink()
    return BASE


@pytest.fixture(scope="module", autouse=True)
def no_litter(base):
    """Every image that the tests made is gone after them, but for the base."""
    before = set(buildah("images", "--quiet", "--all").stdout.split())
    yield
    made = [found for found in buildah("images", "--quiet", "--all").stdout.split() if found not in before]
    buildah("rmi", "--force", *made, check=False) if made else None
    assert buildah("inspect", "--type", "image", base).returncode == 0


@pytest.fixture(scope="session")
def torch_image(base, tmp_path_factory):
    """The PyTorch CPU image, built by the real command from this machine's sources: what it reports, and its folder."""
    folder = tmp_path_factory.mktemp("real") / "img"
    argv = [sys.executable, "-m", "envsetup", "create", str(folder), *DOCKER, "--json"]
    assert base in argv
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), folder


@pytest.fixture
def inside():
    """Runs a command as an image's user without network."""
    made = []

    def run(image, *argv, options=(), check=True):
        container = buildah("from", "--pull-never", image).stdout.strip()
        made.append(container)
        line = ["unshare", "--net", "buildah", "run", "--isolation", "chroot", *options, container, "--", *argv]
        return subprocess.run(line, check=check, capture_output=True, text=True, timeout=300)

    yield run
    for container in made:
        buildah("rm", container, check=False)


def test_the_image_is_verified_and_says_what_it_is(torch_image):
    made, folder = torch_image
    assert made["engine"].startswith("buildah ")
    assert "torch is the cpu build" in made["verified"]
    assert "user 1000:1000" in made["verified"]
    inspected = json.loads(buildah("inspect", "--type", "image", made["image"]).stdout)["Docker"]["config"]
    assert inspected["Labels"]["envsetup.lock"] == made["lock"]
    assert inspected["Labels"]["org.opencontainers.image.base.name"] == BASE
    assert inspected["WorkingDir"] == "/workspace"
    assert not [line for line in inspected["Env"] if "LD_LIBRARY_PATH" in line]
    assert (folder / "wheels").is_dir()


def test_smoke_passes_inside_as_nobody_special_and_without_network(torch_image, tmp_path):
    container = buildah("from", "--pull-never", torch_image[0]["image"]).stdout.strip()
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\nfor folder; do :; done\n"  # the last argument is the folder of the payload
        'chmod -R a+rwX "$folder"\n'
        'exec unshare --net buildah run --isolation chroot --volume "$folder:$folder" --env "TMPDIR=$TMPDIR" '
        f'{container} -- /opt/venv/bin/python "$@"\n'
    )
    python.chmod(0o755)
    argv = [sys.executable, "-m", "envsetup", "smoke", "--env", str(python), "--device", "cpu", "--json"]
    try:
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=600)
    finally:
        buildah("rm", container)
    report = json.loads(done.stdout)
    assert (done.returncode, report["verdict"]) == (0, "pass"), done.stderr
    assert {c["id"]: c["status"] for c in report["checks"]}["learning"] == "PASS"


def test_the_user_is_not_root_can_write_and_has_no_network(torch_image, inside):
    program = (
        "import os, pathlib, socket, json, importlib.util\n"
        "pathlib.Path('/workspace/x').write_text('x'); pathlib.Path.home().joinpath('x').write_text('x')\n"
        "try:\n    open('/opt/venv/x', 'w'); venv = True\nexcept OSError:\n    venv = False\n"
        "names = [name for _, name in socket.if_nameindex()]\n"
        "pip = importlib.util.find_spec('pip') is not None\n"
        "print(json.dumps([os.getuid(), os.getgid(), os.environ['HOME'], venv, names, pip]))"
    )
    told = json.loads(inside(torch_image[0]["image"], "python", "-c", program).stdout)
    assert told == [1000, 1000, "/home/work", False, ["lo"], False]


@pytest.mark.usefixtures("base")
def test_a_secret_of_the_build_is_in_no_layer(box, wheels, index, inside):
    guarded = index(wheels, password="s3cr3t-w0rd")
    address = f"http://user:s3cr3t-w0rd@{guarded.host}/simple"
    env = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": address}
    made = box.json("img", *DOCKER, **env)
    assert any(path.startswith("/files/") for path in guarded.requests)
    grep = inside(made["image"], "grep", "-rl", "s3cr3t", "/opt", "/etc", "/root", "/tmp", "/run", "/home", check=False)
    assert grep.stdout == ""
    assert "s3cr3t" not in buildah("inspect", "--type", "image", made["image"]).stdout
    # From what was rendered, without envsetup and without an index: the same packages again.
    assert (
        box.json("again", *DOCKER, "--lock", box.folder / "img" / "requirements.lock")["packages"] == made["packages"]
    )


def test_a_number_that_the_base_uses_already_is_that_user(base, box, inside):
    (box.folder / "Dockerfile").write_text(f"FROM {base}\nRUN useradd --uid 1000 --create-home ubuntu\n")
    buildah("bud", "--format", "docker", "--tag", "localhost/envsetup-test-ubuntu", str(box.folder))
    other = [word if word != BASE else "localhost/envsetup-test-ubuntu" for word in DOCKER]
    made = box.json("img", *other)
    told = inside(made["image"], "sh", "-c", "id -un; cd; pwd; touch x").stdout.split()
    assert told == ["work", "/home/work"]


@pytest.mark.usefixtures("base")
def test_what_goes_wrong_in_a_build_is_one_line_and_leaves_nothing(box, wheel_maker):
    wrong = [word if word != PYTHON else "3.12" for word in DOCKER]
    done = box.create("img", *wrong)
    assert done.returncode == 1, done.stderr
    assert "the base has Python 3.11, locked is 3.12" in done.stderr
    assert not (box.folder / "img").exists()
    broken = box.folder / "broken"
    wheel_maker.torch(broken, requires=(), **{"torch/__init__.py": "raise OSError('libbroken.so: cannot open')\n"})
    wheel_maker.wheel(broken, "numpy", "2.4.0")
    done = box.create("img", *DOCKER, PIP_FIND_LINKS=str(broken))
    assert done.returncode == 1
    assert "torch: OSError: libbroken.so: cannot open" in done.stderr
    assert not (box.folder / "img").exists()
    assert box.litter() == []


TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # the direction of reading
printable = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters=TURNING), min_size=1, max_size=30
)
NASTY = ["it's", '"', "$HOME ${HOME} $(id) `id`", "a\\b\\\\", "{{x}}", "é漢🙂", "#x", " ", "a=b c=d", "\\$x", "\\"]


@settings(max_examples=5, deadline=None, database=None)
@given(st.lists(printable, min_size=5, max_size=15).map(lambda drawn: NASTY + drawn))
def test_a_label_means_what_was_quoted(values):
    labels = " \\\n  ".join(f"l{number}={quoting.dockerfile(value)}" for number, value in enumerate(values))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Dockerfile").write_text(f"FROM scratch\nLABEL {labels}\n", encoding="utf-8")
        buildah("bud", "--format", "docker", "--tag", "localhost/envsetup-test-labels", folder)
    told = json.loads(buildah("inspect", "--type", "image", "localhost/envsetup-test-labels").stdout)
    found = told["Docker"]["config"]["Labels"]
    assert [found[f"l{number}"] for number in range(len(values))] == values
