from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from envsetup.smoke.child import Child, Deadline


@pytest.fixture
def start(tmp_path):
    journal = tmp_path / "journal"
    journal.touch()

    def run(code):
        return Child([sys.executable, "-c", code, str(journal)], tmp_path, journal, dict(os.environ))

    return run


WRITE = "import json, sys; f = open(sys.argv[1], 'a'); f.write(json.dumps({'event': 'one'}) + '\\n'); f.flush(); "


def test_events_come_whole_and_in_order(start):
    child = start(WRITE + 'f.write(\'{"event": "two"}\\n{"event": "cut sho\')')
    assert [event["event"] for event in child.events(Deadline(20))] == ["one", "two"]
    assert child.end() == "it ended with 0"


def test_a_child_that_hangs_is_killed_at_its_deadline(start):
    began = time.monotonic()
    child = start(WRITE + "import time; time.sleep(600)")
    assert [event["event"] for event in child.events(Deadline(1.0))] == ["one"]
    assert child.timed_out
    assert child.end() == "it was killed"
    assert time.monotonic() - began < 10


def test_a_child_that_ignores_sigterm_is_killed_too(start):
    child = start("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)")
    list(child.events(Deadline(0.5)))
    assert child.end() == "it was killed"


def test_how_it_died_is_said(start):
    child = start("import os; os.kill(os.getpid(), 11)")
    list(child.events(Deadline(20)))
    assert child.end() == "it died of SIGSEGV"


def test_the_end_of_stderr_is_kept(start):
    child = start("import sys; sys.stderr.write('x' * 5000 + 'the last words'); sys.exit(7)")
    list(child.events(Deadline(20)))
    assert child.end() == "it ended with 7"
    assert child.stderr_tail().endswith("the last words")
    assert len(child.stderr_tail()) == 2000


def test_processes_left_behind_are_counted_and_killed(start):
    child = start("import subprocess; print(subprocess.Popen(['sleep', '600']).pid, flush=True)")
    list(child.events(Deadline(20)))
    child.end()
    assert child.leftovers() == 1
    pid = int((child._stderr.parent / "stdout").read_text())
    assert gone(pid)


def gone(pid):
    """Whether a process ends within five seconds; one that nobody reaps has ended too."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    return False


def test_a_child_that_is_gone_leaves_nobody(start):
    child = start("pass")
    list(child.events(Deadline(20)))
    child.end()
    assert child.leftovers() == 0


def test_an_orphan_ends_by_itself(tmp_path):
    """The journal notices that its runner has died."""
    script = (
        "import os, sys, time\n"
        "from envsetup.smoke.payload.journal import Journal\n"
        "if os.fork():\n    time.sleep(0.3); os._exit(0)\n"
        f"journal = Journal({str(tmp_path / 'journal')!r})\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "while True:\n    journal.doing('working'); time.sleep(0.05)\n"
    )
    os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", script])
    pid = int((tmp_path / "pid").read_text())
    assert gone(pid)
