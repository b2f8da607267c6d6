"""What came back from hosts, as bytes that nobody vouches for: each document becomes one row or one reason.

Accepted per host: the doctor's JSON, a smoke test's, what `create` says, a machine snapshot, the bundle's word that it
could not run, or a row that a fleet run has kept. A file holds one document, or one on each line.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple, Optional, Union

import msgspec

from envsetup.fleet.cleaning import clean, clean_host, excerpt
from envsetup.fleet.facts import Facts, facts_of
from envsetup.model import finding, fleet, machine, proof
from envsetup.model.codec import decode
from envsetup.model.errors import InputError
from envsetup.model.finding import DoctorReport
from envsetup.model.fleet import NO_REPORT, AgentError, AgentFailure, HostCreated, HostRow, Outcome
from envsetup.model.machine import Machine
from envsetup.model.maybe import UNKNOWN, Maybe, known
from envsetup.model.proof import SmokeReport
from envsetup.world.files import open_input

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

DOCUMENT_LIMIT = 16 << 20  # bytes from one host; a report of a big machine is far below 1 MiB
BLOCK = 1 << 20
SNAPSHOTS_KEPT = 256
HEAD_LINES = 100  # among these one must be a document for a file to be read line by line
_HOST = re.compile(r"[A-Za-z0-9_.:%@+-]{1,253}")
# The bundle's words for what it met, and the outcome that they are in a report.
_FAILURES: dict[AgentFailure, tuple[Outcome, str]] = {
    "no-python": ("no-python", "no Python found"),
    "python-too-old": ("no-python", "Python is too old"),
    "not-carried": ("no-python", "the bundle does not serve this Python"),
    "timeout": ("timeout", "no answer from the doctor in time"),
    "refused": ("bad-output", "refused"),
    "not-made": ("findings", ""),  # it answered: with the reason why there is no environment
    "crashed": ("bad-output", "the doctor crashed"),
}


Kind = Literal["doctor", "smoke", "create", "snapshot", "agent", "row", "bad"]


class Answer(NamedTuple):
    """One host's row, and what the merge reads from its report."""

    row: HostRow
    kind: Kind
    doctor: Optional[DoctorReport] = None
    smoke: Optional[SmokeReport] = None
    created: Optional[HostCreated] = None
    facts: Optional[Facts] = None


class _Head(msgspec.Struct, kw_only=True):
    """Enough of a document to know what it is."""

    schema: str = ""
    host: Union[str, dict[str, Any], None] = None  # of a smoke test it is a description that holds the name
    outcome: Maybe[Outcome] = UNKNOWN

    @property
    def name(self) -> str:
        """The host's own name, empty when the document does not carry it."""
        name = self.host.get("name") if isinstance(self.host, dict) else self.host
        return name if isinstance(name, str) else ""


class Source(NamedTuple):
    """Bytes of one document and where they came from."""

    origin: str  # the file, and the line where it holds several
    name: str  # the host that it is taken for when it does not say
    data: bytes


def documents(name: str) -> Iterator[Source]:
    """The documents of a file, or of standard input for `-`; never more than one of them in memory.

    Raises InputError when the file cannot be read at all.
    """
    if name == "-":
        yield from _split(sys.stdin.buffer, "stdin", "stdin")
        return
    try:
        with open_input(name) as file:
            yield from _split(file, name, clean_host(Path(name).name.split(".json")[0]))
    except OSError as error:
        raise InputError(f"{name}: {error.strerror or error}") from error


def _split(file: BinaryIO, origin: str, host: str) -> Iterator[Source]:
    block = file.read(DOCUMENT_LIMIT + 1)
    lines = [] if _is_document(block) else block.split(b"\n", HEAD_LINES)[:HEAD_LINES]
    if not any(map(_is_document, lines)):
        yield Source(origin, host, block)
        return
    for number, line in enumerate(_lines(block, file), 1):
        if line.strip():
            yield Source(f"{origin}:{number}", f"{host}:{number}", line)


def _lines(block: bytes, file: BinaryIO) -> Iterator[bytes]:
    """Lines of what was read and what follows; one that is too long is cut just above the limit."""
    line = b""
    while block:
        *whole, rest = block.split(b"\n")
        for part in whole:
            yield line + part
            line = b""
        line = (line + rest)[: DOCUMENT_LIMIT + 1]
        block = file.read(BLOCK)
    yield line


def _is_document(data: bytes) -> bool:
    try:
        head = decode(data, _Head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return bool(head.schema) or known(head.outcome) is not None


def read(data: bytes, name: str) -> Answer:
    """What a host sent, judged. `name` is the host when the document does not carry its own name. Never raises."""
    if len(data) > DOCUMENT_LIMIT:
        return bad(name, f"more than {DOCUMENT_LIMIT >> 20} MiB")
    if not data.strip():
        return bad(name, "no output")
    try:
        data.decode()  # msgspec does not look into strings that it skips
        head = decode(data, _Head)
        data = msgspec.json.format(data, indent=-1)  # one line, so that a row is one line
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return bad(name, f"no JSON: {error}; it begins with {excerpt(data)}")
    host = head.name or name
    if not _HOST.fullmatch(host):
        return bad(name, "its host name is no host name")
    try:
        return _decode(data, head, host)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return bad(host, f"no valid {clean(head.schema, 40)}: {error}")


def _decode(data: bytes, head: _Head, host: str) -> Answer:
    if not isinstance(head.outcome, msgspec.UnsetType):
        row = decode(data, HostRow)
        if row.outcome not in fleet.REPORTED:
            return Answer(msgspec.structs.replace(row, reason=clean(row.reason), report=NO_REPORT), "row")
        if row.report == NO_REPORT:  # an environment that was not made has a reason and no report
            return Answer(msgspec.structs.replace(row, reason=clean(row.reason)), "row")
        return renamed(read(bytes(row.report), host), host)._replace(kind="row")
    if head.schema == finding.SCHEMA:
        return from_doctor(data, decode(data, DoctorReport), host)
    if head.schema == proof.SCHEMA:
        return from_smoke(data, decode(data, SmokeReport), host)
    if head.schema == fleet.CREATE_SCHEMA:
        return from_create(data, decode(data, HostCreated), host)
    if head.schema == machine.SCHEMA:
        return from_snapshot(decode(data, Machine), host)
    if head.schema == fleet.AGENT_SCHEMA:
        error = decode(data, AgentError)
        outcome, text = _FAILURES[error.error]
        detail = clean(error.detail)
        reason = ": ".join(part for part in (text, detail) if part)
        return Answer(HostRow(host=host, outcome=outcome, reason=reason), "agent")
    said = clean(head.schema, 40) or "no schema"
    return bad(host, f"{said}: accepted are {finding.SCHEMA}, {proof.SCHEMA} and {machine.SCHEMA}")


def from_doctor(data: bytes, report: DoctorReport, host: str) -> Answer:
    """A doctor's report as a row: `ok` is a machine that is ready and has nothing above info."""
    worst = {f.severity for f in report.findings}
    ok = report.verdict.status == "ready" and not worst - {"info"}
    row = HostRow(
        host=host,
        outcome="ok" if ok else "findings",
        reason=clean(report.verdict.headline),
        report=msgspec.Raw(data),
    )
    snapshot = known(report.machine)
    return Answer(row, "doctor", doctor=report, facts=facts_of(snapshot) if snapshot else None)


def from_snapshot(seen: Machine, host: str) -> Answer:
    """A machine's facts, diagnosed here."""
    same = msgspec.structs.replace(seen, recorded=UNKNOWN)
    report = msgspec.structs.replace(_diagnosed(msgspec.json.encode(same)), host=host, machine=seen)
    return from_doctor(msgspec.json.encode(report), report, host)._replace(kind="snapshot")


@lru_cache(SNAPSHOTS_KEPT)
def _diagnosed(snapshot: bytes) -> DoctorReport:
    # Some milliseconds for each machine that is not like another: worth keeping where a fleet is of one kind.
    from envsetup.doctor.examine import examine  # noqa: PLC0415 - only snapshots need the doctor here

    return examine(decode(snapshot, Machine), target="snapshot")


def from_smoke(data: bytes, report: SmokeReport, host: str) -> Answer:
    """A smoke test's report as a row: only `pass` is ok."""
    outcome: Outcome = "ok" if report.verdict == "pass" else "findings"
    row = HostRow(host=host, outcome=outcome, reason=clean(report.headline), report=msgspec.Raw(data))
    return Answer(row, "smoke", smoke=report)


def from_create(data: bytes, made: HostCreated, host: str) -> Answer:
    """What `create` did as a row: `ok` is an environment that stands and was verified, if it was to be."""
    why = made.plan.impossible
    reason = f"impossible ({why.constraint}): {why.text}" if why else f"{made.path}: {'; '.join(made.verified or [])}"
    outcome: Outcome = "ok" if made.status == "created" else "findings"
    return Answer(
        HostRow(host=host, outcome=outcome, reason=clean(reason), report=msgspec.Raw(data)), "create", created=made
    )


def bad(host: str, reason: str) -> Answer:
    """A host whose answer cannot be used, and why."""
    return Answer(HostRow(host=host, outcome="bad-output", reason=clean(reason)), "bad")


def silent(host: str, outcome: Outcome, reason: str) -> Answer:
    """A host that gave no report, and why."""
    return Answer(HostRow(host=host, outcome=outcome, reason=clean(reason)), "agent")


def refused(host: str, reason: str) -> Answer:
    """A host that answered, and on which there is no environment."""
    return Answer(HostRow(host=host, outcome="findings", reason=clean(reason)), "agent")


def attributed(data: bytes, host: str, hosts: Collection[str]) -> Answer:
    """What came from `host`, whatever name it gives itself; another host's name is refused."""
    answer = read(data, host)
    if answer.row.host != host and answer.row.host in hosts:
        return bad(host, f"answered under the name of {answer.row.host}")
    return renamed(answer, host)


def renamed(answer: Answer, host: str) -> Answer:
    """The answer under the name by which the host was asked."""
    return answer._replace(row=msgspec.structs.replace(answer.row, host=host))
