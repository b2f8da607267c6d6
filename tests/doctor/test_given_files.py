"""What `--from` and `--error` may be given: files of every kind, pipes, folders, devices; one line or an answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from envsetup.cli.inputs import MAX_BYTES, read_text
from envsetup.model.errors import InputError
from envsetup.world.files import read_bytes

REPORT = "PyTorch version: 2.6.0+cu124\nIs CUDA available: True\nGPU 0: NVIDIA GeForce RTX 4090\nOS: Ubuntu 22.04\n"
needs_fifo = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")


def doctor(*args, **how):
    argv = [sys.executable, "-m", "envsetup", "doctor", *map(str, args)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, **how)


@needs_fifo
def test_a_pipe_that_nobody_writes_to_is_given_up(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    started = time.monotonic()
    with pytest.raises(InputError, match=r"nobody wrote to it for 0\.3 s"):
        read_text(str(pipe), "--from", patience=0.3)
    assert time.monotonic() - started < 5


@needs_fifo
def test_a_snapshot_from_a_pipe_is_waited_for_no_longer(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(TimeoutError):
        read_bytes(str(pipe), 100, 0.2)


def test_an_expectation_without_a_fact_is_no_gate(tmp_path):
    file = tmp_path / "nothing.json"
    file.write_text('{"schema": "envsetup.machine/1"}')
    done = doctor("--expect", file)
    assert (done.returncode, done.stdout) == (2, "")
    assert "it holds no fact" in done.stderr


@needs_fifo
def test_a_pipe_with_a_slow_writer_is_read_to_its_end(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write():
        with pipe.open("w") as end:
            for line in REPORT.splitlines(keepends=True):
                end.write(line)
                end.flush()
                time.sleep(0.05)

    writer = threading.Thread(target=write)
    writer.start()
    assert read_text(str(pipe), "--from", patience=10) == REPORT
    writer.join()


@needs_fifo
def test_process_substitution_works():
    argv = f"{sys.executable} -m envsetup doctor --json --from <(printf '{REPORT}')"
    done = subprocess.run(["bash", "-c", argv], capture_output=True, text=True, check=False, timeout=60)
    assert json.loads(done.stdout)["target"]["kind"] == "text"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "nothing in it"),
        (b" \n\t\n", "nothing in it"),
        (b"\x7fELF\x02\x01\x01\0\0\0\0", "not a text file"),
        (b'{"schema": "envsetup.machine/1", "gpus": 3}', "gpus"),
        (b'{"schema": "envsetup.plan/1"}', "envsetup.plan/1"),
        (b'{"schema": "envsetup.machine/1", "gpus": [', "truncated"),
        (b'{"schema": "envsetup.machine/1"}' + b" " * MAX_BYTES, "more than 16 MiB"),
    ],
    ids=["empty", "blank", "binary", "wrong type", "other schema", "cut off", "huge"],
)
def test_what_cannot_be_read_is_one_line_that_names_the_file(tmp_path, content, says):
    file = tmp_path / "given.txt"
    file.write_bytes(content)
    done = doctor("--from", file)
    assert (done.returncode, done.stdout) == (2, "")
    assert "given.txt" in done.stderr
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2


def test_a_folder_and_nothing_are_named(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere", "/dev/null"):
        done = doctor("--from", path)
        assert done.returncode == 2
        assert str(path) in done.stderr
        assert "Traceback" not in done.stderr


def test_a_text_that_is_too_long_is_read_in_part_and_that_is_said(tmp_path):
    file = tmp_path / "long.txt"
    line = "epoch done, nothing to see here at all, go on\n"
    file.write_text(REPORT + line * (MAX_BYTES // len(line) + 1))
    report = json.loads(doctor("--json", "--from", file).stdout)
    assert any("longer than what is read" in note for note in report["target"]["notes"])
    assert "longer than what is read" in doctor("--from", file).stdout


def test_what_a_report_says_beside_its_facts_is_told(tmp_path):
    file = tmp_path / "report.txt"
    file.write_text("PyTorch version: N/A\nIs debug build: N/A\nCUDA used to build PyTorch: N/A\nOS: Ubuntu 22.04\n")
    assert "PyTorch could not be imported where the report was made" in doctor("--from", file).stdout
    short = json.loads(doctor("--json", "--from", "-", input=REPORT).stdout)
    assert short["target"]["notes"] == []
