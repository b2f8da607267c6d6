"""The doctor on a host of a fleet: its report with the host's name and facts, as one line of JSON on stdout."""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envsetup.model.finding import DoctorReport

REASON_LENGTH = 120  # characters


def main(arguments: Sequence[str] | None = None) -> int:
    """Look, judge, answer; the exit code is the doctor's. A bug of ours is an answer too."""
    options = _parser().parse_args(arguments)
    try:
        answer, status = _doctor(options)
    except Exception as error:  # noqa: BLE001 - whoever asked ten thousand hosts needs a reason from each
        answer, status = _failure(error, options.host), 3
    sys.stdout.buffer.write(answer + b"\n")
    return status


def _doctor(options: argparse.Namespace) -> tuple[bytes, int]:
    import msgspec  # noqa: PLC0415 - what is compiled may fail to load, and that must be answered

    from envsetup.doctor.examine import examine  # noqa: PLC0415
    from envsetup.probe.collect import probe  # noqa: PLC0415
    from envsetup.probe.redact import redact_machine  # noqa: PLC0415
    from envsetup.world.live import LiveWorld  # noqa: PLC0415

    world = LiveWorld(options.root)
    machine = probe(world, env=options.env, timeout=options.timeout)
    report = examine(machine, require=options.require)
    host = options.host or str(world.system("hostname"))
    told = msgspec.structs.replace(report, host=host, machine=redact_machine(machine, world))
    answer = _reason(report).encode() if options.reason else msgspec.json.encode(told)
    return answer, _exit_code(report)


def _reason(report: DoctorReport) -> str:
    """One line for a scheduler's reason field, which knows no quotes: the code to fix first, and the headline."""
    from envsetup.report.clean import clean  # noqa: PLC0415

    code = report.verdict.root_cause or "ok"
    return clean(f"{code}: {report.verdict.headline}").translate(str.maketrans("", "", "\"'`\\$"))[:REASON_LENGTH]


def _exit_code(report: DoctorReport) -> int:
    if any(finding.severity in {"critical", "error"} for finding in report.findings):
        return 1
    return 3 if report.verdict.status == "unknown" else 0


def _failure(error: Exception, host: str | None) -> bytes:
    import os  # noqa: PLC0415

    refused = getattr(error, "message", None)  # what the user can act on, such as an --env that is not there
    if not refused:
        traceback.print_exc()
    answer = {
        "schema": "envsetup.agent/1",
        "host": host or os.uname().nodename,
        "error": "refused" if refused else "crashed",
        "detail": refused or f"{type(error).__name__}: {error}",
    }
    return json.dumps(answer).encode()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="envsetup.pyz", description="envsetup's doctor as one file; answers in JSON.")
    parser.add_argument("command", choices=["doctor"])
    parser.add_argument("--json", action="store_true", help="the only form there is; accepted so that scripts agree")
    parser.add_argument("--reason", action="store_true", help="one line in place of the report, for a scheduler")
    parser.add_argument("--env", metavar="PATH", help="a venv, conda prefix or python; default: the active one")
    parser.add_argument("--require", choices=["gpu", "cuda", "rocm", "none"], help="what must work here")
    parser.add_argument("--timeout", type=float, default=5.0, metavar="S", help="seconds in all")
    parser.add_argument("--host", metavar="NAME", help="the name to answer under; default: the host's own")
    parser.add_argument("--root", default="", metavar="DIR", help="where the host is mounted, inside a container")
    return parser


if __name__ == "__main__":
    sys.exit(main())
