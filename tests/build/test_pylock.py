"""The lock in the standard's form: valid, installable, the same pins as the other one, and no secret in it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import uv

from envsetup.build.locking import given_lock, read_pylock
from envsetup.model.errors import InputError
from envsetup.model.lock import Lock, LockedFile, LockedPackage, read_lock
from envsetup.render.pylock import pylock
from envsetup.world import files

pylock_of_packaging = pytest.importorskip("packaging.pylock", reason="this packaging has no parser of PEP 751")
tomllib = pytest.importorskip("tomllib")

pytestmark = pytest.mark.build
PASSWORD = "s3cr3t-w0rd"


def parsed(text):
    return pylock_of_packaging.Pylock.from_dict(tomllib.loads(text))


def sync(lock, env, *flags):
    subprocess.run([uv.find_uv_bin(), "venv", "-q", "--python", sys.executable, str(env)], check=True)
    argv = [uv.find_uv_bin(), "pip", "sync", "-q", "--python", str(env), *flags, str(lock)]
    return subprocess.run(argv, check=False, capture_output=True, text=True, cwd=env)


def test_from_an_index_with_a_password(box, index, wheels, tmp_path):
    served = index(wheels, password=PASSWORD)
    box.env = {k: v for k, v in box.env.items() if not k.startswith(("PIP_NO_INDEX", "PIP_FIND"))}
    box.env["PIP_INDEX_URL"] = f"http://user:{PASSWORD}@{served.host}/simple"
    made = box.json("env", "--framework", "pytorch", "--cpu")
    path = box.folder / "env" / "pylock.toml"
    text = path.read_text()
    assert PASSWORD not in text
    assert f"http://{served.host}/files/tiny-1.0-py3-none-any.whl" in text
    lock = parsed(text)
    assert {package.name: str(package.version) for package in lock.packages} == made["packages"]
    pins = read_lock((box.folder / "env" / "requirements.lock").read_text(), name="x")
    assert [set(p.hashes) for p in pins.packages] == [
        {f"sha256:{wheel.hashes['sha256']}" for wheel in package.wheels} for package in lock.packages
    ]
    refused = sync(path, tmp_path / "without", "--no-cache")
    assert "401" in refused.stderr
    again = box.json("again", "--lock", path)
    assert (again["packages"], again["lock"]) == (made["packages"], made["lock"])


def test_from_a_folder_it_installs_beside_its_wheels(box, wheels, tmp_path):
    box.json("env", "--framework", "pytorch", "--cpu")
    text = (box.folder / "env" / "pylock.toml").read_text()
    assert str(wheels) not in text
    parsed(text)
    for wheel in wheels.glob("*.whl"):
        (tmp_path / wheel.name).write_bytes(wheel.read_bytes())
    (tmp_path / "pylock.toml").write_text(text)
    done = sync(tmp_path / "pylock.toml", tmp_path / "synced", "--offline", "--no-index", "--no-cache")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "synced" / "bin" / "tiny").exists()


def test_a_lock_without_file_names_has_no_such_form(box):
    box.json("env", "--framework", "pytorch", "--cpu")
    box.json("again", "--lock", box.folder / "env" / "requirements.lock")
    assert not (box.folder / "again" / "pylock.toml").exists()


NASTY = 'a"b\\c é'


def test_what_stands_in_it_is_what_was_locked():
    file = LockedFile(name=f"{NASTY}.whl", sha256="0" * 64, url="https://h/x.whl", size=3)
    other = LockedFile(name="y-1.tar.gz", sha256="1" * 64)
    packages = [
        LockedPackage(
            name="x", version="1", hashes=["sha256:" + "0" * 64], files=[file], size=3, marker="os_name=='x'"
        ),
        LockedPackage(name="y", version="1", hashes=["sha256:" + "1" * 64], files=[other]),
    ]
    assert read_pylock(pylock(Lock(packages=packages), "3.12")).packages == packages
    assert tomllib.loads(pylock(Lock(packages=packages), "3.12"))["requires-python"] == "==3.12.*"


def test_credentials_and_signatures_of_addresses_are_left_out():
    entry = 'lock-version="1.0"\n[[packages]]\nname="x"\nversion="1"\nwheels=[{url="%s", hashes={sha256="00"}}]\n'
    file = read_pylock(entry % "https://u:p@h/a%2Bb.whl?sig=k#f").packages[0].files[0]
    assert (file.url, file.name) == ("https://h/a%2Bb.whl", "a+b.whl")
    token = read_pylock(entry % "https://h/t/tok3n/x.whl", frozenset({"tok3n"})).packages[0].files[0]
    assert (token.url, token.name) == (None, "x.whl")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("= 1", "not a lock in the form of PEP 751"),
        ("lock-version = '1.0'", "no packages in it"),
        ("[[packages]]\nname = 'x'\nversion = '1'", "neither a wheel nor a source archive"),
        ("packages = 3", "not a lock in the form of PEP 751"),
    ],
)
def test_what_is_no_lock_is_named(tmp_path, text, said):
    path = tmp_path / "pylock.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        given_lock(path)


def test_a_pipe_that_nobody_writes_to_is_no_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(files.read_bytes, "__defaults__", (0.2,))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="a pipe, and nobody wrote to it"):
        given_lock(tmp_path / "pipe")
