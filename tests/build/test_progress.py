"""On a terminal a step is one live line; elsewhere plain lines; the result is the same."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest

pytestmark = pytest.mark.build


def on_a_terminal(box, *more, **variables):
    """What `create` says on its standard output, and what a terminal shows meanwhile."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        box.command("env", "--framework", "pytorch", "--cpu", *more), cwd=box.folder,
        env={**{k: v for k, v in box.env.items() if k not in ("NO_COLOR", "TERM")}, **variables},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 0
    return out.decode(), shown.decode()


def test_a_terminal_shows_one_line_per_step_with_its_time(box):
    out, text = on_a_terminal(box)
    assert "created: PyTorch 2.13.0+cpu" in out
    assert "\r\x1b[2K  .. verify  0.0 s" in text
    lines = [line.rpartition("\x1b[2K")[2] for line in text.split("\r\n") if line]
    assert len(lines) == 9


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_colour_gets_plain_lines(box, variables):
    _, text = on_a_terminal(box, "--dry-run", **variables)
    assert "ok decide" in text
    assert "\x1b" not in text


def test_without_a_terminal_no_control_characters(box):
    done = box.create("env", "--framework", "pytorch", "--cpu")
    assert "\x1b" not in done.stderr + done.stdout
    assert "\r" not in done.stderr
    assert len(done.stderr.splitlines()) == 9
    assert box.create("env", "--framework", "pytorch", "--cpu", "-q").stderr == ""
