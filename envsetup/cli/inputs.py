"""What the doctor is asked to look at: this machine, a snapshot, or a text that somebody pasted."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envsetup.doctor.subject import Subject

MAX_BYTES = 16 << 20
ACCEPTED = "a snapshot of envsetup probe, a report of collect_env or nvidia-smi, a log, or an issue is accepted"


def subject(
    source: str | None, error: str | None, *, env: str | None, timeout: float, deep: float | None = None
) -> Subject:
    """Read `source` (a file, or - for stdin), else look at this machine; `error` is a file with an error text.

    `deep` is how many seconds an import of a framework may take; None imports nothing.

    Raises InputError for what cannot be read.
    """
    from envsetup.model.errors import InputError

    if source is not None and env is not None:
        raise InputError("--env looks at this machine and --from at another one: give one of them")
    if source is not None and deep is not None:
        raise InputError(
            "--deep imports the frameworks of this machine and --from looks at another one: give one of them"
        )
    if source == "-" and error == "-":
        raise InputError("--from - and --error -: stdin can be read once; give a file for one of them")
    complaint = read_text(error, "--error") if error is not None else ""
    if source is not None:
        from envsetup.doctor.subject import given

        return given(read_text(source, "--from"), _name(source), complaint, _name(error or ""))
    looked_at = _live(env, timeout, deep)
    if complaint:
        from envsetup.doctor.symptoms import read

        looked_at.symptoms = read(complaint, source=_name(error or ""))
    return looked_at


def read_text(path: str, option: str, *, patience: float | None = None) -> str:
    """A file's text, or stdin's for "-"; raises InputError with the file's name.

    `patience` in seconds: how long a pipe may bring nothing, by default as long as for every input.
    """
    from envsetup.model.errors import InputError
    from envsetup.world.files import PIPE_S, read_bytes

    try:
        data = (
            sys.stdin.buffer.read(MAX_BYTES + 1) if path == "-" else read_bytes(path, MAX_BYTES + 1, patience or PIPE_S)
        )
    except OSError as problem:
        raise InputError(f"{option} {_name(path)}: {problem.strerror or problem}") from None
    if len(data) > MAX_BYTES and data.lstrip()[:1] == b"{":
        raise InputError(f"{option} {_name(path)}: more than {MAX_BYTES >> 20} MiB, and no machine file is that large")
    if not data.strip():
        raise InputError(f"{option} {_name(path)}: nothing in it", hint=ACCEPTED)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):  # what PowerShell's > writes
        return data.decode("utf-16", "replace")
    if b"\0" in data[:4096]:
        raise InputError(f"{option} {_name(path)}: not a text file", hint=ACCEPTED)
    return data.decode("utf-8-sig", "replace")


def _name(path: str) -> str:
    return "stdin" if path == "-" else path


def _live(env: str | None, timeout: float, deep: float | None) -> Subject:
    from envsetup.doctor.subject import Subject
    from envsetup.probe.collect import probe
    from envsetup.world.live import LiveWorld

    return Subject(probe(LiveWorld(), env=env, timeout=timeout, deep=deep), "live")
