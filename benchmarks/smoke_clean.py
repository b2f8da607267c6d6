"""A healthy machine is never accused: clean runs of the quick level over seeds, frameworks and numbers of threads.

    python benchmarks/smoke_clean.py --runs 40 --env pytorch=ENV --env tensorflow=ENV --env jax=ENV

An environment that is named twice gets twice the runs. Ends with 1 when any check of any run does not pass.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from envsetup.report.smoke_progress import Silent
from envsetup.smoke.host import HostLook
from envsetup.smoke.runner import Request, prove
from envsetup.smoke.target import interpreter

THREADS = (1, 2, None)  # None: as many as the framework likes


def run(case):
    number, (framework, env), threads = case
    request = Request(
        python=interpreter(env), framework=framework, device="cpu", seed=number, threads=threads, level="quick"
    )
    report = prove(request, look=HostLook, watcher=Silent())
    bad = [f"{c.id} {c.status}: {c.reason}" for c in report.checks if c.status not in ("PASS", "SKIP")]
    worst = {
        name: max((m.value or 0) / m.limit for m in found.metrics.values() if m.limit and m.op == "<=")
        for found in report.checks
        if (name := found.id) in ("op-parity", "gradient-parity", "golden-curve") and found.metrics
    }
    accuracy = next((c.metrics["test_accuracy"].value for c in report.checks if "test_accuracy" in c.metrics), None)
    shares = ", ".join(f"{name} {share:.2f}" for name, share in worst.items())
    print(
        f"{framework:10} seed {number:2} threads {threads or 'all':>3}  {report.verdict}  "
        f"of the limit: {shares}  accuracy {accuracy}  {report.duration_s:.0f} s  {'; '.join(bad)}",
        flush=True,
    )
    return report.verdict == "pass" and not bad


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--env", action="append", required=True, metavar="FRAMEWORK=PATH")
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    envs = itertools.cycle([tuple(pair.split("=", 1)) for pair in options.env])
    cases = list(zip(range(options.runs), envs, itertools.cycle(THREADS), strict=False))
    began = time.monotonic()
    with ThreadPoolExecutor(options.jobs) as pool:
        passed = list(pool.map(run, cases))
    print(f"{sum(passed)} of {len(passed)} clean runs pass, {time.monotonic() - began:.0f} s")
    sys.exit(not all(passed))


main()
