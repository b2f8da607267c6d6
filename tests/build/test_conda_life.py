"""Conda environments from a lock, and made anew: the difference shown, the old one there until the new is good."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from condachannel import PYTHON, SITE, Channel, asked, pytorch_channel, served, torch_files
from hypothesis import given
from hypothesis import strategies as st

from envsetup.build import explicit
from envsetup.model.errors import InputError

pytestmark = pytest.mark.build
HASH = "0" * 64


def version(env):
    argv = [env / "bin/python", "-c", "import torch; print(torch.__version__)"]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    assert subprocess.run([env / "bin/where"], capture_output=True, text=True, check=True).stdout == f"{env}\n"
    return told


def update(box, *args, code=0, **env):
    done = box.run("update", "env", *args, "--json", **env)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout else done.stderr.splitlines()[-1]


@pytest.fixture
def old(box, tmp_path):
    """A conda environment of yesterday, and a channel that has a newer PyTorch today; `newer` puts it there."""
    made = pytorch_channel(tmp_path / "served")
    box.json("env", *asked(made.folder, "--cpu", "--name", "lab"))

    def newer(**files):
        made.add("pytorch", "2.14.0", "cpu_1", torch_files(None, version="2.14.0") | files, [f"python {PYTHON}.*"])
        made.add("pytorch-cpu", "2.14.0", "cpu_1", {"share/cpu": "x"}, ["pytorch 2.14.0 *cpu*", "extra"])
        made.add("extra", "1.0", "0", {"share/extra": "x"}, subdir="noarch")

    box.newer, box.target, box.channel = newer, box.folder / "env", made.folder
    return box


def test_the_difference_is_shown_and_nothing_is_touched(old):
    assert update(old, "--dry-run")["status"] == "unchanged"
    old.newer()
    before = sorted(path.relative_to(old.target) for path in old.target.rglob("*"))
    told = update(old, "--dry-run")
    assert (told["status"], told["before"], told["after"]) == ("planned", "PyTorch 2.13.0+cpu", "PyTorch 2.14.0+cpu")
    assert told["packages"] == {
        "added": {"extra": "1.0 0"},
        "removed": {},
        "changed": {name: {"before": "2.13.0 cpu_0", "after": "2.14.0 cpu_1"} for name in ("pytorch", "pytorch-cpu")},
    }
    assert {"- torch 2.13.0+cpu", "+ torch 2.14.0+cpu"} <= set(told["plan"])
    assert "+# PyTorch 2.14.0+cpu. Made by" in told["files"]["environment.yml"]
    assert told["files"]["explicit.txt"] == ""
    assert sorted(path.relative_to(old.target) for path in old.target.rglob("*")) == before
    done = old.run("update", "env", "--dry-run")
    assert "  ~ pytorch 2.13.0 cpu_0 -> 2.14.0 cpu_1\n" in done.stdout


def test_it_is_made_anew_beside_the_old_one_which_is_kept(old):
    old.newer()
    file = old.target / "environment.yml"
    file.write_text(file.read_text() + "  - mine\n")
    (old.target / "data").mkdir()
    (old.target / "data/set.csv").write_text("1,2\n")
    (old.target / SITE / "hack.py").write_text("")
    info = old.target / SITE / "mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: mine\nVersion: 1.0\n")
    (info / "RECORD").write_text("mine-1.0.dist-info/METADATA,,\nmine-1.0.dist-info/RECORD,,\n")
    told = update(old, "--yes")
    assert (told["status"], told["created"]["verified"][0]) == ("updated", "4 packages as solved")
    assert (told["merged"], told["carried"], told["added"]) == (["environment.yml"], ["data/set.csv"], {"mine": "1.0"})
    assert told["left"] == [f"{SITE}/hack.py"]
    assert version(old.target) == "2.14.0"
    assert (old.target / "environment.yml").read_text().endswith("  - mine\n")
    assert (old.target / "data/set.csv").read_text() == "1,2\n"
    manifest = json.loads((old.target / "envsetup.json").read_text())
    assert (manifest["name"], manifest["request"]["python"]) == ("lab", PYTHON)
    assert old.run("verify", "env").returncode == 0
    assert update(old, "--yes")["status"] == "unchanged"
    assert update(old, "--rollback")["after"] == "PyTorch 2.13.0+cpu"
    assert version(old.target) == "2.13.0"
    assert update(old, "--rollback")["status"] == "rolled-back"
    assert version(old.target) == "2.14.0"
    assert old.litter() == []


@pytest.mark.parametrize("fault", ["import", "tampered", "gone", "edit"])
def test_a_failure_leaves_the_old_one(old, fault):
    old.newer(**({f"{SITE}/torch/__init__.py": "import nothing_of_this_name\n"} if fault == "import" else {}))
    if fault == "tampered":
        file = next((old.channel / "linux-64").glob("pytorch-cpu-2.14.0-*"))
        file.write_bytes(file.read_bytes() + b"tampered")
    if fault == "gone":
        shutil.rmtree(old.channel)
    if fault == "edit":
        lock = old.target / "explicit.txt"
        lock.write_text(lock.read_text() + "# mine\n")
    said = update(old, "--yes", code=1)
    assert {
        "import": "torch cannot be imported",
        "tampered": "its file has sha256",
        "gone": "conda channel ",
        "edit": f"{old.target / 'explicit.txt'} was edited by hand",
    }[fault] in said
    assert version(old.target) == "2.13.0"
    assert not (old.folder / "env.previous").exists()
    assert old.litter() == []
    if fault != "edit":
        assert old.run("verify", "env").returncode == 0


def test_sigkill_at_random_moments(old):
    old.newer()
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - to repeat a failure
    moments = random.Random(seed)
    for _ in range(6):
        argv = [sys.executable, "-m", "envsetup", "update", "env", "--yes", "-q"]
        process = subprocess.Popen(argv, cwd=old.folder, env=old.env, stdin=subprocess.DEVNULL)
        time.sleep(moments.uniform(0.2, 2.5))
        process.kill()
        process.wait()
        assert version(old.target) in {"2.13.0", "2.14.0"}
    assert update(old, "--yes")["status"] in {"updated", "unchanged"}
    assert version(old.target) == "2.14.0"
    assert old.litter() == []


@pytest.mark.usefixtures("tool")
def test_the_users_own_tool_makes_it_anew(box, tmp_path):
    made = pytorch_channel(tmp_path / "served")
    box.json("env", *asked(made.folder, "--cpu"))
    assert update(box, "--yes")["status"] == "unchanged"
    made.add("pytorch", "2.14.0", "cpu_1", torch_files(None, version="2.14.0"), [f"python {PYTHON}.*"])
    made.add("pytorch-cpu", "2.14.0", "cpu_1", {"share/cpu": "x"}, ["pytorch 2.14.0 *cpu*"])
    assert set(update(box, "--yes")["packages"]["changed"]) == {"pytorch", "pytorch-cpu"}
    assert version(box.folder / "env") == "2.14.0"


@pytest.mark.parametrize("over_http", [False, True])
def test_a_lock_installs_exactly_its_packages(box, tmp_path, over_http):
    made = pytorch_channel(tmp_path / "served")
    made.add("pure", "1.0", "py_0", {"site-packages/pure.py": "x = 1\n"}, subdir="noarch", noarch="python")
    made.add("pytorch-cpu", "2.13.0", "cpu_1", {"share/cpu": "x"}, ["pytorch 2.13.0 *cpu*", "pure"], number=1)
    with served(made.folder) as address:
        place = address if over_http else made.folder
        box.json("first", *asked(place, "--cpu"))
        lock = box.folder / "first/explicit.txt"
        made.add("pytorch-cpu", "2.13.0", "cpu_2", {"share/cpu": "x"}, ["pytorch 2.13.0 *cpu*"], number=2)
        told = box.json("env", "--target", "conda", "--lock", lock)
    assert (told["verified"][0], "torch is the cpu build" in told["verified"]) == ("4 packages as locked", True)
    env = box.folder / "env"
    assert (env / "explicit.txt").read_text() == lock.read_text()
    assert version(env) == "2.13.0"
    # What is linked into the interpreter's own folder must know which Python there is.
    assert subprocess.run([env / "bin/python", "-c", "import pure"], check=True).returncode == 0
    specs = (env / "environment.yml").read_text()
    assert "pytorch-cpu ==2.13.0 cpu_1" in specs
    assert (address if over_http else made.folder.as_uri()) in specs
    for command in ("verify", "diff"):
        assert box.run(command, env).returncode == 0
    assert box.litter() == []


def test_the_users_own_tool_installs_a_lock(box, channel, tool, tmp_path):
    folder, lock = shutil.copytree(channel, tmp_path / "copy"), box.folder / "explicit.txt"
    pure = {"site-packages/pure.py": "x = 1\n"}
    Channel(folder).add("pure", "1.0", "py_0", pure, subdir="noarch", noarch="python")
    files = [file for file in folder.glob("*/*.tar.bz2") if "cuda" not in file.name and "gpu" not in file.name]
    with served(folder) as address:
        digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
        lines = [f"{address}/{file.relative_to(folder)}#{digest}" for file, digest in zip(files, digests, strict=True)]
        lock.write_text("\n".join(["# from a colleague", "@EXPLICIT", *lines]) + "\n")
        made = box.json("env", "--target", "conda", "--lock", lock)
        ((_, _, words),) = tool[1]()
        files[0].write_bytes(files[0].read_bytes() + b"tampered")
        done = box.create("env", "--target", "conda", "--lock", lock, "--yes")
    assert (made["engine"].split()[0], set(made["packages"])) == (tool[0], {"pure", "python", "pytorch", "pytorch-cpu"})
    assert words[:5] == ["create", "--yes", "--json", "--prefix", words[4]]
    assert (words[5], words[6].endswith("/explicit.txt"), len(words)) == ("--file", True, 7)
    assert (done.returncode, "installation: Checksum mismatch" in done.stderr) == (1, True)
    assert version(box.folder / "env") == "2.13.0"
    assert box.run("verify", "env").returncode == 0
    (box.folder / "env" / SITE / "pure.py").write_text("x = 2\n")
    assert f"! {SITE}/pure.py: changed" in box.run("diff", "env").stdout
    assert box.litter() == []


@pytest.mark.parametrize("over_http", [False, True])
def test_a_tampered_package_of_a_lock_is_refused_and_the_old_one_stays(box, channel, tmp_path, over_http):
    folder = shutil.copytree(channel, tmp_path / "copy")
    with served(folder) as address:
        box.json("env", *asked(address if over_http else folder, "--cpu"))
        before = sorted(path.relative_to(box.folder) for path in (box.folder / "env").rglob("*"))
        lock = shutil.copy(box.folder / "env/explicit.txt", box.folder)
        file = next((folder / "linux-64").glob("pytorch-cpu-*"))
        file.write_bytes(file.read_bytes() + b"tampered")
        shutil.rmtree(box.home / "cache")
        done = box.create("env", "--target", "conda", "--lock", lock, "--yes")
    assert (done.returncode, len([s for s in done.stderr.splitlines() if s.startswith("error")])) == (1, 1), done.stderr
    assert ("installation: " in done.stderr, "hash" in done.stderr or "sha256" in done.stderr) == (True, True)
    assert sorted(path.relative_to(box.folder) for path in (box.folder / "env").rglob("*")) == before
    assert version(box.folder / "env") == "2.13.0"
    assert box.litter() == []


def test_a_lock_that_lies_about_a_package_is_refused(box, channel):
    """A hash that fits, of a package that is another one than its name says."""
    file = next((channel / "linux-64").glob("pytorch-cpu-*"))
    other = shutil.copy(file, box.folder / "linux-64-later.tar.bz2")
    (box.folder / "linux-64").mkdir()
    place = Path(other).rename(box.folder / "linux-64/python-3.99.0-0.tar.bz2")
    digest = hashlib.sha256(place.read_bytes()).hexdigest()
    (box.folder / "lock.txt").write_text(f"@EXPLICIT\n{place.as_uri()}#sha256:{digest}\n")
    done = box.create("env", "--target", "conda", "--lock", "lock.txt")
    assert done.returncode == 1
    assert "python-3.99.0-0: its file says that it is pytorch-cpu-2.13.0-cpu_0" in done.stderr


PYTHON_LINE = f"https://host/c/linux-64/python-3.12.1-0.conda#sha256:{HASH}"


@pytest.mark.parametrize(
    ("lines", "more", "said"),
    [
        (["numpy==1.0 --hash=sha256:0"], (), "no explicit lock of conda (@EXPLICIT is missing in it)"),
        (["@EXPLICIT", PYTHON_LINE.partition("#")[0]], (), "line 2: python has no #sha256:..."),
        (["@EXPLICIT", PYTHON_LINE[:-32].replace("sha256:", "")], (), "line 2: python has no #sha256:..."),
        (["@EXPLICIT", PYTHON_LINE.replace("linux-64", "osx-arm64")], (), "line 2: python is for osx-arm64"),
        (["@EXPLICIT", PYTHON_LINE.replace("host", "u:p4ss@host")], (), "line 2: the address holds credentials"),
        (["@EXPLICIT", PYTHON_LINE.replace("/c/", "/t/to-ken/c/")], (), "line 2: the address holds credentials"),
        (["@EXPLICIT", "", "python=3.12"], (), "line 3: 'python=3.12': the address of a package is accepted"),
        (["@EXPLICIT", "ftp://h/c/noarch/a-1-0.conda#" + HASH], (), "line 2: 'ftp://h/c/noarch/a-1-0.conda': the"),
        (["@EXPLICIT", PYTHON_LINE, PYTHON_LINE], (), "line 3: python stands there twice"),
        (["@EXPLICIT", PYTHON_LINE.replace("python", "numpy")], (), "there is no python in it"),
        (["@EXPLICIT", PYTHON_LINE], ("--framework", "pytorch"), "--lock holds no PyTorch"),
        (["@EXPLICIT", PYTHON_LINE], ("--python", "3.1"), "--python 3.1: the lock holds Python 3.12.1"),
        (["@EXPLICIT", PYTHON_LINE], ("--source", "conda-forge"), "--source: a lock names the file of every package"),
        (
            ["@EXPLICIT", PYTHON_LINE, f"https://h/c/linux-64/pytorch-2.13.0-cpu_0.conda#{HASH}"],
            ("--gpu",),
            "--lock holds the cpu build, --gpu was asked for",
        ),
    ],
)
def test_a_lock_that_cannot_be_kept_to_is_refused_in_one_line(box, lines, more, said):
    (box.folder / "lock.txt").write_text("\n".join(lines) + "\n")
    done = box.create("env", "--target", "conda", "--lock", "lock.txt", *more)
    assert (done.returncode, len([s for s in done.stderr.splitlines() if s.startswith("error")])) == (2, 1), done.stderr
    assert said in done.stderr
    assert "p4ss" not in done.stderr
    assert not (box.folder / "env").exists()


def test_the_two_kinds_of_locks_are_not_confused(box):
    (box.folder / "lock.txt").write_text(f"@EXPLICIT\n{PYTHON_LINE}\n")
    done = box.create("env", "--lock", "lock.txt")
    assert (done.returncode, "an explicit lock of conda; it takes --target conda" in done.stderr) == (2, True)
    assert "nowhere.txt: No such file" in box.create("env", "--target", "conda", "--lock", "nowhere.txt").stderr


packages = st.builds(
    explicit.CondaPackage,
    name=st.from_regex(r"[a-z0-9_][a-z0-9_.-]{0,8}", fullmatch=True),
    version=st.from_regex(r"[0-9][0-9a-z.!+_]{0,6}", fullmatch=True),
    build=st.from_regex(r"[a-z0-9_]{1,6}", fullmatch=True),
    url=st.just(""),
    sha256=st.just(HASH),
)


@given(st.lists(packages, max_size=4, unique_by=lambda package: package.name))
def test_a_lock_is_read_back_as_it_was_written(tmp_path_factory, found):
    from msgspec.structs import replace

    python = explicit.CondaPackage(name="python", version="3.12.1", build="0", url="", sha256=HASH)
    wanted = [
        replace(package, url=f"https://host/channel/noarch/{package.stem}.conda")
        for package in [*(package for package in found if package.name != "python"), python]
    ]
    path = tmp_path_factory.getbasetemp() / "explicit.txt"
    path.write_text(explicit.text(wanted))
    assert explicit.given(path) == sorted(wanted, key=lambda package: package.name)
    assert explicit.pins(path.read_text()) == {package.name: package.pin for package in wanted}
    assert explicit.channels(wanted) == ["https://host/channel"]
    path.write_text(explicit.text(wanted).replace("@EXPLICIT\n", ""))
    with pytest.raises(InputError):
        explicit.given(path)


def test_what_was_made_from_a_lock_takes_another_one(old):
    yesterday = shutil.copy(old.target / "explicit.txt", old.folder / "yesterday.txt")
    old.newer()
    old.json("other", *asked(old.channel, "--cpu"))
    old.json("env", "--target", "conda", "--lock", yesterday, "--name", "lab")
    said = update(old, "--yes", code=2)
    assert "was made from a lock, so there is nothing to plan again; give the new one: envsetup update --lock" in said
    planned = update(old, "--lock", "other/explicit.txt", "--dry-run")
    assert (planned["status"], planned["packages"]["added"]) == ("planned", {"extra": "1.0 0"})
    assert planned["packages"]["changed"]["pytorch"] == {"before": "2.13.0 cpu_0", "after": "2.14.0 cpu_1"}
    assert '+  - "pytorch ==2.14.0 cpu_1"' in planned["files"]["environment.yml"]
    done = old.run("update", "env", "--lock", "other/explicit.txt", "--yes")
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        0,
        f"updated: {old.target}: PyTorch 2.13.0+cpu -> PyTorch 2.14.0+cpu",
    )
    assert version(old.target) == "2.14.0"
    assert update(old, "--lock", "other/explicit.txt", "--yes")["status"] == "unchanged"
    assert update(old, "--rollback")["after"] == "PyTorch 2.13.0+cpu"
    assert update(old, "--lock", "nowhere.txt", code=2).startswith("error: nowhere.txt: No such file")


def test_pyrattlers_threads_do_not_crash_the_end(box):
    """Of runs against an empty channel a third died of a signal: of twelve, one in a hundred would show nothing."""
    (box.folder / "empty").mkdir()
    told = [box.create("env", *asked(box.folder / "empty", "--cpu")).returncode for _ in range(12)]
    assert told == [1] * 12
