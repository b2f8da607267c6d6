"""`envsetup probe` as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from envsetup.probe.snapshot import read_snapshot


@pytest.fixture
def envsetup(tmp_path):
    def run(*arguments, env=None, cwd=tmp_path):
        command = [sys.executable, "-m", "envsetup", "probe", *map(str, arguments)]
        full = {**os.environ, **(env or {})}
        return subprocess.run(command, cwd=cwd, env=full, capture_output=True, text=True, timeout=60, check=False)

    return run


def test_the_summary_is_for_people(envsetup):
    done = envsetup()
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Machine")
    assert "cores usable" in done.stdout
    assert "\x1b" not in done.stdout


def test_json_is_one_document_and_redacted(envsetup, tmp_path):
    done = envsetup("--json", env={"HOME": str(tmp_path), "PIP_INDEX_URL": "https://me:hunter2@mirror.example/simple"})
    document = json.loads(done.stdout)
    assert document["schema"] == "envsetup.machine/1"
    assert "hunter2" not in done.stdout
    assert str(tmp_path) not in done.stdout
    assert {"home", "url-credentials"} <= set(document["redacted"])


def test_a_snapshot_is_written_and_can_be_read(envsetup, tmp_path):
    target = tmp_path / "my 'snap' ü.json"
    done = envsetup("-q", "-o", target)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith(f"wrote {target}")
    assert read_snapshot(str(target)).os.system == "linux"


@pytest.mark.parametrize(
    "arguments",
    [
        ("-o", "none/m.json"),
        ("-o", "/dev/full"),
        ("-o", "/proc/m.json"),
        ("--record", "/dev/null/x"),
        ("--env", "nowhere"),
        ("--env", "/etc"),
        ("--env", "/etc/passwd"),
        ("--env", "/dev/null"),
        ("--timeout", "0"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(envsetup, arguments):
    done = envsetup("-q", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert arguments[1] in done.stderr
    assert done.stderr.startswith("error: ")


def test_a_recording_can_be_replayed(envsetup, tmp_path):
    from envsetup.probe.collect import probe
    from envsetup.world.recorded import RecordedWorld

    done = envsetup("-q", "--record", tmp_path / "m")
    assert done.returncode == 0, done.stderr
    assert probe(RecordedWorld(tmp_path / "m")).os.system == "linux"


def test_a_recording_does_not_overwrite(envsetup, tmp_path):
    (tmp_path / "file").touch()
    done = envsetup("--record", tmp_path)
    assert done.returncode == 2
    assert "not empty" in done.stderr


def test_a_broken_environment_is_described_and_not_refused(envsetup, tmp_path):
    folder = tmp_path / "broken" / "bin"
    folder.mkdir(parents=True)
    (folder / "activate").touch()
    (folder / "python").symlink_to("/nowhere/python3.11")
    done = envsetup("--json", "--env", tmp_path / "broken")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["environment"]["problems"]) == 2
    by_link = envsetup("--json", "--env", folder / "python")
    assert "is a link to nothing" in by_link.stdout


def test_nothing_heavy_is_imported():
    program = (
        "import sys\n"
        "from envsetup.probe.collect import probe\n"
        "from envsetup.world.live import LiveWorld\n"
        "probe(LiveWorld())\n"
        "heavy = {'torch', 'jinja2', 'rich', 'psutil', 'pynvml', 'importlib.metadata', 'uv', 'click'}\n"
        "print(*sorted(set(sys.modules) & heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == ""
