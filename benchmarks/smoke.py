"""Quick level against a bare script that does the same training: `python benchmarks/smoke.py --env ENV [--runs 3]`.

Both in one run, taking turns, on the CPU. The bare script trains the same network on the same images with the same
batches and validates as often; it checks nothing and reports nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import envsetup.smoke
from envsetup.smoke.catalogue import catalogue
from envsetup.smoke.target import interpreter
from envsetup.smoke.workspace import DEFAULTS

BARE = """
import time
began = time.perf_counter()
import numpy, torch
import torch.nn.functional as F
imported = time.perf_counter()
from payload import data
from payload.pytorch.net import Net
splits = {name: data.generate(count, data.SEED, split) for name, (count, split) in data.SPLITS.items()}
splits = {name: (torch.from_numpy(data.normalise(x)), torch.from_numpy(y)) for name, (x, y) in splits.items()}
made = time.perf_counter()
torch.manual_seed(0)
model = Net()
optimizer = torch.optim.Adam(model.parameters(), 0.002)
generator, order = torch.Generator().manual_seed(0), []
x, y = splits["train"]
for step in range(1, STEPS + 1):
    if not order:
        order = list(torch.randperm(len(y), generator=generator)[: len(y) // 64 * 64].split(64))
    index = order.pop(0)
    loss = F.cross_entropy(model(x[index]), y[index])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    loss.item()
    if step % EVERY == 0:
        with torch.no_grad():
            answers = torch.cat([model(part).argmax(1) for part in splits["validation"][0].split(250)])
            (answers == splits["validation"][1]).float().mean().item()
trained = time.perf_counter()
import json
print(json.dumps({"import": imported - began, "data": made - imported, "train": trained - made}))
"""


def bare(python):
    plan = catalogue().training["generated"]
    code = BARE.replace("STEPS", str(plan.steps)).replace("EVERY", str(plan.validate_every))
    start = f"import sys; sys.path.insert(0, {str(Path(envsetup.smoke.__file__).parent)!r})\n"
    began = time.perf_counter()
    out = subprocess.run(
        [python, "-c", start + code], check=True, capture_output=True, text=True, env={**DEFAULTS, **os.environ}
    ).stdout
    return {**json.loads(out), "whole": time.perf_counter() - began}


def smoke(env):
    argv = [sys.executable, "-m", "envsetup", "smoke", "--env", env, "--device", "cpu", "--json", "-q"]
    began = time.perf_counter()
    report = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    whole = time.perf_counter() - began
    checks = {check["id"]: check for check in report["checks"]}
    learning = checks["learning"]
    images = learning["evidence"]["steps"] * 64
    return {
        "train": images / learning["metrics"]["images_per_second"]["value"],
        "whole": whole,
        **{check: checks[check].get("duration_s", 0.0) for check in checks},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--env", required=True)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    python = interpreter(options.env)
    bare(python)  # fills the disk cache
    ours, theirs = [], []
    for _ in range(options.runs):
        theirs.append(bare(python))
        ours.append(smoke(options.env))
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, median of {options.runs} runs each, seconds")
    for name in ("import", "train", "whole"):
        a, b = (statistics.median(run[name] for run in runs) for runs in (theirs, ours))
        print(f"  {name:8} bare script {a:6.2f}   smoke {b:6.2f}   ratio {b / a:.2f}")
    checks = [spec.id for spec in catalogue().level("quick") if spec.id in ours[0]]
    print("  " + ", ".join(f"{check} {statistics.median(run[check] for run in ours):.2f}" for check in checks))


main()
