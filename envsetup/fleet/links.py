"""How fast hosts exchange with each other: which host is slow with everybody, and which pair alone is slow."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from envsetup.model.fleet import Outlier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envsetup.model.proof import SmokeReport

SLOW = 0.4  # of the median: a link that negotiated one step down is below, scatter of busy hosts is above
MIN_HOSTS = 3


def rates_of(report: SmokeReport) -> dict[str, float]:
    """MB/s to each other host, as this host measured it."""
    check = next((check for check in report.checks if check.id == "pairs"), None)
    metrics = check.metrics if check else {}
    return {name.removeprefix("to "): float(metric.value) for name, metric in metrics.items() if metric.value}


def slow_links(measured: Mapping[str, Mapping[str, float]]) -> list[Outlier]:
    """A host whose best exchange is slow; or a pair, where both are fast with others."""
    best = {host: max(rates.values()) for host, rates in measured.items() if rates}
    if len(best) < MIN_HOSTS:
        return []
    usual = median(best.values())
    slow = {host for host, rate in best.items() if rate < SLOW * usual}
    found = [
        Outlier(host=host, fact="link", value=f"{best[host]:.0f} MB/s at best", peers=f"median {usual:.0f} MB/s")
        for host in sorted(slow)
    ]
    for host, rates in measured.items():
        found += [
            Outlier(host=host, fact=f"link to {peer}", value=f"{rate:.0f} MB/s", peers=f"median {usual:.0f} MB/s")
            for peer, rate in rates.items()
            if rate < SLOW * usual and host not in slow and peer not in slow
        ]
    return found
