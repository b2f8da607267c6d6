"""Which rank this process is, when torchrun, srun or an Indexed Job of Kubernetes started several of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from envsetup.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

PORT = "29500"  # torchrun's own default
FIRST_PORT, PORTS = 20000, 10000  # for Slurm: jobs on the same host must not meet on the same port


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Rank of `world`, `local` among those on its host; they meet at `master`, `port`."""

    rank: int
    world: int
    local: int
    master: str
    port: int
    launcher: str


def place(environ: Mapping[str, str]) -> Place:
    """The place that the environment gives this process.

    Raises InputError that says which variable is missing or wrong, and who sets it.
    """
    if "RANK" in environ:
        return _made(environ, "env://", ("RANK", "WORLD_SIZE", "LOCAL_RANK"), environ.get("MASTER_ADDR"))
    if "SLURM_PROCID" in environ:
        nodes = environ.get("SLURM_STEP_NODELIST") or environ.get("SLURM_JOB_NODELIST")
        first = environ.get("MASTER_ADDR") or (first_host(nodes) if nodes else None)
        return _made(environ, "Slurm", ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"), first)
    if "JOB_COMPLETION_INDEX" in environ:
        # Pods of an Indexed Job are called JOB-INDEX; the service in front of them is called as the job by custom.
        job = re.sub(r"-\d+$", "", environ.get("HOSTNAME", ""))
        first = environ.get("MASTER_ADDR") or (f"{job}-0.{job}" if job else None)
        return _made(environ, "Kubernetes", ("JOB_COMPLETION_INDEX", "WORLD_SIZE", "LOCAL_RANK"), first)
    raise InputError(
        "--join: no launcher gave this process a place; accepted: RANK and WORLD_SIZE (torchrun), SLURM_PROCID (srun), "
        "JOB_COMPLETION_INDEX (Kubernetes Indexed Job)"
    )


def _made(environ: Mapping[str, str], launcher: str, names: tuple[str, str, str], master: str | None) -> Place:
    rank, world, local = names
    if master is None:
        raise InputError(f"--join: {rank} is set and MASTER_ADDR is not: the ranks do not know where to meet")
    number, count = _number(environ, rank), _number(environ, world)
    if not 0 <= number < count:
        raise InputError(f"--join: {rank} {number} is not among {world} {count} ranks, which count from 0")
    fallback = PORT
    if launcher == "Slurm" and environ.get("SLURM_JOB_ID", "").isdecimal():
        fallback = str(FIRST_PORT + int(environ["SLURM_JOB_ID"]) % PORTS)
    port = _number({"MASTER_PORT": fallback, **environ}, "MASTER_PORT")
    at = _number(environ, local) if local in environ else 0
    return Place(rank=number, world=count, local=at, master=master, port=port, launcher=launcher)


def _number(environ: Mapping[str, str], name: str) -> int:
    value = environ.get(name, "")
    if not value.isdecimal():
        shown = f"is {value!r}, not a number" if value else "is not set"
        raise InputError(f"--join: {name} {shown}")
    return int(value)


def first_host(nodes: str) -> str:
    """The first host of Slurm's list: "gpu[03-07,9],login" begins with gpu03."""
    found = re.match(r"([^,\[]+)(?:\[(\d+)[^\]]*\]([^,\[]*))?", nodes)
    if not found:
        raise InputError(f"--join: {nodes!r} is no list of hosts")
    return "".join(part or "" for part in found.groups())
