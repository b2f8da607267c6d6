"""A password for an index appears in no file, no output and no process list."""

from __future__ import annotations

import subprocess
import threading
import uuid
from pathlib import Path

import pytest

pytestmark = pytest.mark.build
# Of this process alone: the process list shows other runs of these tests as well.
PASSWORD = f"s3cr3t-{uuid.uuid4().hex}"


@pytest.fixture
def guarded(box, index, wheels):
    box.env = {k: v for k, v in box.env.items() if not k.startswith(("PIP_NO_INDEX", "PIP_FIND"))}
    return index(wheels, password=PASSWORD)


def processes_while(run):
    """What every process list showed while `run` ran, and its result."""
    seen, stop = set(), threading.Event()

    def watch():
        while not stop.is_set():
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    try:
                        seen.add((entry / "cmdline").read_bytes())
                    except OSError:
                        continue

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        return run(), seen
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("way", ["url", "netrc", "broken"])
def test_a_password_stays_where_the_user_put_it(box, guarded, way):
    url = f"http://user:{PASSWORD}@{guarded.host}/simple"
    if way == "netrc":
        netrc = box.home / ".netrc"
        netrc.write_text(f"machine 127.0.0.1 login user password {PASSWORD}\n")
        netrc.chmod(0o600)
        url = guarded.url
    elif way == "broken":
        url += "-not-there"
    done, seen = processes_while(
        lambda: box.create("env", "--framework", "pytorch", "--cpu", "-vv", PIP_INDEX_URL=url, UV_HTTP_RETRIES="0")
    )
    assert any(b"envsetup" in line and b"create" in line for line in seen)
    assert (
        any(b"uv\0pip\0compile" in line.replace(b"bin/", b"/") or b"compile" in line for line in seen)
        or way == "broken"
    )
    assert not [line for line in seen if PASSWORD.encode() in line]
    assert done.returncode == (1 if way == "broken" else 0), done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    told = subprocess.run(["grep", "-rlF", PASSWORD, str(box.folder)], check=False, capture_output=True, text=True)
    assert told.stdout.splitlines() == ([str(box.home / ".netrc")] if way == "netrc" else [])
    if way != "broken":
        assert (box.folder / "env" / "bin" / "tiny").exists()
        assert guarded.host not in (box.folder / "env" / "requirements.lock").read_text()


def test_the_wrong_password_is_refused_in_one_line(box, guarded):
    url = f"http://user:wrong-{PASSWORD}@{guarded.host}/simple"
    done = box.create("env", "--framework", "pytorch", "--cpu", PIP_INDEX_URL=url)
    assert done.returncode == 1
    assert "answered 401" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr


def test_source_with_a_password(box, index, wheels):
    password = f"0ther-{uuid.uuid4().hex}"
    guarded = index(wheels, password=password)
    url = f"http://user:{password}@{guarded.host}/simple"
    done = box.create("env", "--framework", "pytorch", "--cpu", "--source", url, PIP_NO_INDEX="1")
    assert done.returncode == 0, done.stderr
    assert password not in done.stdout + done.stderr
    # The user's own command line is the user's; what envsetup starts and leaves behind is not.
    told = subprocess.run(["grep", "-rlF", password, str(box.folder)], check=False, capture_output=True, text=True)
    assert told.stdout == ""
    assert (box.folder / "env" / "bin" / "tiny").exists()
