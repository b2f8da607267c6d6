"""The whole command with small wheels: what is left, what works after the move, what happens to what was there."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.build
WEIRD = 'sp ace/it\'s "q" é漢 $HOME `x` !1/my env'


def sh(*argv, cwd="/", env=None):
    return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60, cwd=cwd, env=env)


def test_a_plan_becomes_a_verified_environment(box):
    done = box.create("env", "--framework", "pytorch", "--cpu")
    assert done.returncode == 0, done.stderr
    assert "created: PyTorch 2.13.0+cpu" in done.stdout
    assert "torch is the cpu build" in done.stdout
    assert "envsetup smoke --env" in done.stdout
    env = box.folder / "env"
    manifest = json.loads((env / "envsetup.json").read_text())
    assert manifest["schema"] == "envsetup.manifest/1"
    assert manifest["plan"]["packages"][0]["variant"] == "cpu"
    assert manifest["plan"]["reasons"]
    assert manifest["probe"].startswith("sha256:")
    assert manifest["lock"].startswith("sha256:")
    assert box.litter() == []


def test_the_lock_is_for_pip_too_and_holds_no_place(box, wheels):
    assert box.create("env", "--framework", "pytorch", "--cpu").returncode == 0
    lock = box.folder / "env" / "requirements.lock"
    text = lock.read_text()
    assert str(box.folder) not in text
    assert str(wheels) not in text
    assert "://" not in text
    assert text.count("--hash=sha256:") == 3
    python = box.folder / "pipenv"
    assert sh("python3", "-m", "venv", str(python)).returncode == 0
    pip = (str(python / "bin/python"), "-m", "pip", "install", "--no-deps", "--require-hashes", "-r", str(lock))
    done = sh(*pip, env=box.env)
    assert done.returncode == 0, done.stderr
    again = box.json("again", "--lock", lock)
    assert again["packages"] == {"numpy": "2.4.0", "tiny": "1.0", "torch": "2.13.0+cpu"}
    assert (box.folder / "again" / "requirements.lock").read_text().splitlines()[3:] == text.splitlines()[3:]


@pytest.mark.parametrize("shell", ["sh", "dash", "bash", "zsh", "fish", "tcsh"])
def test_every_command_and_activation_works_after_the_move(box, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    target = box.folder / WEIRD
    made = box.json(target, "--framework", "pytorch", "--cpu")
    assert made["path"] == str(target)
    suffix = {"fish": ".fish", "tcsh": ".csh"}.get(shell, "")
    script = f"activate{suffix}"
    # The shell stands in the folder, so that this test does not rest on the quoting it tests.
    start = f"source ./{script}" if suffix else f". ./{script}"
    asked = f"{start}; tiny one 'two 2'; tiny-more; python -c 'import sys, torch; print(sys.prefix)'"
    done = sh(shell, "-c", asked, cwd=target / "bin")
    assert done.stdout.splitlines() == [f"tiny {target} one two 2", f"tiny {target}", str(target)], done.stderr
    for command in ("tiny", "tiny-more"):
        assert sh(str(target / "bin" / command)).stdout == f"tiny {target}\n"
    hint = made["activate"]
    assert sh("bash", "-c", f"{hint}; command -v tiny").stdout == f"{target}/bin/tiny\n"


def test_nothing_in_it_speaks_of_the_stage(box):
    assert box.create("env", "--framework", "pytorch", "--cpu").returncode == 0
    for path in (box.folder / "env").rglob("*"):
        if path.is_file() and not path.is_symlink() and path.suffix != ".pyc":
            assert b"envsetup-stage" not in path.read_bytes(), path


def test_the_hint_file_can_be_pasted(box):
    target = box.folder / "it's"
    box.json(target, "--framework", "pytorch", "--cpu")
    lines = (target / "ACTIVATE.txt").read_text().splitlines()
    paste = next(line.partition("sh:")[2].strip() for line in lines if "bash" in line)
    assert sh("bash", "-c", f"{paste}; echo $VIRTUAL_ENV").stdout == f"{target}\n"


def test_what_others_made_is_left_alone(box):
    (box.folder / "mine").mkdir()
    (box.folder / "mine" / "thesis.tex").write_text("years of work")
    done = box.create("mine", "--framework", "pytorch", "--cpu")
    assert done.returncode == 2
    assert "envsetup did not make" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert [p.name for p in (box.folder / "mine").iterdir()] == ["thesis.tex"]
    (box.folder / "file").write_text("x")
    assert box.create("file", "--framework", "pytorch").returncode == 2
    sh("python3", "-m", "venv", "--without-pip", str(box.folder / "venv"))
    done = box.create("venv", "--framework", "pytorch")
    assert done.returncode == 2
    assert "an environment that envsetup did not make" in done.stderr


def test_an_empty_folder_and_a_link_are_fine(box):
    (box.folder / "real").mkdir()
    (box.folder / "link").symlink_to(box.folder / "real")
    made = box.json("link", "--framework", "pytorch", "--cpu")
    assert made["path"] == str(box.folder / "real")
    assert (box.folder / "link").is_symlink()


def test_making_it_again_replaces_it_as_a_whole(box):
    box.json("env", "--framework", "pytorch", "--cpu")
    (box.folder / "env" / "extra.txt").write_text("from the user's pip")
    made = box.json("env", "--framework", "pytorch", "--cpu")
    assert made["lock_reused"] is True
    assert not (box.folder / "env" / "extra.txt").exists()
    assert sh(str(box.folder / "env/bin/tiny")).stdout.startswith("tiny ")
    assert box.litter() == []


def test_a_failure_keeps_the_old_environment(box, wheel_maker):
    box.json("env", "--framework", "pytorch", "--cpu")
    before = (box.folder / "env" / "envsetup.json").read_bytes()
    broken = box.folder / "broken"
    wheel_maker.torch(broken, requires=(), **{"torch/__init__.py": "raise OSError('libbroken.so: cannot open')\n"})
    wheel_maker.wheel(broken, "numpy", "2.4.0")
    done = box.create("env", "--framework", "pytorch", "--cpu", PIP_FIND_LINKS=str(broken))
    assert done.returncode == 1
    assert "torch cannot be imported: OSError: libbroken.so" in done.stderr
    assert (box.folder / "env" / "envsetup.json").read_bytes() == before
    assert box.litter() == []


def test_dry_run_prints_every_file_and_writes_nothing(box):
    before = sorted(box.folder.iterdir())
    done = box.create("deep/env", "--framework", "pytorch", "--cpu", "--dry-run")
    assert done.returncode == 0, done.stderr
    for expected in ("--- requirements.lock", "--- envsetup.json", "--- ACTIVATE.txt", "torch==2.13.0+cpu", "uv venv"):
        assert expected in done.stdout
    assert sorted(box.folder.iterdir()) == before
    planned = box.json("deep/env", "--framework", "pytorch", "--cpu", "--dry-run")
    assert planned["status"] == "planned"
    assert set(planned["files"]) == {"requirements.lock", "pylock.toml", "envsetup.json", "ACTIVATE.txt"}


def test_no_build_writes_the_files_only_and_create_takes_over(box):
    assert box.json("env", "--framework", "pytorch", "--cpu", "--no-build")["status"] == "rendered"
    assert sorted(p.name for p in (box.folder / "env").iterdir()) == [
        ".envsetup",
        "ACTIVATE.txt",
        "envsetup.json",
        "pylock.toml",
        "requirements.lock",
    ]
    assert box.json("env", "--framework", "pytorch", "--cpu")["status"] == "created"


def test_gpu_without_gpu_is_refused_and_nothing_is_written(box):
    done = box.create("deep/env", "--framework", "pytorch", "--gpu", CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 1
    assert done.stdout.startswith("impossible (device): ")
    assert "nearest change: " in done.stdout
    assert not (box.folder / "deep").exists()
    told = json.loads(box.create("deep/env", "--framework", "pytorch", "--gpu", "--json").stdout)
    assert told["status"] == "impossible"
    assert told["plan"]["impossible"]["nearest"]


def test_stdout_is_json_alone(box):
    done = box.create("env", "--framework", "pytorch", "--cpu", "--json")
    assert json.loads(done.stdout)["schema"] == "envsetup.create/1"
    assert "ok verify" in done.stderr
    assert "\x1b" not in done.stderr
    assert box.create("env", "--framework", "pytorch", "--cpu", "--json", "-q").stderr == ""


def test_name_and_extras(box):
    box.json("env", "--framework", "pytorch", "--cpu", "--name", "my project")
    assert "prompt = my project" in (box.folder / "env" / "pyvenv.cfg").read_text()
    done = box.create("env", "--framework", "pytorch", "--name", "a$(b)")
    assert done.returncode == 2
    done = box.create("env", "--framework", "pytorch", "--cpu", "--with", "jupyter")
    assert done.returncode == 1
    assert "ipykernel" in done.stderr
    done = box.create("env", "--framework", "pytorch", "--cpu", "--with", "nonsense")
    assert done.returncode == 2
    assert "accepted are" in done.stderr
