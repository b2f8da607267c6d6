"""`envsetup explain`: a page for reading, less of it with -q, more with -v."""

from __future__ import annotations

import subprocess
import sys

TEXT = "RuntimeError: CUDA error: no kernel image is available for execution on the device\n"


def explain(*args, text=""):
    argv = [sys.executable, "-m", "envsetup", "explain", *args]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, input=text, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_quiet_leaves_what_to_do():
    whole, short = explain("driver-too-old-for-cuda"), explain("-q", "driver-too-old-for-cuda")
    assert short.splitlines()[0] == whole.splitlines()[0]
    assert {line.split()[0] for line in short.splitlines()[1:]} == {"fix", "or"}


def test_quiet_lists_codes_alone():
    codes = explain("-q").splitlines()
    assert "driver-too-old-for-cuda" in codes
    assert not any(" " in code for code in codes)


def test_an_error_is_told_in_codes_or_with_all_that_decides():
    short, usual, long = (explain(*flag, "--error", "-", text=TEXT) for flag in (["-q"], [], ["-v"]))
    assert all(len(line.split()) == 2 for line in short.splitlines())
    assert len(short.splitlines()) > 1
    assert usual.count("decided by:") == 1
    assert long.count("decided by:") > 1
