"""The doctor on HOSTS hosts through Ansible, beside Ansible running `true` on them. Needs root; see tests/fleet.

The hosts share the cores of this machine with the controller, so what their doctors cost adds to the controller's time.
Every run connects anew: ssh keeps its connections for a minute, and who comes second would find them open.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "fleet"))
from fleet_lab import Lab, missing

HOSTS = int(os.environ.get("HOSTS", "10"))
SCRIPTS = Path(sys.executable).parent


def timed(lab, *command):
    inside = ["ip", "netns", "exec", lab.hub, *map(str, command)]
    env = {**lab.environment(), "PATH": f"{os.environ['PATH']}:{SCRIPTS}"}
    with tempfile.TemporaryDirectory() as connections:
        env["ANSIBLE_SSH_CONTROL_PATH_DIR"] = connections
        started = time.monotonic()
        ended = subprocess.run(inside, env=env, cwd=lab.folder, capture_output=True, check=False)
        took = time.monotonic() - started
    assert ended.returncode == 0, ended.stderr
    return took


def main():
    why_not = missing()
    if why_not:
        print(f"skipped: {why_not}")
        return
    with tempfile.TemporaryDirectory() as folder, Lab(HOSTS) as lab:
        bundle = Path(folder) / "envsetup.pyz"
        subprocess.run(
            [sys.executable, "-m", "envsetup", "fleet", "bundle", "-o", bundle], check=True, capture_output=True
        )
        started = time.monotonic()
        subprocess.run([bundle, "doctor"], check=False, capture_output=True)
        cold = time.monotonic() - started
        ansible = ("ansible", "all", "-i", lab.inventory, "-f", "50", "-m")
        plain = timed(lab, *ansible, "raw", "-a", "true")
        module = timed(lab, *ansible, "command", "-a", "true")
        script = timed(lab, *ansible, "script", "-a", "/bin/true")
        fleet = timed(lab, sys.executable, "-m", "envsetup", "fleet", "doctor", "-i", lab.inventory, "--bundle", bundle)
    print(f"bundle, cold start with the doctor   {cold:6.2f} s")
    print(f"{HOSTS} hosts, ansible raw true           {plain:6.2f} s")
    print(f"{HOSTS} hosts, ansible command true       {module:6.2f} s")
    print(f"{HOSTS} hosts, ansible script /bin/true   {script:6.2f} s")
    print(f"{HOSTS} hosts, envsetup fleet doctor      {fleet:6.2f} s")
    print(f"{fleet / module:.2f} x command, {fleet / plain:.2f} x raw, {fleet / script:.2f} x script")


if __name__ == "__main__":
    main()
