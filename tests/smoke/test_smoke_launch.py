from __future__ import annotations

import pytest

from envsetup.model.errors import InputError
from envsetup.smoke.launch import Place, first_host, place

TORCHRUN = {"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "MASTER_ADDR": "n1", "MASTER_PORT": "29400"}
SLURM = {"SLURM_PROCID": "5", "SLURM_NTASKS": "6", "SLURM_LOCALID": "1", "SLURM_JOB_ID": "987654"}
POD = {"JOB_COMPLETION_INDEX": "2", "WORLD_SIZE": "4", "HOSTNAME": "smoke-test-2"}


def test_torchrun_and_plain_env():
    assert place(TORCHRUN) == Place(rank=3, world=8, local=1, master="n1", port=29400, launcher="env://")
    plain = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "10.0.0.1"}
    assert place(plain) == Place(rank=0, world=2, local=0, master="10.0.0.1", port=29500, launcher="env://")


def test_slurm_meets_at_the_first_host_on_a_port_of_the_job():
    found = place({**SLURM, "SLURM_STEP_NODELIST": "gpu[07-09,12]"})
    assert found == Place(rank=5, world=6, local=1, master="gpu07", port=27654, launcher="Slurm")
    assert place({**SLURM, "SLURM_JOB_NODELIST": "a1", "MASTER_PORT": "1234"}).port == 1234


def test_an_indexed_job_meets_at_its_first_pod():
    found = place(POD)
    assert (found.rank, found.world, found.master) == (2, 4, "smoke-test-0.smoke-test")
    assert place({**POD, "MASTER_ADDR": "svc"}).master == "svc"


def test_torchrun_inside_of_slurm_counts():
    assert place({**SLURM, **TORCHRUN}).launcher == "env://"


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("n1", "n1"), ("n1,n2", "n1"), ("n[3-5]", "n3"), ("n[003,007]-ib", "n003-ib"), ("a,b[1-2]", "a")],
)
def test_the_first_host_of_slurms_lists(nodes, first):
    assert first_host(nodes) == first


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({}, "no launcher"),
        ({"RANK": "0", "WORLD_SIZE": "2"}, "MASTER_ADDR is not"),
        ({**TORCHRUN, "RANK": "x"}, "RANK is 'x', not a number"),
        ({**TORCHRUN, "RANK": "8"}, "not among WORLD_SIZE 8"),
        ({**TORCHRUN, "MASTER_PORT": "http"}, "MASTER_PORT"),
        ({k: v for k, v in POD.items() if k != "WORLD_SIZE"}, "WORLD_SIZE is not set"),
        ({**SLURM, "SLURM_STEP_NODELIST": ",x"}, "no list of hosts"),
    ],
)
def test_what_is_missing_is_named(environ, says):
    with pytest.raises(InputError, match=says):
        place(environ)
