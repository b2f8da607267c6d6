"""Wall time and peak memory of `envsetup doctor` beside `collect_env`, env-doctor and cuda-doctor, all in one run.

python benchmarks/doctor.py [--scratch DIR] [--runs N]

Each peer has a virtual environment of its own below DIR (made with uv at the first run); collect_env runs in one with
PyTorch. A run is a fresh process; the table shows the median wall time and the largest peak memory of the runs.
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


def measured(argv: list[str]) -> tuple[float, float, int]:
    """Seconds, peak MB (of the largest process in the tree), and exit code of one fresh process."""
    with tempfile.TemporaryFile() as sink:
        started = time.perf_counter()
        process = subprocess.Popen(argv, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL, cwd=tempfile.gettempdir())
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    return seconds, usage.ru_maxrss / 1024, process.returncode


def row(name: str, argv: list[str], runs: int) -> tuple[str, float, float, int]:
    measured(argv)  # fills the page cache and the byte code
    results = [measured(argv) for _ in range(runs)]
    return name, statistics.median(r[0] for r in results), max(r[1] for r in results), results[-1][2]


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
    print(f"{'command':<36}{'wall, s':>9}{'peak, MB':>10}{'exit':>6}   median of {options.runs}")
    for name, seconds, megabytes, code in rows:
        print(f"{name:<36}{seconds:>9.2f}{megabytes:>10.0f}{code:>6}")
    fits = rows[0][1] <= BUDGET_S and rows[0][2] <= BUDGET_MB
    print(f"budget of envsetup doctor: {BUDGET_S} s, {BUDGET_MB} MB: {'held' if fits else 'MISSED'}")
    return 0 if fits else 1


if __name__ == "__main__":
    sys.exit(main())
