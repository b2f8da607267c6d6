"""What the doctor is asked to look at: this machine, a snapshot, or a text that somebody pasted."""

from __future__ import annotations

import os
import select
import stat
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envsetup.doctor.subject import Subject

MAX_BYTES = 16 << 20
PIPE_S = 20  # for what `--from <(ssh host ...)` needs to begin
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


def read_text(path: str, option: str, *, patience: float = PIPE_S) -> str:
    """A file's text, or stdin's for "-"; raises InputError with the file's name.

    `patience` in seconds: how long a pipe may bring nothing.
    """
    from envsetup.model.errors import InputError

    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1) if path == "-" else _bytes(path, patience)
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


def _bytes(path: str, patience: float) -> bytes:
    """What a file holds, up to a little more than is read. Raises OSError, also for a pipe that brings nothing."""
    # Without waiting: opening a pipe that nobody writes to would never end.
    with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb", buffering=0) as file:
        if not stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
            return file.read(MAX_BYTES + 1) or b""
        parts: list[bytes] = []
        while sum(map(len, parts)) <= MAX_BYTES:
            if not select.select([file], [], [], patience)[0]:
                raise TimeoutError(None, f"a pipe, and nobody wrote to it for {patience:g} s")
            parts.append(file.read(1 << 20) or b"")
            if not parts[-1]:
                break
        return b"".join(parts)


def _name(path: str) -> str:
    return "stdin" if path == "-" else path


def _live(env: str | None, timeout: float, deep: float | None) -> Subject:
    from envsetup.doctor.subject import Subject
    from envsetup.probe.collect import probe
    from envsetup.world.live import LiveWorld

    return Subject(probe(LiveWorld(), env=env, timeout=timeout, deep=deep), "live")
