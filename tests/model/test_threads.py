"""Values are read in any thread: msgspec alone dies when two threads meet a type for the first time."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOMS = Path(__file__).parents[2] / "envsetup"
# A value with values inside, so that a reader walks through the unfinished type.
RACE = """
import sys, threading
import msgspec
from envsetup.model.codec import decode
from envsetup.model.finding import DoctorReport

if sys.argv[1] == "bare":
    def decode(data, kind):
        return msgspec.json.decode(data, type=kind)
sys.setswitchinterval(1e-6)
REPORT = b'''{"schema": "envsetup.doctor/1", "version": "1", "target": {"kind": "live"},
"verdict": {"status": "ready", "headline": "x"}, "findings": [], "checks": []}'''
barrier = threading.Barrier(16)

def read():
    barrier.wait()
    decode(REPORT, DoctorReport)

threads = [threading.Thread(target=read) for _ in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
RUNS = 12  # more than half of the runs past the codec died when this was written


def deaths(how):
    ran = [subprocess.run([sys.executable, "-c", RACE, how], check=False, capture_output=True) for _ in range(RUNS)]
    return [done.returncode for done in ran if done.returncode]


def test_types_are_worked_out_by_one_thread_at_a_time():
    assert deaths("codec") == []


def test_no_room_reads_typed_values_past_the_codec():
    typed = re.compile(r"msgspec\.(convert|json\.Decoder|json\.decode\([^\n]*type=)")
    found = {str(path.relative_to(ROOMS)) for path in ROOMS.rglob("*.py") if typed.search(path.read_text())}
    assert found == {"model/codec.py"}
