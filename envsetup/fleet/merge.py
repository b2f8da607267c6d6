"""Many answers, one report: each host exactly once, what they share grouped, what differs named."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, Optional

import msgspec

from envsetup import __version__
from envsetup.fleet.cleaning import clean, clean_host
from envsetup.fleet.links import rates_of, slow_links
from envsetup.fleet.measures import Measures, measures_of, slow
from envsetup.fleet.outliers import compare
from envsetup.fleet.reading import Answer, bad, documents, read
from envsetup.model.errors import Exit
from envsetup.model.finding import SEVERITY_ORDER, Severity
from envsetup.model.fleet import REPORTED, FleetFinding, FleetReport, HostRow
from envsetup.model.hostrange import fold, natural
from envsetup.report.clean import escape_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from envsetup.fleet.facts import Facts


class _Brief(NamedTuple):
    """What the fleet's report keeps of a finding."""

    code: str
    severity: Severity
    title: str
    caused_by: Optional[str]


class Merge:
    """Takes answers one by one, in any order; `report` can be asked at any moment."""

    def __init__(self, expected: Iterable[str] = ()) -> None:
        self._expected = dict.fromkeys(expected)
        self._rows: dict[str, HostRow] = {}
        self._facts: dict[str, Facts] = {}
        self._findings: dict[str, list[_Brief]] = {}
        self._measures: dict[str, Measures] = {}
        self._links: dict[str, dict[str, float]] = {}
        self._undecided: set[str] = set()
        self._configs: dict[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]] = {}

    def add(self, answer: Answer) -> None:
        """Take a host's answer; a later one replaces an earlier one, a snapshot only adds its facts."""
        row = answer.row
        if answer.facts:
            # Equal configurations are kept once: that is what makes ten thousand hosts fit.
            config = self._configs.setdefault(answer.facts.config, answer.facts.config)
            self._facts[row.host] = answer.facts._replace(config=config)
        if answer.kind == "snapshot" and row.host in self._rows:
            return
        self._rows[row.host] = row
        self._undecided.discard(row.host)
        self._findings.pop(row.host, None)
        self._measures.pop(row.host, None)
        self._links.pop(row.host, None)
        if answer.doctor:
            self._findings[row.host] = [
                _Brief(clean(f.code, 80), f.severity, clean(f.title), f.caused_by) for f in answer.doctor.findings
            ]
            if answer.doctor.verdict.status == "unknown":
                self._undecided.add(row.host)
        elif answer.smoke:
            self._measures[row.host] = measures_of(answer.smoke)
            self._links[row.host] = rates_of(answer.smoke)
            self._findings[row.host] = [
                _Brief(f"smoke:{clean(c.id, 80)}", "error", clean(c.title), None)
                for c in answer.smoke.checks
                if c.status in {"FAIL", "ERROR", "TIMEOUT"}
            ]
            if answer.smoke.verdict == "not-verified":
                self._undecided.add(row.host)
        elif row.outcome == "findings":  # an environment that was not made
            code = "plan-impossible" if answer.created else "create-failed"
            self._findings[row.host] = [_Brief(code, "error", row.reason, None)]

    def report(self) -> FleetReport:
        """What is known now; an expected host that has not answered is `not-run`."""
        names = [*self._expected, *sorted(self._rows.keys() - self._expected.keys(), key=natural)]
        rows = [
            self._rows.get(name) or HostRow(host=name, outcome="not-run", reason="expected, and nothing came")
            for name in names
        ]
        reported = {row.host for row in rows if row.outcome in REPORTED}
        outliers, splits = compare({host: facts for host, facts in self._facts.items() if host in reported})
        outliers += [*slow(self._measures), *slow_links(self._links)]
        return FleetReport(
            version=__version__,
            expected=len(rows),
            received=len(reported),
            hosts=rows,
            findings=self._grouped(),
            outliers=sorted(outliers, key=lambda o: (natural(o.host), o.fact)),
            splits=splits,
            undecided=sorted(self._undecided, key=natural),
        )

    def _grouped(self) -> list[FleetFinding]:
        hosts: dict[str, list[str]] = defaultdict(list)
        worst: dict[str, _Brief] = {}
        for host, briefs in self._findings.items():
            for brief in {brief.code: brief for brief in reversed(briefs)}.values():
                hosts[brief.code].append(host)
                if brief.code not in worst or _rank(brief) < _rank(worst[brief.code]):
                    worst[brief.code] = brief
        order = sorted(worst.values(), key=lambda b: (_rank(b), -len(hosts[b.code]), b.code))
        return [
            FleetFinding(
                code=b.code,
                hosts=fold(hosts[b.code]),
                count=len(hosts[b.code]),
                severity=b.severity,
                title=b.title,
                caused_by=b.caused_by,
            )
            for b in order
        ]


def merge_files(names: Iterable[str], expected: Iterable[str] = ()) -> FleetReport:
    """Merge what files hold.

    A document's host is the one that it names, else the file's name. Two files that speak for one host are a mistake
    of whoever collected them: the second is shown as a bad answer of its own and takes nothing from the first. Rows
    that a fleet run kept may come again: the later one counts.
    """
    merge = Merge(expected)
    claims: dict[tuple[str, bool], str] = {}
    for name in names:
        for source in documents(name):
            answer = read(source.data, source.name)
            claim = (answer.row.host, answer.kind == "snapshot")
            if answer.kind != "row" and claims.setdefault(claim, name) != name:
                told = f"{source.origin} answers as {answer.row.host}, and so does {claims[claim]}"
                answer = bad(clean_host(source.origin), told)
            merge.add(answer)
    return merge.report()


def exit_code(report: FleetReport, fail_on: Severity = "error") -> Exit:
    """4: a host gave no report; else 1: findings at or above `fail_on`; else 3: a doctor could not decide."""
    if report.received < report.expected:
        return Exit.FLEET_PARTIAL
    if any(SEVERITY_ORDER.index(f.severity) <= SEVERITY_ORDER.index(fail_on) for f in report.findings):
        return Exit.FINDINGS
    return Exit.UNDECIDED if report.undecided else Exit.OK


def write_json(report: FleetReport, write: Callable[[bytes], object]) -> None:
    """The report as JSON, one host a line, without ever holding the whole text: hosts' reports may be 100 MB."""
    encode = msgspec.json.Encoder().encode
    head = msgspec.structs.replace(report, hosts=[])
    before, _, after = encode(head).partition(b'"hosts":[]')
    write(before + b'"hosts":[\n')
    for number, row in enumerate(report.hosts):
        write((b",\n" if number else b"") + escape_json(encode(row).decode()).encode())
    write(b"\n]" + escape_json(after.decode()).encode() + b"\n")


def _rank(brief: _Brief) -> int:
    return SEVERITY_ORDER.index(brief.severity)
