"""One host's part in a test of all hosts together: join, add up, exchange with every other host."""

from __future__ import annotations

import json
import os
import socket
import time
from typing import TYPE_CHECKING, Any

from envsetup import __version__
from envsetup.model.errors import InputError
from envsetup.model.proof import Metric, SmokeCheck, SmokeReport
from envsetup.world.process import run_with_deadline
from envsetup.world.programs import program

if TYPE_CHECKING:
    from collections.abc import Mapping

JOIN_SHARE = 0.4  # of the time that there is; then who has not come will not come


def together(python: str, name: str, peers: Mapping[str, str], *, port: int, seconds: float) -> SmokeReport:
    """Take part as `name`; `peers` are all hosts and their addresses, the first is where they meet.

    Raises InputError when `name` is none of them.
    """
    if name not in peers:
        raise InputError(f"{name}: not among the peers")
    started = time.monotonic()
    join = seconds * JOIN_SHARE
    settings = {
        "RANK": str(list(peers).index(name)),
        "WORLD_SIZE": str(len(peers)),
        "MASTER_ADDR": next(iter(peers.values())),
        "MASTER_PORT": str(port),
        "ENVSETUP_PEERS": json.dumps(list(peers)),
        "ENVSETUP_JOIN": str(join),
        **_interface(peers[name]),
    }
    with program("envsetup.fleet.agent", "pairs") as path:
        ended = run_with_deadline([python, "-B", str(path)], timeout=seconds, env=settings)
    events = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith('{"event"')]
    checks = _checks(events, len(peers) - 1, join, ended.stderr)
    verdict = "pass" if all(check.status == "PASS" for check in checks) else "fail"
    first_bad = next((check.reason for check in checks if check.status != "PASS"), "")
    return SmokeReport(
        version=__version__,
        level="together",
        device="cpu",
        verdict=verdict,  # type: ignore[arg-type]
        headline=first_bad or f"all {len(peers)} hosts met, added up and exchanged over gloo",
        checks=checks,
        host={"name": name},
        duration_s=round(time.monotonic() - started, 3),
    )


def _checks(events: list[dict[str, Any]], others: int, join: float, stderr: str) -> list[SmokeCheck]:
    kinds = {event["event"]: event for event in events}
    said = kinds.get("failed", {}).get("error") or (stderr.strip().splitlines() or ["no word"])[-1]
    rates = {event["peer"]: event["rate"] for event in events if event["event"] == "paired"}
    met = SmokeCheck(id="join", title="all hosts meet", status="PASS")
    if "joined" not in kinds:
        reason = f"not all of {others + 1} hosts met within {join:.0f} s: {said}"
        met = SmokeCheck(id="join", title="all hosts meet", status="FAIL", reason=reason)
        return [met, _skipped("all-reduce"), _skipped("pairs")]
    added = SmokeCheck(id="all-reduce", title="all hosts add up to the right sum", status="PASS")
    if not kinds.get("reduced", {}).get("right"):
        reason = "the sum is wrong" if "reduced" in kinds else f"the sum never came: {said}"
        added = SmokeCheck(id="all-reduce", title=added.title, status="FAIL", reason=reason)
    tried = [event["peer"] for event in events if event["event"] == "pair"]
    stuck = next((peer for peer in tried if peer not in rates), None)
    missing = f"stuck with {stuck}: {said}" if stuck else f"exchanged with {len(rates)} of {others} hosts: {said}"
    exchanged = SmokeCheck(
        id="pairs",
        title="every pair of hosts exchanges",
        status="PASS" if len(rates) == others else "FAIL",
        reason="" if len(rates) == others else missing,
        metrics={f"to {peer}": Metric(value=round(rate, 1), unit="MB/s") for peer, rate in rates.items()},
    )
    return [met, added, exchanged]


def _skipped(check: str) -> SmokeCheck:
    return SmokeCheck(id=check, title=check, status="SKIP", reason="the hosts did not meet")


def _interface(address: str) -> dict[str, str]:
    """Gloo and NCCL by the interface that has this host's address; the user's own choice stays."""
    import psutil  # noqa: PLC0415 - only here

    try:
        own = socket.gethostbyname(address)
    except OSError:
        return {}
    names = [name for name, held in psutil.net_if_addrs().items() if any(entry.address == own for entry in held)]
    wanted = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")
    return {variable: names[0] for variable in wanted if names and variable not in os.environ}
