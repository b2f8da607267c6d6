from __future__ import annotations

import sys
import time

from envsetup.world.process import run_with_deadline


def python(program, *, timeout=20.0, env=None):
    return run_with_deadline([sys.executable, "-c", program], timeout=timeout, env=env)


def test_output_and_code():
    done = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    assert not done.ok


def test_a_missing_program_is_an_answer():
    done = run_with_deadline(["/nowhere/at-all"], timeout=1)
    assert done.missing
    assert done.returncode is None


def test_the_deadline_ends_it():
    started = time.monotonic()
    done = python("import time; time.sleep(60)", timeout=0.5)
    assert done.timed_out
    assert not done.stuck
    assert time.monotonic() - started < 3


def test_a_grandchild_that_keeps_the_output_open_does_not_hold_us():
    started = time.monotonic()
    done = run_with_deadline(["/bin/sh", "-c", "sleep 8 & echo here"], timeout=10)
    assert done.stdout == "here\n"
    assert time.monotonic() - started < 6


def test_a_process_that_ignores_signals_is_killed_with_its_children(tmp_path):
    marker = tmp_path / "alive"
    child = f"import time; time.sleep(2); open({str(marker)!r}, 'w')"
    program = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "time.sleep(60)\n"
    )
    assert python(program, timeout=1.0).timed_out
    time.sleep(2.5)
    assert not marker.exists()


def test_variables_are_added_to_the_machines_own():
    done = python("import os; print(os.environ['ADDED'], 'PATH' in os.environ)", env={"ADDED": "yes"})
    assert done.stdout == "yes True\n"


def test_undecodable_output_is_kept_as_far_as_it_can_be_read():
    done = python(r"import sys; sys.stdout.buffer.write(b'a\xff\n')")
    assert done.stdout == "a�\n"
