"""Merge of synthetic hosts from 100 to 10,000: seconds, memory, cost per host; planted deviations named, no other."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "fleet"))
from fleet_samples import doctor, encoded, finding, node

from envsetup.model.drivers import Driver

SIZES = (100, 1_000, 10_000)
LIMIT_S, LIMIT_MB = 10.0, 500


def line(number, odd):
    """One host's report; every host has its own memory, temperatures and packages in an order of its own."""
    rng = random.Random(number)
    machine = node(
        memory=msgspec.structs.replace(node().memory, total_mib=2063782 + rng.randrange(-300, 300)),
        gpus=[msgspec.structs.replace(gpu, temperature_c=rng.randrange(30, 90)) for gpu in node().gpus],
        environment=msgspec.structs.replace(
            node().environment, packages={f"package-{i}": f"1.{i}" for i in range(150)} | {"torch": "2.14.1"}
        ),
        **({"driver": Driver(nvidia="570.124.06", rocm=None)} if odd else {}),
    )
    findings = [finding("driver-too-old-for-wheel")] if odd else []
    return encoded(doctor(*findings, host=f"n{number:05}", machine=machine), indent=-1)


def main():
    print(f"{'hosts':>7} {'MB in':>7} {'seconds':>8} {'MB peak':>8} {'ms/host':>8}")
    for size in SIZES:
        chosen = set(random.Random(size).sample(range(size), size // 100))
        with tempfile.TemporaryDirectory() as folder:
            path, out = Path(folder) / "hosts.jsonl", Path(folder) / "out.json"
            with path.open("wb") as file:
                file.writelines(line(number, number in chosen) + b"\n" for number in range(size))
            started = time.monotonic()
            with out.open("wb") as stdout:
                process = subprocess.Popen(
                    [sys.executable, "-m", "envsetup", "fleet", "merge", "--json", str(path)], stdout=stdout
                )
                _, _, usage = os.wait4(process.pid, 0)
            seconds, peak = time.monotonic() - started, usage.ru_maxrss / 1024
            process.returncode = 0
            named = {outlier["host"] for outlier in json.loads(out.read_bytes())["outliers"]}
            print(f"{size:7} {path.stat().st_size / 1e6:7.1f} {seconds:8.2f} {peak:8.0f} {seconds / size * 1e3:8.3f}")
            assert named == {f"n{number:05}" for number in chosen}, "a deviation was missed, or a host wrongly named"
            assert seconds <= LIMIT_S, seconds
            assert peak <= LIMIT_MB, peak


if __name__ == "__main__":
    main()
