"""What a smoke test measured, host against host: which one is slow, by robust statistics.

The modified z-score of Iglewicz and Hoaglin (How to Detect and Handle Outliers, 1993): 0.6745 |x - median| / MAD above
3.5, and at least 5 % off, so that equal machines with hardly any scatter are not named for nothing.
"""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING, Literal, NamedTuple

from envsetup.fleet.cleaning import clean
from envsetup.model.fleet import Outlier

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from envsetup.model.proof import SmokeReport

MIN_PEERS = 4  # with fewer the median itself may be the odd one
LIMIT = 3.5
LEAST = 0.05  # of the median


class Measures(NamedTuple):
    """One host's numbers. `kind` says with which hosts they can be compared; `bad` is the side on which one is bad."""

    kind: tuple[str, ...]
    values: dict[str, float]
    bad: dict[str, Literal["low", "high"]]


def measures_of(report: SmokeReport) -> Measures:
    """The numbers of a smoke test that have a good and a bad side: those with a limit."""
    values: dict[str, float] = {}
    bad: dict[str, Literal["low", "high"]] = {}
    for check in report.checks:
        for name, metric in check.metrics.items():
            if metric.value is not None and metric.op in {">=", ">", "<=", "<"}:
                measure = f"smoke.{check.id}.{name}"
                values[measure] = float(metric.value)
                bad[measure] = "low" if metric.op in {">=", ">"} else "high"
    framework = (str(report.framework.get(name, "")) for name in ("name", "version"))
    return Measures((report.device, str(report.host.get("device_name", "")), *framework), values, bad)


def slow(hosts: Mapping[str, Measures]) -> list[Outlier]:
    """Hosts that are worse than their peers; those that are better are not named."""
    kinds: dict[tuple[str, ...], dict[str, Measures]] = defaultdict(dict)
    for host, measures in hosts.items():
        kinds[measures.kind][host] = measures
    return [outlier for members in kinds.values() for outlier in _worse(members)]


def _worse(members: Mapping[str, Measures]) -> Iterator[Outlier]:
    for name in sorted({name for measures in members.values() for name in measures.values}):
        values = {host: measures.values[name] for host, measures in members.items() if name in measures.values}
        if len(values) < MIN_PEERS:
            continue
        middle = median(values.values())
        scatter = median(abs(value - middle) for value in values.values())
        for host, value in values.items():
            off = value - middle if members[host].bad[name] == "high" else middle - value
            if off > LEAST * abs(middle) and 0.6745 * off > LIMIT * scatter:
                peers = f"median {middle:.6g} of {len(values)}"
                yield Outlier(host=host, fact=clean(name), value=f"{value:.6g}", peers=peers)
