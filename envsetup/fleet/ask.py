"""A fleet is asked: which hosts, what comes back, what of it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.fleet.merge import Merge

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.fleet.engine import Engine, Job
    from envsetup.fleet.journal import Journal
    from envsetup.fleet.reading import Answer
    from envsetup.model.fleet import FleetReport, HostRow


def ask_fleet(
    engine: Engine, job: Job, journal: Journal | None = None, watch: Callable[[HostRow, int, int], None] | None = None
) -> FleetReport:
    """Ask every host that has not reported yet, and merge.

    `watch` is told each row as it comes, with how many hosts are done and how many there are.
    """
    hosts = engine.hosts()
    merge = Merge(hosts)
    reported = {answer.row.host: answer for answer in (journal.received() if journal else [])}
    for answer in reported.values():
        merge.add(answer)
    left = [host for host in hosts if host not in reported]
    done = len(hosts) - len(left)

    def deliver(answer: Answer) -> None:
        nonlocal done
        done += 1
        merge.add(answer)
        if journal:
            journal.add(answer.row)
        if watch:
            watch(answer.row, done, len(hosts))

    if left:
        engine.run(job, left, deliver)
    return merge.report()
