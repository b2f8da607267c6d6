"""What `envsetup create` adds to bare uv, per step, cold and warm cache, and what pip takes, all in one run.

    python benchmarks/create.py [--repeat 7] [--cold 3] [--pip 1] [--framework pytorch] [--json]

Bare is `uv venv` and `uv pip sync --require-hashes` of the same lock with the same sources and cache, as it is typed;
"told" is the same with `--python PATH`, which spares uv the search for an interpreter. "ours" does not verify, as uv
does not; "verified" does. "pip" is `python -m venv` and its own `pip install --require-hashes --no-deps` of that lock,
in --pip rounds, for it takes long. Runs alternate, so that a busy machine slows all. Exit 1 when the ratio of the
medians to bare is above the limit.
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

from envsetup.build.decide import engine
from envsetup.build.interpreters import own
from envsetup.model.plan import Request

LIMIT = 1.10  # what an installation from a given lock may cost, against bare uv


def timed(*commands, env):
    """Wall and CPU seconds: the second says what a busy machine hides."""
    started, before = time.perf_counter(), cpu_seconds()
    for command in commands:
        subprocess.run([str(part) for part in command], check=True, env=env, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started, cpu_seconds() - before


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Bench:
    def __init__(self, folder, framework):
        self.folder = folder
        _, tool = engine(Request(frameworks=[framework]), [])
        settings = {k: v for k, v in tool.env.items() if k != "UV_CONSTRAINT"}
        self.bare_env = settings | {"UV_CACHE_DIR": str(folder / "cache")}
        self.pip_env = os.environ | {"PIP_CACHE_DIR": str(folder / "pip"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        # envsetup reads pip's configuration itself; only the cache is given.
        self.env = os.environ | {"UV_CACHE_DIR": str(folder / "cache"), "XDG_CACHE_HOME": str(folder / "xdg")}
        self.envsetup = Path(sys.executable).parent / "envsetup"
        self.lock = folder / "requirements.lock"
        self.framework = framework

    def fresh(self, *, cold):
        shutil.rmtree(self.folder / "env", ignore_errors=True)
        if cold:
            shutil.rmtree(self.folder / "cache", ignore_errors=True)
            shutil.rmtree(self.folder / "pip", ignore_errors=True)
        os.sync()  # what the last run wrote must not be charged to this one

    def bare(self, *python, cold):
        self.fresh(cold=cold)
        env = self.folder / "env"
        return timed(
            (uv.find_uv_bin(), "venv", "--quiet", *python, env),
            (uv.find_uv_bin(), "pip", "sync", "--quiet", "--require-hashes", "--python", env / "bin/python", self.lock),
            env=self.bare_env,
        )

    def told(self, *, cold):
        return self.bare("--python", own().path, cold=cold)

    def pip(self, *, cold):
        self.fresh(cold=cold)
        python = self.folder / "env" / "bin" / "python"
        asked = ("-qq", "--require-hashes", "--no-deps", "-r", self.lock)
        return timed(
            (own().path, "-m", "venv", self.folder / "env"), (python, "-m", "pip", "install", *asked), env=self.pip_env
        )

    def verified(self, *, cold):
        self.fresh(cold=cold)
        return timed((self.envsetup, "create", self.folder / "env", "--lock", self.lock, "--quiet"), env=self.env)

    def ours(self, *, cold):
        self.fresh(cold=cold)
        argv = (self.envsetup, "create", self.folder / "env", "--lock", self.lock, "--no-verify", "--quiet")
        return timed(argv, env=self.env)

    def whole(self):
        """Seconds per step of a whole create, and what it made."""
        self.fresh(cold=False)
        argv = [str(self.envsetup), "create", str(self.folder / "env"), "--framework", self.framework, "--json", "-q"]
        done = subprocess.run(argv, check=True, env=self.env, capture_output=True, text=True)
        made = json.loads(done.stdout)
        shutil.copy(self.folder / "env" / "requirements.lock", self.lock)
        return made

    def rounds(self, count, pip, *, cold):
        runs = {"bare": [], "told": [], "ours": [], "verified": []} | ({"pip": []} if pip else {})
        for turn in range(count):
            for name, taken in runs.items():
                if name != "pip" or turn < pip:
                    taken.append(getattr(self, name)(cold=cold))
        figures = {"rounds": count}
        for name, taken in runs.items():
            wall, cpu = zip(*taken, strict=True)
            figures[name] = {"s": statistics.median(wall), "best_s": min(wall), "cpu_s": statistics.median(cpu)}
        for name in ("bare", "told", *(["pip"] if pip else [])):
            figures[f"ratio_to_{name}"] = {key: figures["ours"][key] / value for key, value in figures[name].items()}
        return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=7, help="rounds with a warm cache")
    parser.add_argument("--cold", type=int, default=3, help="rounds with an empty cache")
    parser.add_argument("--pip", type=int, default=1, help="rounds of them with pip as well")
    parser.add_argument("--framework", default="pytorch")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="envsetup-bench-") as name:
        bench = Bench(Path(name), args.framework)
        first = bench.whole()
        again = bench.whole()
        result = {
            "host": {"python": platform.python_version(), "cores": os.cpu_count(), "load": os.getloadavg()[0]},
            "packages": first["packages"],
            "steps_first_s": {timing["step"]: timing["seconds"] for timing in first["timings"]},
            "steps_again_s": {timing["step"]: timing["seconds"] for timing in again["timings"]},
            "lock_reused": again["lock_reused"],
            "cold": bench.rounds(args.cold, args.pip, cold=True),
            "warm": bench.rounds(args.repeat, args.pip, cold=False),
            "limit": LIMIT,
        }
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)
    return 0 if max(result[cache]["ratio_to_bare"]["s"] for cache in ("cold", "warm")) <= LIMIT else 1


def show(result):
    print(f"{len(result['packages'])} packages, {result['host']}")
    for cache in ("cold", "warm"):
        print(f"{cache} cache, {result[cache]['rounds']} rounds: median s, best s, CPU s")
        for name, figures in result[cache].items():
            if name != "rounds":
                print(f"  {name:14}", *(f"{value:8.3f}" for value in figures.values()))
    print(f"limit of ratio_to_bare, median: {result['limit']}")
    print("whole create, first time :", steps(result["steps_first_s"]))
    print(f"whole create, once more  : {steps(result['steps_again_s'])}; lock reused: {result['lock_reused']}")


def steps(seconds):
    return ", ".join(f"{step} {value:.2f}" for step, value in seconds.items()) + f"; sum {sum(seconds.values()):.2f} s"


if __name__ == "__main__":
    sys.exit(main())
