"""A Slurm cluster of three nodes on one machine: the distribution's own daemons, with their files in one folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

NEEDED = {"slurmd": "slurmd", "slurmctld": "slurmctld", "srun": "slurm-client", "munged": "munge"}
SBIN = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
CONF = """ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdLogFile={folder}/slurmd-%n.log
SlurmctldLogFile={folder}/slurmctld.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=300
SlurmdParameters=config_overrides
{extra}
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={port1} CPUs=1 RealMemory=500
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={port2} CPUs=1 RealMemory=500
NodeName=n3 NodeHostname={host} NodeAddr=127.0.0.1 Port={port3} CPUs=1 RealMemory=500
PartitionName=main Nodes=n[1-3] Default=YES MaxTime=INFINITE State=UP OverSubscribe=YES
PartitionName=odd Nodes=n1,n3 MaxTime=INFINITE State=UP OverSubscribe=YES
"""


def missing():
    """Why there can be no such cluster here, or None."""
    if os.name != "posix" or os.getuid() != 0:
        return "needs root: slurmd"
    absent = sorted({package for tool, package in NEEDED.items() if not shutil.which(tool, path=SBIN)})
    return f"needs the Debian packages {' '.join(absent)}" if absent else None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    """Nodes n1 to n3; `extra` are more lines of slurm.conf."""

    def __init__(self, extra=""):
        self.folder = Path("/run") / f"envsetup-slurm-{os.getpid()}-{time.monotonic_ns()}"
        self._extra = extra
        self._daemons = {}
        self.env = {**os.environ, "PATH": SBIN, "SLURM_CONF": str(self.folder / "slurm.conf")}

    def __enter__(self):
        self.folder.mkdir(mode=0o755)
        (self.folder / "state").mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        conf = CONF.format(
            host=socket.gethostname().split(".")[0],
            folder=self.folder,
            extra=self._extra.format(folder=self.folder),
            port=free_port(),
            **{f"port{i}": free_port() for i in (1, 2, 3)},
        )
        (self.folder / "slurm.conf").write_text(conf)
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{option}={self.folder}/munge.{name}" for option, name in files.items()]
        self._start("munged", "--force", "--foreground", *options)
        self.wait_for((self.folder / "munge.socket").exists)
        self._start("slurmctld", "-D")
        for node in ("n1", "n2", "n3"):
            self._start("slurmd", "-D", "-N", node)
        self.wait_for(lambda: all("idle" in self.state(node) for node in ("n1", "n2", "n3")))
        return self

    def _start(self, program, *arguments):
        log = (self.folder / f"{program}-{len(self._daemons)}.out").open("wb")
        name = arguments[-1] if program == "slurmd" else program
        self._daemons[name] = subprocess.Popen(
            [shutil.which(program, path=SBIN), *arguments], env=self.env, stdout=log, stderr=log, start_new_session=True
        )
        log.close()

    def kill(self, node):
        """The node dies; slurmctld does not know it yet."""
        os.killpg(self._daemons[node].pid, signal.SIGKILL)
        self._daemons[node].wait()

    def call(self, *argv):
        ended = subprocess.run(argv, env=self.env, capture_output=True, text=True, timeout=30, check=False)
        return ended.stdout.strip()

    def state(self, node):
        return self.call("sinfo", "-h", "-N", "-n", node, "-p", "main", "-o", "%T")

    def reason(self, node):
        return self.call("sinfo", "-h", "-N", "-n", node, "-p", "main", "-o", "%E")

    def wait_for(self, condition, seconds=30):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.1)

    def logs(self):
        return "\n".join(f"== {path}\n{path.read_text()[-1500:]}" for path in self.folder.glob("*.[ol][uo][tg]"))

    def __exit__(self, *_):
        for process in reversed(self._daemons.values()):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
