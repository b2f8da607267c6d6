"""What a probe costs in a fresh process, beside bare Python: wall time, peak memory; and how it ends when things hang.

Run: python benchmarks/probe.py [RUNS]
"""

from __future__ import annotations

import os
import stat
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROBE = "from envsetup.probe.collect import probe; from envsetup.world.live import LiveWorld; probe(LiveWorld())"
CASES = {
    "bare python": [sys.executable, "-c", "pass"],
    "import of the probe": [sys.executable, "-c", PROBE.rsplit(";", 1)[0]],
    "whole probe": [sys.executable, "-c", PROBE],
    "envsetup probe": [sys.executable, "-m", "envsetup", "probe", "-q"],
}


def measured(command, environment=None):
    """Wall seconds and peak MiB of one run."""
    started = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return time.monotonic() - started, usage.ru_maxrss / 1024


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    for name, command in CASES.items():
        measured(command)  # the first run compiles and warms the file cache
        results = [measured(command) for _ in range(runs)]
        seconds = [result[0] for result in results]
        peak = max(result[1] for result in results)
        print(f"{name:22} min {min(seconds):.3f} s   median {statistics.median(seconds):.3f} s   {peak:.0f} MiB")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "nvidia-smi"
        program.write_text("#!/bin/sh\nsleep 60\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        path = f"{folder}{os.pathsep}{os.environ['PATH']}"
        seconds, _ = measured(CASES["envsetup probe"], {**os.environ, "PATH": path})
    print(f"nvidia-smi hangs 60 s  answered after {seconds:.1f} s")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
