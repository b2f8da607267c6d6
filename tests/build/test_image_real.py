"""Images built for real: buildah on Debians made here, run as non-root without network. Root and Debian packages.

ENVSETUP_TEST_GPU_IMAGE=1 builds PyTorch with CUDA as well: gigabytes, and minutes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import debian
import pytest
from debian import BOOKWORM, PYTHON, TRIXIE, buildah
from hypothesis import given, settings
from hypothesis import strategies as st

from envsetup.render import quoting

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]
if reason := debian.lacking():
    pytestmark.append(pytest.mark.skip(reason=f"containers: {reason}"))
BASE = BOOKWORM
DOCKER = ("--framework", "pytorch", "--cpu", "--target", "docker", "--python", PYTHON, "--base-image", BASE)
OURS = {"img", "again", "other", "dev", "gpu", "envsetup-test-ubuntu", "envsetup-test-labels"}
# A quarter of an hour and 15 GB; without it TensorFlow is built on one base, and nothing with a compiler.
EVERY = bool(os.environ.get("ENVSETUP_TEST_EVERY_IMAGE"))
PACKAGE = {"pytorch": "torch", "tensorflow": "tensorflow"}
ALL = [("pytorch", BOOKWORM), ("tensorflow", BOOKWORM), ("pytorch", TRIXIE)]
ALL += [("tensorflow", TRIXIE)] if EVERY else []
OURS |= {f"{framework}-{base.rpartition(':')[2]}" for framework, base in ALL}
on_every_base = pytest.mark.parametrize(("framework", "base"), ALL, ids=lambda word: word.rpartition(":")[2])


@pytest.fixture(scope="session")
def bases(tmp_path_factory):
    """The Debians, each made once per machine."""
    if sys.version_info[:2] != (3, 11):
        pytest.skip(f"containers: the tests run on Python {sys.version_info[0]}.{sys.version_info[1]}, not on {PYTHON}")
    folders = [tmp_path_factory.mktemp("base") for _ in (BOOKWORM, TRIXIE)]  # here: pytest makes none in two threads
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(debian.make, (BOOKWORM, TRIXIE), folders))


@pytest.fixture(autouse=True)
def alone(monkeypatch, only_buildah):
    monkeypatch.setenv("PATH", only_buildah)


@pytest.fixture
def base(bases):
    """The first of them."""
    return bases[0]


@pytest.fixture(scope="module", autouse=True)
def no_litter(bases):
    """What the tests name is gone after them, and what has no name; others may be at work with other names."""
    before = images()
    yield
    made = [name for name in images() - before if name.split(":")[0].removeprefix("localhost/") in OURS]
    buildah("rmi", *made, check=False) if made else None
    buildah("rmi", "--prune", check=False)
    for base in bases:
        assert buildah("inspect", "--type", "image", base).returncode == 0


def images():
    """The names of all images."""
    listed = json.loads(buildah("images", "--json").stdout or "null") or []
    return {name for found in listed for name in found["names"] or []}


def containers():
    return {found["id"] for found in json.loads(buildah("containers", "--json").stdout or "null") or []}


def create(folder, *argv, timeout=1800, **env):
    """The real command, with this machine's own sources; what it reports."""
    line = [sys.executable, "-m", "envsetup", "create", str(folder), *map(str, argv), "--json"]
    done = subprocess.run(line, check=False, capture_output=True, text=True, timeout=timeout, env=os.environ | env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def built(bases, only_buildah, tmp_path_factory):
    """PyTorch and TensorFlow for the CPU on both Debians, on the second from the first one's lock: reports, folders."""
    work = tmp_path_factory.mktemp("real")
    made = {}

    def build(framework, base):
        folder = work / f"{framework}-{base.rpartition(':')[2]}"
        asked = ["--framework", framework, "--cpu", "--target", "docker", "--python", PYTHON, "--base-image", base]
        if base == TRIXIE:
            asked += ["--lock", made[framework, BOOKWORM][1] / "requirements.lock"]
        made[framework, base] = create(folder, *asked, PATH=only_buildah), folder

    for base in bases:
        wanted = [framework for framework, on in ALL if on == base]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda framework, on=base: build(framework, on), wanted))
    return made


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


@on_every_base
def test_the_image_is_verified_and_says_what_it_is(built, framework, base):
    made, folder = built[framework, base]
    assert made["engine"].startswith("buildah ")
    assert "user 1000:1000" in made["verified"]
    assert any(fact.startswith(f"imported {PACKAGE[framework]} ") for fact in made["verified"])
    inspected = json.loads(buildah("inspect", "--type", "image", made["image"]).stdout)["Docker"]["config"]
    assert inspected["Labels"]["envsetup.lock"] == made["lock"]
    assert inspected["Labels"]["org.opencontainers.image.base.name"] == base
    assert inspected["WorkingDir"] == "/workspace"
    assert not [line for line in inspected["Env"] if "LD_LIBRARY_PATH" in line]
    assert (folder / "wheels").is_dir()


@pytest.mark.parametrize("framework", [framework for framework, base in ALL if base == TRIXIE])
def test_from_the_lock_come_the_same_packages_on_another_system(built, inside, framework):
    first, second = (built[framework, base][0] for base in (BOOKWORM, TRIXIE))
    assert first["packages"] == second["packages"]
    program = (
        "import importlib.metadata as m, json, pathlib; "
        "print(json.dumps([pathlib.Path('/etc/debian_version').read_text()[:2],"
        " {d.name.lower().replace('_', '-'): d.version for d in m.distributions()}]))"
    )
    systems, packages = zip(
        *(json.loads(inside(made["image"], "python", "-c", program).stdout) for made in (first, second)), strict=True
    )
    assert systems == ("12", "13")
    assert packages[0] == packages[1] == {name.replace("_", "-"): v for name, v in first["packages"].items()}


@on_every_base
def test_smoke_passes_inside_as_nobody_special_and_without_network(built, tmp_path, framework, base):
    container = buildah("from", "--pull-never", built[framework, base][0]["image"]).stdout.strip()
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\nfor folder; do :; done\n"  # the last argument is the folder of the payload
        'chmod -R a+rwX "$folder"\n'
        'exec unshare --net buildah run --isolation chroot --volume "$folder:$folder" --env "TMPDIR=$TMPDIR" '
        f'{container} -- /opt/venv/bin/python "$@"\n'
    )
    python.chmod(0o755)
    asked = ["--env", str(python), "--framework", framework, "--device", "cpu", "--json"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "envsetup", "smoke", *asked],
            check=False,
            capture_output=True,
            text=True,
            timeout=600,
        )
    finally:
        buildah("rm", container)
    report = json.loads(done.stdout)
    wrong = [check for check in report["checks"] if check["status"] not in {"PASS", "SKIP"}]
    assert (done.returncode, report["verdict"]) == (0, "pass"), (wrong, done.stderr)
    assert {c["id"]: c["status"] for c in report["checks"]}["learning"] == "PASS"


@on_every_base
def test_the_user_is_not_root_can_write_and_has_no_network(built, inside, framework, base):
    program = (
        "import os, pathlib, socket, json, importlib.util\n"
        "pathlib.Path('/workspace/x').write_text('x'); pathlib.Path.home().joinpath('x').write_text('x')\n"
        "try:\n    open('/opt/venv/x', 'w'); venv = True\nexcept OSError:\n    venv = False\n"
        "names = [name for _, name in socket.if_nameindex()]\n"
        "pip = importlib.util.find_spec('pip') is not None\n"
        "print(json.dumps([os.getuid(), os.getgid(), os.environ['HOME'], venv, names, pip]))"
    )
    told = json.loads(inside(built[framework, base][0]["image"], "python", "-c", program).stdout)
    assert told == [1000, 1000, "/home/work", False, ["lo"], False]


@pytest.mark.skipif(not EVERY, reason="make images builds it: minutes and gigabytes")
def test_the_image_for_development_compiles(built, inside, tmp_path):
    lock = built["pytorch", BOOKWORM][1] / "requirements.lock"
    made = create(tmp_path / "dev", *DOCKER, "--develop", "--lock", lock)
    assert made["image"].endswith("-dev")
    program = (
        "import torch\nf = torch.compile(lambda x: (x * 2 + 1).relu().sum())\n"
        "x = torch.arange(-4.0, 4.0)\nassert torch.equal(f(x), (x * 2 + 1).relu().sum())\nprint('compiled')\n"
    )
    assert inside(made["image"], "python", "-c", program).stdout == "compiled\n"
    plain = inside(built["pytorch", BOOKWORM][0]["image"], "sh", "-c", "command -v c++", check=False)
    assert plain.returncode != 0


@pytest.mark.usefixtures("base")
def test_a_digest_that_is_gone_is_said_and_the_tag_is_taken(box):
    gone = f"sha256:{'0' * 64}"
    asked = [word if word != BASE else f"{BASE}@{gone}" for word in DOCKER]
    made = box.json("img", *asked)
    [note] = made["notes"]
    assert note.startswith(f"the base {gone} cannot be had")
    assert note.endswith(f"built on {BASE} instead")
    assert f'ARG BASE_IMAGE="{BASE}"' in (box.folder / "img" / "Dockerfile").read_text()
    labels = json.loads(buildah("inspect", "--type", "image", made["image"]).stdout)["Docker"]["config"]["Labels"]
    assert labels["org.opencontainers.image.base.name"] == BASE
    assert "org.opencontainers.image.base.digest" not in labels
    # Where only the digest was named there is nothing else that could have been meant.
    done = box.create("other", *[word.replace(":bookworm@", "@") for word in asked])
    assert done.returncode == 1
    assert "its tag would do" in done.stderr
    assert not (box.folder / "other").exists()


@pytest.mark.usefixtures("base")
def test_what_a_killed_build_left_is_gone_after_the_next_one(box):
    mine = buildah("from", "--pull-never", BASE).stdout.strip()  # the user's own, on the same base
    before = containers()
    killed = subprocess.Popen(
        box.command("img", *DOCKER), cwd=box.folder, env=box.env, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 90
        while containers() <= before:
            assert time.monotonic() < deadline
            assert killed.poll() is None
            time.sleep(0.1)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        left = containers() - before
        assert left
        assert not (box.folder / "img").exists()
        box.json("img", *DOCKER)
        assert not containers() & left
        assert buildah("inspect", "--type", "container", mine, check=False).returncode == 0
        assert not [name for name in images() if "envsetup-run-" in name]
        assert box.litter() == []
    finally:
        buildah("rm", mine)


@pytest.mark.skipif(not os.environ.get("ENVSETUP_TEST_GPU_IMAGE"), reason="gigabytes; ENVSETUP_TEST_GPU_IMAGE=1")
@pytest.mark.usefixtures("base")
def test_the_gpu_image_holds_code_for_the_gpus_of_its_plan(inside, tmp_path):
    machine = tmp_path / "gpu.json"
    gpu = {"vendor": "nvidia", "name": "NVIDIA H100 80GB HBM3", "compute_capability": "9.0", "memory_mib": 81559}
    machine.write_text(
        json.dumps({
            "schema": "envsetup.machine/1", "os": {"system": "linux"}, "arch": "x86_64", "gpus": [gpu],
            "driver": {"nvidia": "580.65.06"}, "libc": {"name": "glibc", "version": "2.36"},
        })
    )  # fmt: skip
    asked = [word for word in DOCKER if word != "--cpu"]
    made = create(tmp_path / "gpu", *asked, "--gpu", "--machine", machine, "--source", "pypi", timeout=3600)
    assert any(fact.startswith("compiled for ") and fact.endswith("covers 9.0") for fact in made["verified"])
    told = inside(made["image"], "python", "-c", "import torch; print(torch._C._cuda_getArchFlags())").stdout
    assert {"sm_90"} <= set(told.split())
    labels = json.loads(buildah("inspect", "--type", "image", made["image"]).stdout)["Docker"]["config"]["Labels"]
    assert labels["envsetup.architectures"] == "9.0"
    assert labels["envsetup.minimum-driver"]


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


TURNS = """
import os, subprocess, sys
from envsetup.build import leftovers, process
def buildah(*argv):
    return process.run(["buildah", *argv], env=os.environ, timeout=60)
for _ in range(25):
    with leftovers.marked(buildah, sys.argv[1]) as alias:
        assert buildah("inspect", "--type", "image", alias).ok, f"{alias} is gone"
"""


def test_runs_at_the_same_time_do_not_take_each_others_names(base):
    """buildah writes all names of an image anew for each that is added: of two at once, one is lost."""
    running = [subprocess.Popen([sys.executable, "-c", TURNS, base], stderr=subprocess.PIPE) for _ in range(4)]
    said = [process.communicate(timeout=120)[1].decode() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0, 0], said
    assert not [name for name in images() if "envsetup-run-" in name]
