"""What goes wrong at users': one clear line, the right exit code, nothing lost and nothing left."""

from __future__ import annotations

import os
import subprocess

import pytest

pytestmark = pytest.mark.build


def one_line(done, code):
    """The error line of a command that must have ended with `code`."""
    assert done.returncode == code, done.stderr + done.stdout
    errors = [line for line in done.stderr.splitlines() if line.startswith(("error:", "bug:", "Traceback"))]
    assert len(errors) == 1, done.stderr
    assert errors[0].startswith("error: ")
    assert len(errors[0]) < 600
    return errors[0]


@pytest.mark.parametrize(
    ("args", "code", "expected"),
    [
        (["--framework", "keras9"], 2, "known are pytorch"),
        (["--framework", "pytorch==99.1"], 2, "no PyTorch 99.1"),
        (["--framework", "pytorch", "--python", "3.99"], 2, "not installed; found"),
        (["--framework", "pytorch", "--python", "/nowhere/python"], 2, "accepted are 3.12"),
        (["--framework", "pytorch", "--target", "vagrant"], 2, "there is: venv"),
        (["--framework", "pytorch", "--source", "/nowhere"], 2, "neither a folder nor a known name"),
        (["--framework", "pytorch", "--source", "ftp://x/y"], 2, "http, https and file"),
        (["--framework", "pytorch", "--machine", "nowhere.json"], 2, "nowhere.json: No such file"),
        (["--lock", "nowhere.lock"], 2, "nowhere.lock: No such file"),
        ([], 2, "--framework is missing"),
    ],
)
def test_bad_input(box, args, code, expected):
    assert expected in one_line(box.create("env", *args), code)
    assert not (box.folder / "env").exists()
    assert box.litter() == []


def test_bad_files_are_named_with_the_place(box):
    (box.folder / "bad.lock").write_text("# fine\ntorch==2.13.0 \\\n    --hash=sha256:00\nnumpy>=2\n")
    assert "bad.lock, line 4: a lock holds exact pins" in one_line(box.create("env", "--lock", "bad.lock"), 2)
    (box.folder / "machine.json").write_text('{"gpus": [{"vendor": 7}]}')
    done = box.create("env", "--framework", "pytorch", "--machine", "machine.json")
    assert "machine.json: Expected `str`, got `int` - at `$.gpus[0].vendor`" in one_line(done, 2)
    (box.folder / "pip.conf").write_text("[global\nindex-url = x\n")
    done = box.create("env", "--framework", "pytorch", PIP_CONFIG_FILE=str(box.folder / "pip.conf"))
    assert "pip.conf: not readable as pip's configuration" in one_line(done, 2)


@pytest.mark.parametrize("target", ["a:b", "new\nline", "tab\tbed"])
def test_paths_that_cannot_be_environments(box, target):
    one_line(box.create(target, "--framework", "pytorch", "--cpu"), 2)


def test_a_source_without_the_framework(box, tmp_path):
    (tmp_path / "empty").mkdir()
    done = box.create("env", "--framework", "pytorch", "--cpu", PIP_FIND_LINKS=str(tmp_path / "empty"))
    assert done.returncode == 1
    assert done.stdout.startswith("impossible (source): ")


def test_no_network(box):
    env = {k: v for k, v in box.env.items() if not k.startswith(("PIP_NO_INDEX", "PIP_FIND"))}
    box.env = env | {"PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
    done = box.create("env", "--framework", "pytorch", "--cpu")
    assert done.returncode == 1
    assert done.stdout.startswith("impossible (source): ")
    assert "Connection refused" in done.stdout
    assert not (box.folder / "env").exists()


def test_the_network_ends_between_lock_and_installation(box, index, wheels):
    box.env = {k: v for k, v in box.env.items() if not k.startswith(("PIP_NO_INDEX", "PIP_FIND"))}
    served = index(wheels)
    box.env["PIP_INDEX_URL"] = served.url
    planned = box.json("env", "--framework", "pytorch", "--cpu", "--dry-run")
    lock = box.folder / "given.lock"
    lock.write_text(planned["files"]["requirements.lock"])
    served.close()
    done = box.create("env", "--lock", lock, UV_CACHE_DIR=str(box.home / "other-cache"), UV_HTTP_RETRIES="0")
    assert "installation: " in one_line(done, 1)
    assert not (box.folder / "env").exists()
    assert box.litter() == []


def test_a_tampered_wheel(box, wheel_maker, tmp_path):
    planned = box.json("env", "--framework", "pytorch", "--cpu", "--dry-run")
    lock = box.folder / "given.lock"
    lock.write_text(planned["files"]["requirements.lock"])
    evil = tmp_path / "evil"
    wheel_maker.torch(evil, requires=(), **{"torch/evil.py": "pass\n"})
    wheel_maker.wheel(evil, "tiny", "1.0")
    wheel_maker.wheel(evil, "numpy", "2.4.0")
    done = box.create("env", "--lock", lock, PIP_FIND_LINKS=str(evil), UV_CACHE_DIR=str(box.home / "other-cache"))
    error = one_line(done, 1)
    assert "ash mismatch" in error or "hash" in error
    assert not (box.folder / "env").exists()


def test_a_folder_that_cannot_be_written(box):
    if os.getuid() == 0:
        mount = box.folder / "ro"
        mount.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(mount)], check=False, capture_output=True
        )
        if mounted.returncode:
            pytest.skip("as root, a read-only folder needs a mount, which is not allowed here")
        try:
            done = box.create("ro/env", "--framework", "pytorch", "--cpu")
        finally:
            subprocess.run(["umount", str(mount)], check=True)
        assert "Read-only file system" in one_line(done, 1)
    else:
        (box.folder / "ro").mkdir(mode=0o555)
        assert "Permission denied" in one_line(box.create("ro/env", "--framework", "pytorch", "--cpu"), 1)


@pytest.mark.parametrize("where", ["target", "cache"])
def test_a_full_disk(box, wheel_maker, tmp_path, where):
    mount = box.folder / "small"
    mount.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(mount)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small file system needs a mount, which is not allowed here")
    big = tmp_path / "big"
    wheel_maker.torch(big, requires=(), **{"torch/big.txt": os.urandom(3 << 20).hex()})
    wheel_maker.wheel(big, "numpy", "2.4.0")
    if where == "target":
        env, target = {}, "small/env"
    else:
        env, target = {"UV_CACHE_DIR": str(mount)}, "env"
    try:
        done = box.create(target, "--framework", "pytorch", "--cpu", PIP_FIND_LINKS=str(big), **env)
        left = [p.name for p in mount.iterdir() if where == "target"]
    finally:
        subprocess.run(["umount", str(mount)], check=True)
    assert "no space left" in one_line(done, 1)
    assert left == []
    assert not (box.folder / "env").exists()
