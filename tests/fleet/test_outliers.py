"""Outliers: every planted deviation is named, and no other host."""

from __future__ import annotations

import random

import msgspec
import pytest
from fleet_samples import node

from envsetup.fleet.facts import facts_of
from envsetup.fleet.outliers import compare
from envsetup.model import hardware
from envsetup.model.drivers import Driver

replace = msgspec.structs.replace


def judge(machines):
    outliers, splits = compare({host: facts_of(machine) for host, machine in machines.items()})
    return [(o.host, o.fact, o.value, o.peers) for o in outliers], splits


def fleet(size, **odd):
    return {f"n{i}": odd.get(f"n{i}", node()) for i in range(1, size + 1)}


def gpus(count=8, **changes):
    first, *rest = node().gpus[:count]
    return [replace(first, **changes), *rest]


def test_the_driver_of_one_node_is_named_with_its_peers():
    found, splits = judge(fleet(64, n17=node(driver=Driver(nvidia="570.124.06", rocm=None))))
    assert found == [("n17", "driver.nvidia", "570.124.06", "580.65.06 (63 of 63)")]
    assert splits == []


PLANTED = {
    "os.kernel": node(os=replace(node().os, kernel="6.8.0-40-generic")),
    "gpus.count": node(gpus=gpus(count=7)),
    "gpus.ecc_mode": node(gpus=gpus(ecc_mode="disabled")),
    "gpus.mig_mode": node(gpus=gpus(mig_mode="enabled")),
    "environment.packages.numpy": node(environment=replace(node().environment, packages={"torch": "2.14.1"})),
    "environment.packages.tabulate": node(
        environment=replace(node().environment, packages={**node().environment.packages, "tabulate": "0.9"})
    ),
    "env.LD_LIBRARY_PATH": node(env={}),
    "env.CUDA_VISIBLE_DEVICES": node(env={**node().env, "CUDA_VISIBLE_DEVICES": "0"}),
    "memory.total_mib": node(memory=replace(node().memory, total_mib=2063782 // 2)),
}


@pytest.mark.parametrize("fact", PLANTED)
def test_each_kind_of_deviation_is_named_and_nothing_else(fact):
    found, _ = judge(fleet(10, n4=PLANTED[fact]))
    assert [(host, named) for host, named, _, _ in found] == [("n4", fact)]


def test_a_machine_without_its_gpus_is_compared_with_those_it_was_bought_with():
    found, _ = judge(fleet(10, n4=node(gpus=[])))
    assert found == [("n4", "gpus.count", "0", "8 (9 of 9)")]


def test_what_changes_by_the_minute_or_scatters_is_no_difference():
    rng = random.Random(7)
    machines = {
        f"n{i}": node(
            memory=replace(
                node().memory, total_mib=2063782 + rng.randrange(-300, 300), available_mib=rng.randrange(9**6)
            ),
            gpus=[replace(gpu, temperature_c=rng.randrange(30, 90)) for gpu in node().gpus],
        )
        for i in range(50)
    }
    assert judge(machines) == ([], [])


def test_unknown_is_never_a_difference():
    blind = node(os=replace(node().os, kernel=msgspec.UNSET), env=msgspec.UNSET, gpus=msgspec.UNSET)
    assert judge(fleet(10, n4=blind)) == ([], [])


def test_without_a_majority_nobody_is_named():
    old = node(driver=Driver(nvidia="570.124.06", rocm=None))
    found, [split] = judge(fleet(10, **{f"n{i}": old for i in range(1, 6)}))
    assert found == []
    assert split.fact == "driver.nvidia"
    assert {(camp.value, camp.hosts) for camp in split.camps} == {("570.124.06", "n[1-5]"), ("580.65.06", "n[6-10]")}


def test_two_machines_have_no_majority_and_other_kinds_are_no_peers():
    other = node(cpu=hardware.Cpu(model="AMD EPYC 9654", logical=384, physical=192), driver=Driver(nvidia="1"))
    assert judge({"a": node(), "b": node(driver=Driver(nvidia="1"))}) == ([], [])
    assert judge(fleet(10, n1=other, n2=other)) == ([], [])


def test_a_value_that_every_machine_has_for_itself_is_no_configuration():
    own = {f"n{i}": node(env={"SLURMD_NODENAME": f"n{i}"}) for i in range(20)}
    assert judge(own) == ([], [])


def test_planted_deviations_in_a_thousand_nodes_are_all_named_and_no_other():
    rng = random.Random(11)
    chosen = rng.sample(range(1, 1001), len(PLANTED))
    planted = {f"n{i}": (fact, PLANTED[fact]) for i, fact in zip(chosen, PLANTED, strict=True)}
    found, _ = judge(fleet(1000, **{host: machine for host, (_, machine) in planted.items()}))
    assert {(host, fact) for host, fact, _, _ in found} == {(host, fact) for host, (fact, _) in planted.items()}
