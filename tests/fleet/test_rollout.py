"""One plan for each kind of machine, a canary first, and an end when too many fail: on an engine of scripted hosts."""

from __future__ import annotations

import json
import zipfile

import msgspec
import pytest
from fleet_samples import doctor

from envsetup.fleet.bundle import LOCK
from envsetup.fleet.classes import holds, sort
from envsetup.fleet.engine import Job
from envsetup.fleet.journal import Journal
from envsetup.fleet.merge import exit_code
from envsetup.fleet.reading import attributed
from envsetup.fleet.rollout import AtMost, Rollout, Wish
from envsetup.model.codec import decode
from envsetup.model.fleet import HostCreated
from envsetup.model.machine import Machine
from envsetup.model.plan import Plan, PlannedPackage, Request
from envsetup.report.fleet_html import fleet_html
from envsetup.report.fleet_text import fleet_text

H100 = [{"vendor": "nvidia", "name": "NVIDIA H100 80GB HBM3", "compute_capability": "9.0", "memory_mib": 81559}]
P100 = [{"vendor": "nvidia", "name": "Tesla P100-PCIE-16GB", "compute_capability": "6.0", "memory_mib": 16384}]
TEN_PERCENT = AtMost(10, percent=True)
REQUEST = Request(frameworks=["pytorch"], device="gpu")


def machine(gpus=None, driver="580.95.05", python="3.12.4", **more):
    text = {
        "schema": "envsetup.machine/1",
        "os": {"system": "linux", "distro": "ubuntu 22.04", "kernel": "6.8.0"},
        "arch": "x86_64",
        "libc": {"name": "glibc", "version": "2.35"},
        "python": {"version": python, "free_threaded": False},
        "driver": {"nvidia": driver},
        "gpus": H100 if gpus is None else gpus,
        **more,
    }
    return decode(json.dumps(text).encode(), Machine)


class Hosts:
    """An engine whose hosts are machines in memory. `fail` are hosts on which no environment can be made."""

    def __init__(self, machines, *, fail=(), gone=(), made=None):
        self.machines, self.fail, self.gone, self.made = machines, set(fail), set(gone), made or {}
        self.runs = []

    def hosts(self):
        return [*self.machines]

    def address(self, host):
        return host

    def run(self, job, hosts, deliver):
        self.runs.append((job.arguments[0], list(hosts), self._lock(job.bundle)))
        for host in hosts:
            deliver(attributed(self._says(job, host), host, frozenset(self.machines)))

    def _lock(self, path):
        with zipfile.ZipFile(path) as bundle:
            return bundle.read(LOCK).decode() if LOCK in bundle.namelist() else None

    def _says(self, job, host):
        if host in self.gone:
            return b'{"schema":"envsetup.agent/1","error":"no-python"}'
        if job.arguments[0] == "doctor":
            return msgspec.json.encode(msgspec.structs.replace(doctor(host=host), machine=self.machines[host]))
        if host in self.fail:
            return b'{"schema":"envsetup.agent/1","error":"not-made","detail":"no space left on the device"}'
        lock = self._lock(job.bundle)
        plan = self.made.get(host) or Plan(
            status="ok", device="cuda", packages=[PlannedPackage(name="torch", version="2.9.1", variant="cu126")]
        )
        return msgspec.json.encode(
            HostCreated(
                version="1",
                host=host,
                status="created",
                path="/root/.venv",
                plan=plan,
                lock="sha256:abc",
                verified=["imported torch"],
                locked=None if lock else f"torch==2.9.1 --hash=sha256:{host}\n",
            )
        )


@pytest.fixture
def go(tmp_path):
    """Run it on an engine; gives the report."""
    path = tmp_path / "bundle.pyz"
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("__main__.py", "")

    def started(engine, *, request=REQUEST, canaries=1, max_fail=TEN_PERCENT, forks=50, dry=False, **more):
        look = Job(str(path), ["doctor", "--json"], 60, forks)
        wish = Wish(
            request=request,
            path=".venv",
            verify=True,
            canaries=canaries,
            max_fail=max_fail,
            look=look,
            forks=forks,
            host_timeout=60,
        )
        asked = []
        run = Rollout(engine, wish, lambda platforms: asked.append(platforms) or str(path), lambda *_: None)
        run.look()
        run.would() if dry else run.make(more.get("journal"))
        assert dry or not engine.runs[1:] or asked == [{"x86_64-glibc"}]
        return run.report()

    return started


def outcomes(report):
    return {row.host: row.outcome for row in report.hosts}


def test_the_first_of_each_kind_goes_first_and_the_others_install_its_lock(go):
    machines = {f"n{i}": machine() for i in range(1, 5)} | {f"p{i}": machine(P100) for i in range(1, 4)}
    engine = Hosts(machines)
    report = go(engine)
    assert set(outcomes(report).values()) == {"ok"}
    assert exit_code(report) == 0
    assert [run[:2] for run in engine.runs] == [
        ("doctor", [*machines]),
        ("create", ["n1", "p1"]),
        ("create", ["n2", "n3", "n4"]),
        ("create", ["p2", "p3"]),
    ]
    assert [run[2] for run in engine.runs[1:]] == [
        None,
        "torch==2.9.1 --hash=sha256:n1\n",
        "torch==2.9.1 --hash=sha256:p1\n",
    ]
    assert [(plan.hosts, plan.count, plan.canary) for plan in report.plans] == [
        ("n[1-4]", 4, "n1"),
        ("p[1-3]", 3, "p1"),
    ]
    assert "n[1-4] (4): PyTorch 2.9.1+cu126, lock abc" in fleet_text(report)
    assert ">PyTorch 2.9.1+cu126" in fleet_html(report)
    assert ">n[1-4]</td>" in fleet_html(report)


def test_one_plan_holds_on_hosts_with_unlike_drivers_and_the_limiting_one_is_the_canary():
    machines = {"a": machine(), "b": machine(driver="535.183.01"), "c": machine()}
    found = sort(machines, REQUEST)
    [only] = found.classes
    assert only.hosts == ["b", "a", "c"]
    assert all(holds(REQUEST, only.plan, each).status == "ok" for each in machines.values())
    newest = sort({"a": machine()}, REQUEST).classes[0].plan
    assert newest.packages[0].variant != only.plan.packages[0].variant
    assert holds(REQUEST, newest, machines["b"]).impossible.constraint == "driver"


def test_hosts_with_unlike_pythons_get_environments_of_their_own():
    found = sort({"a": machine(), "b": machine(python="3.11.7")}, REQUEST)
    assert [part.hosts for part in found.classes] == [["a"], ["b"]]
    asked = msgspec.structs.replace(REQUEST, python="3.12")
    assert [part.hosts for part in sort({"a": machine(), "b": machine(python="3.11.7")}, asked).classes] == [["a", "b"]]


def test_a_host_without_a_gpu_is_impossible_and_holds_nobody_back(go):
    engine = Hosts({"n1": machine(), "n2": machine(gpus=[], driver=None), "n3": machine()})
    report = go(engine)
    assert outcomes(report) == {"n1": "ok", "n2": "findings", "n3": "ok"}
    assert "impossible (device)" in {row.host: row.reason for row in report.hosts}["n2"]
    assert exit_code(report) == 1


def test_a_canary_that_fails_leaves_its_class_alone_and_no_other(go):
    machines = {f"n{i}": machine() for i in range(1, 5)} | {f"p{i}": machine(P100) for i in range(1, 3)}
    report = go(Hosts(machines, fail=["n1"]), max_fail=AtMost(50, percent=True))
    assert outcomes(report) == {
        "n1": "findings",
        **dict.fromkeys(("n2", "n3", "n4"), "not-run"),
        "p1": "ok",
        "p2": "ok",
    }
    reasons = {row.host: row.reason for row in report.hosts}
    assert reasons["n1"] == "no space left on the device"
    assert reasons["n2"] == "its canary n1 failed: no space left on the device"
    assert exit_code(report) == 4
    assert "Not made\n  n1 (1): no space left on the device" in fleet_text(report)


def test_more_canaries_go_one_by_one(go):
    engine = Hosts({f"n{i}": machine() for i in range(1, 6)}, fail=["n3"])
    report = go(engine, canaries=3)
    assert [hosts for what, hosts, _ in engine.runs if what == "create"] == [["n1"], ["n2"], ["n3"]]
    assert outcomes(report) == {"n1": "ok", "n2": "ok", "n3": "findings", "n4": "not-run", "n5": "not-run"}


@pytest.mark.parametrize(
    ("allowed", "begun"),
    [(AtMost(10, percent=True), 5), (AtMost(1, percent=False), 5), (AtMost(50, percent=True), 20)],
)
def test_nobody_is_begun_when_more_than_allowed_have_failed(go, allowed, begun):
    engine = Hosts({f"n{i}": machine() for i in range(1, 21)}, fail=["n2", "n3", "n4"])
    report = go(engine, max_fail=allowed, forks=4)
    assert sum(len(hosts) for what, hosts, _ in engine.runs if what == "create") == begun
    counted = [*outcomes(report).values()]
    assert (counted.count("findings"), counted.count("not-run")) == (3, 20 - begun)


def test_a_build_that_a_source_really_had_and_some_host_cannot_run_is_not_installed_there(go):
    other = Plan(status="ok", device="cuda", packages=[PlannedPackage(name="torch", version="2.9.1", variant="cu130")])
    machines = {host: machine(driver="535.183.01") for host in ("a", "b")}
    engine = Hosts(machines, made={"a": other})
    report = go(engine)
    assert [hosts for what, hosts, _ in engine.runs if what == "create"] == [["a"]]
    assert outcomes(report) == {"a": "ok", "b": "findings"}
    assert "PyTorch 2.9.1+cu130, made on a, does not run here" in report.hosts[1].reason


def test_a_silent_host_keeps_its_own_outcome(go):
    report = go(Hosts({"n1": machine(), "n2": machine()}, gone=["n2"]))
    assert outcomes(report) == {"n1": "ok", "n2": "no-python"}
    assert exit_code(report) == 4


def test_a_dry_run_makes_nothing(go):
    engine = Hosts({"n1": machine(), "n2": machine()})
    report = go(engine, dry=True)
    assert [what for what, _, _ in engine.runs] == ["doctor"]
    assert all("would get PyTorch" in row.reason for row in report.hosts)
    assert exit_code(report) == 0


def test_a_run_that_goes_on_makes_only_what_is_missing(go, tmp_path):
    folder = str(tmp_path / "run")
    machines = {f"n{i}": machine() for i in range(1, 5)}
    journal = Journal(folder, resume=False)
    first = go(Hosts(machines, fail=["n3"]), journal=journal, max_fail=AtMost(100, percent=True))
    journal.close()
    assert outcomes(first)["n3"] == "findings"
    engine, journal = Hosts(machines), Journal(folder, resume=True)
    again = go(engine, journal=journal)
    journal.close()
    assert [(hosts, lock) for what, hosts, lock in engine.runs if what == "create"] == [
        (["n3"], "torch==2.9.1 --hash=sha256:n1\n")
    ]
    assert set(outcomes(again).values()) == {"ok"}
