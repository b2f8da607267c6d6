"""Wall time, CPU time and peak memory of `envsetup doctor` beside `collect_env`, env-doctor and cuda-doctor.

python benchmarks/doctor.py [--scratch DIR] [--runs N]

Each peer has a virtual environment of its own below DIR (made with uv at the first run); collect_env runs in one with
PyTorch. A run is a fresh process; the table shows the median wall and CPU time and the largest peak memory of the runs.
The last row is `doctor --from` on 200 kB: a report, a log and a traceback.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TORCH = "torch==2.13.0"
BUDGET_S, BUDGET_MB = 0.35, 60
TEXT_BYTES, TEXT_BUDGET_S = 200_000, 0.3

# What one row measures: how its environment is made, and the command in it.
PEERS = {
    "python -m torch.utils.collect_env": (["numpy", TORCH], ["bin/python", "-m", "torch.utils.collect_env"]),
    "env-doctor check": (["env-doctor"], ["bin/env-doctor", "check"]),
    "cuda-doctor diagnose": (["cuda-doctor"], ["bin/cuda-doctor", "diagnose"]),
}


def made(folder: Path, packages: list[str]) -> Path:
    """A virtual environment with these packages; an existing one is taken as it is."""
    if not (folder / "ready").exists():
        subprocess.run(["uv", "venv", "--quiet", "--clear", "--seed", str(folder)], check=True)
        # pip, because its configuration names the sources of this machine.
        subprocess.run([folder / "bin/python", "-m", "pip", "install", "-qq", *packages], check=True)
        (folder / "ready").touch()
    return folder


def measured(argv: list[str]) -> tuple[float, float, float, int]:
    """Seconds of wall and CPU, peak MB (of the largest process in the tree), and exit code of one fresh process."""
    with tempfile.TemporaryFile() as sink:
        started = time.perf_counter()
        process = subprocess.Popen(argv, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL, cwd=tempfile.gettempdir())
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode


REPORT = """Collecting environment information...
PyTorch version: 2.6.0+cu124
Is debug build: False
CUDA used to build PyTorch: 12.4
OS: Ubuntu 22.04.4 LTS (x86_64)
Python version: 3.11.9 (main, Apr  6 2024) (64-bit runtime)
Is CUDA available: True
GPU models and configuration: GPU 0: NVIDIA GeForce RTX 5090
Nvidia driver version: 570.86.10
"""
ERROR = "RuntimeError: CUDA error: no kernel image is available for execution on the device\n"


def text(folder: Path) -> Path:
    """A text of 200 kB as people paste it: a report, a long log, and at its end the error."""
    size, lines = TEXT_BYTES - len(REPORT) - len(ERROR), [REPORT]
    for step in range(TEXT_BYTES):
        clock = f"2026-01-05 12:{step // 60 % 60:02d}:{step % 60:02d}"
        line = f"{clock} INFO [train.py:88] step {step} loss 0.{step} nvidia driver ok, {step * 7} tokens/s\n"
        size -= len(line)
        if size < 0:
            break
        lines.append(line)
    path = folder / "log.txt"
    path.write_text("".join([*lines, ERROR]), encoding="utf-8")
    return path


def row(name: str, argv: list[str], runs: int) -> tuple[str, float, float, float, int]:
    measured(argv)  # fills the page cache and the byte code
    results = [measured(argv) for _ in range(runs)]
    wall, cpu = (statistics.median(r[place] for r in results) for place in (0, 1))
    return name, wall, cpu, max(r[2] for r in results), results[-1][3]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "envsetup-bench-doctor")
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    options.scratch.mkdir(parents=True, exist_ok=True)
    here = Path(sys.executable).parent / "envsetup"
    rows = [row("envsetup doctor", [str(here), "doctor"], options.runs)]
    for name, (packages, command) in PEERS.items():
        try:
            env = made(options.scratch / name.split()[-1 if "torch" in name else 0], packages)
        except subprocess.CalledProcessError as error:
            print(f"{name}: could not be installed ({error})", file=sys.stderr)
            continue
        rows.append(row(name, [str(env / command[0]), *command[1:]], options.runs))
    long = ["doctor", "--from", str(text(options.scratch))]
    rows.append(row("envsetup doctor --from, 200 kB", [str(here), *long], options.runs))
    print(f"{'command':<36}{'wall, s':>9}{'CPU, s':>9}{'peak, MB':>10}{'exit':>6}   median of {options.runs}")
    for name, seconds, cpu, megabytes, code in rows:
        print(f"{name:<36}{seconds:>9.2f}{cpu:>9.2f}{megabytes:>10.0f}{code:>6}")
    fits = rows[0][1] <= BUDGET_S and rows[0][3] <= BUDGET_MB and rows[-1][1] <= TEXT_BUDGET_S
    print(
        f"budgets: {BUDGET_S} s and {BUDGET_MB} MB, --from on {TEXT_BYTES // 1000} kB {TEXT_BUDGET_S} s: "
        f"{'held' if fits else 'MISSED'}"
    )
    return 0 if fits else 1


if __name__ == "__main__":
    sys.exit(main())
