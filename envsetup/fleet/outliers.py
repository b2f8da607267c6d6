"""Which machine differs from its peers: configuration by majority, sizes by their distance from the median.

A majority is at least 60 % of the peers that know the fact, and at least three of them. Where there is none the fact
is split and nobody is named. A difference is shown, never judged: what is wrong is what the doctor's checks say.
"""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING

from envsetup.fleet.cleaning import clean
from envsetup.fleet.facts import Facts, absent
from envsetup.model.fleet import Camp, Outlier, Split
from envsetup.model.hostrange import fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAJORITY = 0.6
MIN_PEERS = 3
CAMP = 0.25  # where not even the biggest camp is this large, each machine has its own value: no configuration
SIZE_TOLERANCE = 0.02  # of the median: firmware and the kernel keep different amounts for themselves


VALUE_SHOWN = 120  # characters


def compare(machines: Mapping[str, Facts]) -> tuple[list[Outlier], list[Split]]:
    """Outliers in the order of hosts, and splits. Cost is linear in hosts: equal machines are counted as one."""
    outliers: list[Outlier] = []
    splits: list[Split] = []
    for members in _kinds(machines):
        for fact, camps in _differences(members):
            total = sum(map(len, camps.values()))
            majority, holders = max(camps.items(), key=lambda camp: len(camp[1]))
            if len(holders) >= max(MIN_PEERS, MAJORITY * total):
                peers = f"{_shown(majority)} ({len(holders)} of {total - 1})"
                outliers += [
                    Outlier(host=host, fact=_shown(fact), value=_shown(value), peers=peers)
                    for value, hosts in camps.items()
                    if value != majority
                    for host in hosts
                ]
            elif len(holders) > 1 and len(holders) >= CAMP * total:
                splits.append(_split(fact, camps))
        outliers += _sizes(members)
    return sorted(outliers, key=lambda o: (o.host, o.fact)), splits


def _kinds(machines: Mapping[str, Facts]) -> list[dict[str, Facts]]:
    """Machines by kind. A kind of fewer than three joins the one bigger kind with the same processor.

    So the machine whose GPUs are gone, or are others, is compared with those it was bought with.
    """
    kinds: dict[tuple[str, ...], dict[str, Facts]] = defaultdict(dict)
    for host, facts in machines.items():
        kinds[facts.kind][host] = facts
    big = [kind for kind, members in kinds.items() if len(members) >= MIN_PEERS]
    for kind in [kind for kind, members in kinds.items() if len(members) < MIN_PEERS]:
        homes = [other for other in big if other[:2] == kind[:2]]
        if len(homes) == 1:
            kinds[homes[0]].update(kinds.pop(kind))
    return [members for members in kinds.values() if len(members) >= MIN_PEERS]


def _differences(members: Mapping[str, Facts]) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Each fact on which the members do not all agree, with the hosts of each value."""
    groups: dict[tuple[tuple[str, str], ...], list[str]] = defaultdict(list)
    for host, facts in members.items():
        groups[facts.config].append(host)
    configs = [(dict(config), hosts) for config, hosts in groups.items()]
    for fact in sorted({fact for config, _ in configs for fact in config}):
        camps: dict[str, list[str]] = defaultdict(list)
        for config, hosts in configs:
            value = config.get(fact) or absent(fact, config)
            if value is not None:
                camps[value] += hosts
        if len(camps) > 1:
            yield fact, camps


def _split(fact: str, camps: Mapping[str, list[str]]) -> Split:
    biggest_first = sorted(camps.items(), key=lambda camp: (-len(camp[1]), camp[0]))
    said = [Camp(value=_shown(value), hosts=fold(hosts), count=len(hosts)) for value, hosts in biggest_first]
    return Split(fact=_shown(fact), camps=said)


def _shown(value: str) -> str:
    return clean(value, VALUE_SHOWN)


def _sizes(members: Mapping[str, Facts]) -> Iterator[Outlier]:
    for fact in sorted({fact for facts in members.values() for fact in facts.sizes}):
        values = {host: facts.sizes[fact] for host, facts in members.items() if fact in facts.sizes}
        middle = median(values.values())
        far = {host: v for host, v in values.items() if abs(v - middle) > SIZE_TOLERANCE * middle}
        near = len(values) - len(far)
        if near >= max(MIN_PEERS, MAJORITY * len(values)):
            peers = f"about {middle:g} ({near} of {len(values) - 1})"
            yield from (Outlier(host=host, fact=fact, value=f"{v:g}", peers=peers) for host, v in far.items())
