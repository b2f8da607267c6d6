"""How long the files of an image take, beside repo2docker's rendering of the same pins. Nothing is built.

    python benchmarks/render.py [--repeat 7] [--json]

"lock" is `envsetup create --target docker --no-build --lock FILE` with packages of an index: Dockerfile, Compose files,
run script and manifest. repo2docker prints a Dockerfile for a folder with the same pins (`--no-build --debug`).
"whole" also looks at the machine, asks the sources, decides, takes the lock that it made before, and hashes and copies
wheels that lie in folders of pip's configuration; repo2docker does none of that. Runs alternate, so that a busy machine
slows all. repo2docker comes from the package index into an environment of its own; where it cannot be had, that is said
and nothing is compared. Exit 1 when "lock" takes more CPU time than repo2docker.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uv

PEER = "jupyter-repo2docker"


def timed(argv, **more):
    """Wall and CPU seconds."""
    os.sync()
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(part) for part in argv], check=True, capture_output=True, text=True, timeout=600, **more)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done, time.perf_counter() - started, cpu


def peer(folder):
    """The command of repo2docker, installed here; None where it cannot be had."""
    tool, env = uv.find_uv_bin(), folder / "peer"
    made = ([tool, "venv", "-q", env], [tool, "pip", "install", "-q", "--python", env, PEER, "setuptools"])
    for argv in made:
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=600)
        if done.returncode:
            print(f"skipped: {PEER} cannot be installed: {done.stderr.strip()[-200:]}", file=sys.stderr)
            return None
    return env / "bin" / "repo2docker"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="envsetup-bench-") as name:
        folder = Path(name)
        ours = Path(sys.executable).parent / "envsetup"
        image, lock = folder / "image", folder / "requirements.lock"
        request = ("--framework", "pytorch", "--cpu", "--target", "docker", "--no-build", "--quiet")
        commands = {"whole": (ours, "create", image, *request)}
        timed(commands["whole"])
        shutil.copy(image / "requirements.lock", lock)
        python = json.loads((image / "envsetup.json").read_text())["request"]["python"]
        fixed = ("--target", "docker", "--python", python, "--no-build", "--quiet")
        commands["lock"] = (ours, "create", image, "--lock", lock, *fixed)
        if command := peer(folder):
            repo = folder / "repo"
            repo.mkdir()
            pins = [line.partition(" ")[0] for line in lock.read_text().splitlines() if "==" in line]
            (repo / "requirements.txt").write_text("\n".join(pins) + "\n")
            (repo / "runtime.txt").write_text(f"python-{python}\n")
            commands["repo2docker"] = (command, "--no-build", "--debug", "--image-name", "demo", repo)
        plain = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
        env = {"lock": plain | {"PIP_CONFIG_FILE": os.devnull}}
        taken = {kind: [] for kind in commands}
        for _ in range(args.repeat):
            for kind, argv in commands.items():
                taken[kind].append(timed(argv, cwd=folder, env=env.get(kind))[1:])
        size = (image / "Dockerfile").stat().st_size
        result = {
            "host": {"python": platform.python_version(), "cores": os.cpu_count(), "load": os.getloadavg()[0]},
            "rounds": args.repeat,
            "bytes": {"ours": size},
        }
        if command:
            result["bytes"]["repo2docker"] = len(timed(commands["repo2docker"], cwd=folder)[0].stdout)
    for kind, runs in taken.items():
        wall, cpu = zip(*runs, strict=True)
        result[kind] = {"s": statistics.median(wall), "best_s": min(wall), "cpu_s": statistics.median(cpu)}
    show(result, as_json=args.json)
    return int(bool(command) and result["lock"]["cpu_s"] > result["repo2docker"]["cpu_s"])


def show(result, *, as_json):
    if as_json:
        print(json.dumps(result, indent=2))
        return
    print(
        f"{result['host']}, {result['rounds']} rounds: median s, best s, CPU s; Dockerfile in bytes: {result['bytes']}"
    )
    for kind in ("whole", "lock", "repo2docker"):
        if kind in result:
            print(f"  {kind:12}", *(f"{value:8.3f}" for value in result[kind].values()))


if __name__ == "__main__":
    sys.exit(main())
