"""Two machines side by side, for `doctor --expect` and `probe --diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envsetup.model.comparison import Change, Comparison
    from envsetup.model.machine import Machine


def differences(expected: str, machine: Machine, *, live: bool) -> tuple[list[Change], list[str]]:
    """The machine against the snapshot in the file `expected`; raises InputError for what cannot be read."""
    from envsetup.doctor.compare import compare
    from envsetup.model.errors import InputError
    from envsetup.model.machine import Machine
    from envsetup.probe.snapshot import read_snapshot

    good = read_snapshot(expected)
    if good == Machine():
        raise InputError(f"--expect {expected}: it holds no fact, so nothing could differ from it")
    if live:  # a snapshot is redacted, so what it is compared with must be as well
        from envsetup.probe.redact import redact_machine
        from envsetup.world.live import LiveWorld

        machine = redact_machine(machine, LiveWorld())
    return compare(good, machine)


def diff(before: str, after: str) -> Comparison:
    """Two snapshot files; raises InputError for what cannot be read."""
    from envsetup import __version__
    from envsetup.doctor.compare import compare
    from envsetup.doctor.examine import examine
    from envsetup.model.comparison import Comparison
    from envsetup.model.maybe import known
    from envsetup.probe.snapshot import read_snapshot

    first, second = read_snapshot(before), read_snapshot(after)
    told = [examine(machine, target="snapshot").findings for machine in (first, second)]
    old, now = ([finding for finding in findings if finding.severity != "info"] for findings in told)
    codes = [{finding.code for finding in findings} for findings in (old, now)]
    new = [finding for finding in now if finding.code not in codes[0]]
    changes, unknown = compare(first, second, new)
    return Comparison(
        version=__version__,
        before=known(first.recorded) or before,
        after=known(second.recorded) or after,
        changes=changes,
        new_findings=list(dict.fromkeys(finding.code for finding in new)),
        gone_findings=sorted(codes[0] - codes[1]),
        unknown=unknown,
    )
