"""Several processes as one: started by the check itself, and by somebody else's launcher."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time

import pytest

from envsetup.report.smoke_progress import Silent
from envsetup.smoke.host import HostLook
from envsetup.smoke.launch import place
from envsetup.smoke.runner import Request, prove

pytestmark = pytest.mark.torch


def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def joined(torch_env, environs, timeout=240):
    """Every rank's process, ended: `envsetup smoke --join`."""
    argv = [sys.executable, "-m", "envsetup", "smoke", "--env", str(torch_env), "--device", "cpu", "--join", "--json"]
    settings = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    started = [
        subprocess.Popen(
            argv, env={**os.environ, **settings, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for env in environs
    ]
    return [(process, *process.communicate(timeout=timeout)) for process in started]


def rank(number, world, at):
    return {"RANK": str(number), "WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": at}


def test_ranks_that_somebody_else_started_find_each_other(torch_env):
    at = port()
    slurm = {"SLURM_PROCID": "1", "SLURM_NTASKS": "2", "SLURM_LOCALID": "1", "SLURM_STEP_NODELIST": "127.0.0.1"}
    ends = joined(torch_env, [rank(0, 2, at), {**slurm, "MASTER_PORT": at}])
    for process, out, err in ends:
        assert process.returncode == 0, err
        found = next(check for check in json.loads(out)["checks"] if check["id"] == "ranks")
        assert found["status"] == "PASS"
        assert found["metrics"]["ranks"]["value"] == 2
        assert found["metrics"]["ddp_deviation"]["value"] < 1e-6


def test_a_rank_whose_neighbour_never_comes_says_so_in_time(torch_python):
    request = Request(
        python=torch_python,
        device="cpu",
        level="standard",
        checks=["ranks"],
        place=place(rank(0, 2, port())),
        patience_s=3.0,
    )
    began = time.monotonic()
    report = prove(request, look=HostLook, watcher=Silent())
    found = next(check for check in report.checks if check.id == "ranks")
    assert report.verdict in ("fail", "not-verified")
    assert found.status in ("FAIL", "ERROR")
    assert time.monotonic() - began < 60


def test_who_is_to_blame(in_torch):
    found = in_torch(
        """
import json
from payload.pytorch.ranks import Said, blame
def said(*items): return [Said(begun, what, None) for begun, what in items]
print(json.dumps([
    blame([1, None], said((5, "adding"), (5, "adding")), ["DistBackendError: timed out", ""], 60.0),
    blame([1, 9], said((5, "adding"), (5, "adding")), ["RuntimeError: closed", ""], 60.0),
    blame([1, -11], said((5, "adding"), (4, "gathering")), ["", ""], 60.0),
    blame([-11, None], said((5, "adding"), (5, "adding")), ["", ""], 60.0),
    blame([1, 1], said((2, "joining"), (2, "joining")), ["x\\nValueError: no such backend", ""], 60.0),
]))
"""
    )
    assert found == [
        "rank 1 gave no answer within 60 s while adding; rank 0 waited while adding",
        "rank 1 ended with 9 while adding; rank 0 waited while adding",
        "rank 1 ended with SIGSEGV while gathering; rank 0 waited while adding",
        "rank 0 ended with SIGSEGV while adding; rank 1 waited while adding",
        "rank 0 ended with 1 while joining (ValueError: no such backend); rank 1 waited while joining",
    ]


def test_many_ranks_meet_in_steps_of_powers_of_two(in_torch):
    found = in_torch(
        "import json\nfrom payload.pytorch.rank import _pairs\nprint(json.dumps([_pairs(4), len(_pairs(64))]))"
    )
    assert found[0] == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
    assert found[1] == sum(64 - step for step in (1, 2, 4, 8, 16, 32))
