"""Hosts on one machine: each a network namespace with its own sshd, temporary folders and host name, and its faults.

The controller lives in a namespace of its own; nothing of this reaches the real network.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

NEEDED = {"sshd": "openssh-server", "ssh": "openssh-client", "ip": "iproute2", "nsenter": "util-linux"}
HOST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # what sshd gives a command
SERIAL = itertools.count()
SLEEPING = "#!/bin/sh\nexec sleep 600\n"


def missing():
    """Why there can be no such hosts here, or None."""
    if os.name != "posix" or os.getuid() != 0:
        return "needs root: network namespaces"
    absent = sorted({package for tool, package in NEEDED.items() if not shutil.which(tool, path=HOST_PATH)})
    if absent:
        return f"needs the Debian packages {' '.join(absent)}"
    if importlib.util.find_spec("ansible_runner") is None:
        return "needs envsetup[fleet]"
    probe = subprocess.run(["unshare", "-n", "-m", "true"], capture_output=True, text=True, check=False)
    return f"no namespaces here: {probe.stderr.strip()}" if probe.returncode else None


def call(*argv, **kwargs):
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60, **kwargs)


class Lab:
    """`count` hosts n1, n2, ... at 10.77.0.1, 10.77.0.2, ...

    Each has its own /tmp and /root, unless they are `shared` as an environment there must be seen.
    """

    def __init__(self, count, *, shared=False):
        self.count = count
        self._own = "" if shared else "mount -t tmpfs t /root && mount -t tmpfs t /tmp && "
        self.name = f"evs{os.getpid()}-{next(SERIAL)}"
        self.folder = Path("/run") / f"envsetup-fleet-{self.name}"
        self.hub = f"{self.name}-hub"

    def __enter__(self):
        self.folder.mkdir(mode=0o700)
        Path("/run/sshd").mkdir(exist_ok=True)
        for key in ("user", "host"):
            call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / key)
        call("ip", "netns", "add", self.hub)
        self._ip(self.hub, "link set lo up")
        self._ip(self.hub, "link add br0 type bridge")
        self._ip(self.hub, "addr add 10.77.255.254/16 dev br0")
        self._ip(self.hub, "link set br0 up")
        for number in range(1, self.count + 1):
            self._start(number)
        (self.folder / "ansible.cfg").write_text("[defaults]\ntimeout = 6\nhost_key_checking = False\n")
        self.inventory = self.folder / "hosts.ini"
        lines = [
            f"n{i} ansible_host=10.77.0.{i} ansible_port={2200 + i} ansible_user=root "
            f"ansible_ssh_private_key_file={self.folder / 'user'}"
            for i in range(1, self.count + 1)
        ]
        odd = [f"n{i}" for i in range(1, self.count + 1, 2)]
        self.inventory.write_text("\n".join(["[odd]", *odd, "[all]", *lines, ""]))
        return self

    def _ip(self, namespace, command):
        call("ip", "-n", namespace, *command.split())

    def _start(self, number):
        space = f"{self.name}-n{number}"
        call("ip", "netns", "add", space)
        self._ip(space, "link set lo up")
        self._ip(self.hub, f"link add v{number} type veth peer name eth0 netns {space}")
        self._ip(self.hub, f"link set v{number} master br0 up")
        self._ip(space, f"addr add 10.77.0.{number}/16 dev eth0")
        self._ip(space, "link set eth0 up")
        config = self.folder / f"sshd{number}.conf"
        config.write_text(
            f"Port {2200 + number}\nListenAddress 10.77.0.{number}\nHostKey {self.folder}/host\n"
            f"AuthorizedKeysFile {self.folder}/user.pub\nPermitRootLogin prohibit-password\n"
            f"PasswordAuthentication no\nUsePAM no\nStrictModes no\nPidFile {self.folder}/sshd{number}.pid\n"
            "MaxStartups 100\nSubsystem sftp internal-sftp\n"
        )
        script = (
            f"{self._own}hostname node{number} && exec /usr/sbin/sshd -f {config} -E {self.folder}/sshd{number}.log"
        )
        call("ip", "netns", "exec", space, "unshare", "-m", "-u", "sh", "-c", script)
        deadline = time.monotonic() + 5
        pid = self._pid_file(number)
        while not (pid.exists() and pid.read_text().strip()):
            assert time.monotonic() < deadline, (self.folder / f"sshd{number}.log").read_text()
            time.sleep(0.02)

    def _pid_file(self, number):
        return self.folder / f"sshd{number}.pid"

    def _pid(self, number):
        return int(self._pid_file(number).read_text())

    def _inside(self, number, script):
        call("nsenter", "-t", str(self._pid(number)), "-m", "sh", "-c", script)

    def fault(self, number, kind):
        """Break a host: down, refuse, blackhole, stop-sshd, slow, hang-python or no-python."""
        space, pid = f"{self.name}-n{number}", self._pid(number)
        if kind == "down":
            self._ip(self.hub, f"link set v{number} down")
        elif kind == "refuse":
            os.kill(pid, signal.SIGKILL)
        elif kind == "blackhole":
            link = call("ip", "-n", space, "-o", "link", "show", "eth0").stdout
            address = link.split("link/ether ")[1].split()[0]
            self._ip(space, f"addr del 10.77.0.{number}/16 dev eth0")
            self._ip(self.hub, f"neigh replace 10.77.0.{number} lladdr {address} dev br0 nud permanent")
        elif kind == "slow":
            for where, device in ((self.hub, f"v{number}"), (space, "eth0")):
                shape = ["root", "tbf", "rate", "200mbit", "burst", "64kb", "latency", "50ms"]
                call("tc", "-n", where, "qdisc", "add", "dev", device, *shape)
        elif kind == "stop-sshd":
            os.kill(pid, signal.SIGSTOP)
        elif kind == "hang-python":
            python = Path(shutil.which("python3", path=HOST_PATH)).resolve()
            sleeping = self.folder / "sleeping"
            sleeping.write_text(SLEEPING)
            sleeping.chmod(0o755)
            self._inside(number, f"mount --bind {sleeping} {python}")
        elif kind == "no-python":
            self._hide_pythons(number)
        else:
            raise ValueError(kind)

    def _hide_pythons(self, number):
        for folder in HOST_PATH.split(":"):
            if any(Path(folder).glob("python*")) and not Path(folder).is_symlink():
                upper = f"/tmp/over{folder.replace('/', '-')}"
                self._inside(
                    number,
                    f"mkdir -p {upper}/u {upper}/w && mount -t overlay o -o "
                    f"lowerdir={folder},upperdir={upper}/u,workdir={upper}/w {folder} && rm -f {folder}/python*",
                )

    def put(self, number, path, text):
        """Lay a script over a program of a host."""
        script = self.folder / f"over{number}"
        script.write_text(text)
        script.chmod(0o755)
        self._inside(number, f"mount --bind {script} {path}")

    def envsetup(self, *arguments, cwd=None, **kwargs):
        """Run envsetup on the controller; what subprocess.run gives."""
        env = {**self.environment(), **kwargs.pop("env", {})}
        argv = self.controller(*arguments)
        return subprocess.run(
            argv, capture_output=True, env=env, cwd=cwd or self.folder, timeout=120, check=False, **kwargs
        )

    def environment(self):
        """Ansible's settings; labs have the same addresses, so each must have its own persistent connections."""
        own = {"ANSIBLE_CONFIG": self.folder / "ansible.cfg", "ANSIBLE_SSH_CONTROL_PATH_DIR": self.folder / "cp"}
        return {**os.environ, **{name: str(path) for name, path in own.items()}}

    def controller(self, *arguments):
        """The argument list that runs envsetup on the controller."""
        return ["ip", "netns", "exec", self.hub, sys.executable, "-m", "envsetup", *map(str, arguments)]

    def __exit__(self, *_):
        spaces = [self.hub, *(f"{self.name}-n{i}" for i in range(1, self.count + 1))]
        for space in spaces:
            pids = subprocess.run(["ip", "netns", "pids", space], capture_output=True, text=True, check=False).stdout
            for pid in pids.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
