"""The doctor or the smoke test on a host of a fleet: one line of JSON on stdout, with the host's name in it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envsetup.model.finding import DoctorReport
    from envsetup.model.proof import SmokeCheck

REASON_LENGTH = 120  # characters


def main(arguments: Sequence[str] | None = None) -> int:
    """Look, judge, answer; the exit code is the doctor's. A bug of ours is an answer too."""
    options = _parser().parse_args(arguments)
    try:
        answer, status = {"doctor": _doctor, "smoke": _smoke, "create": _create}[options.command](options)
    except Exception as error:  # noqa: BLE001 - whoever asked ten thousand hosts needs a reason from each
        answer, status = _failure(error, options), 3
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
    told = msgspec.structs.replace(report, host=_name(options), machine=redact_machine(machine, world))
    answer = _reason(report).encode() if options.reason else msgspec.json.encode(told)
    return answer, _exit_code(report)


def _smoke(options: argparse.Namespace) -> tuple[bytes, int]:
    import msgspec  # noqa: PLC0415

    from envsetup.smoke.catalogue import catalogue  # noqa: PLC0415
    from envsetup.smoke.host import look_at  # noqa: PLC0415
    from envsetup.smoke.runner import Request, prove  # noqa: PLC0415
    from envsetup.smoke.target import first_framework, interpreter  # noqa: PLC0415
    from envsetup.smoke.verdict import exit_code  # noqa: PLC0415
    from envsetup.world.live import LiveWorld  # noqa: PLC0415

    if options.peers:
        from envsetup.fleet.agent.together import together  # noqa: PLC0415

        peers = dict(peer.split("=", 1) for peer in options.peers.split(","))
        name = _name(options)
        proof = together(interpreter(options.env), name, peers, port=options.port, seconds=options.seconds)
        return msgspec.json.encode(proof), int(exit_code(proof))
    checks = [catalogue().find(check).id for check in options.checks]
    python = interpreter(options.env)
    request = Request(
        python=python,
        framework=options.framework or first_framework(python),
        device=options.device,
        level=options.level,
        checks=checks,
    )
    report = prove(request, look=lambda: look_at(LiveWorld()), watcher=_Nobody())
    told = msgspec.structs.replace(report, host={**report.host, "name": _name(options)})
    return msgspec.json.encode(told), int(exit_code(report))


def _create(options: argparse.Namespace) -> tuple[bytes, int]:
    import msgspec  # noqa: PLC0415

    from envsetup.fleet.agent.make import make  # noqa: PLC0415 - only a bundle that builds has it

    answer, status = make(options, _name(options))
    return msgspec.json.encode(answer), status


class _Nobody:
    """Watches a smoke test without a word."""

    def doing(self, check: str, what: str) -> None:
        """Say nothing."""

    def progress(self, event: dict[str, Any]) -> None:
        """Say nothing."""

    def checked(self, check: SmokeCheck) -> None:
        """Say nothing."""


def _name(options: argparse.Namespace) -> str:
    return str(options.host or os.uname().nodename)


def _reason(report: DoctorReport) -> str:
    """One line for a scheduler's reason field, which knows no quotes: the code to fix first, and the headline."""
    from envsetup.report.clean import clean  # noqa: PLC0415

    code = report.verdict.root_cause or "ok"
    return clean(f"{code}: {report.verdict.headline}").translate(str.maketrans("", "", "\"'`\\$"))[:REASON_LENGTH]


def _exit_code(report: DoctorReport) -> int:
    if any(finding.severity in {"critical", "error"} for finding in report.findings):
        return 1
    return 3 if report.verdict.status == "unknown" else 0


def _failure(error: Exception, options: argparse.Namespace) -> bytes:
    refused = getattr(error, "message", None)  # what the user can act on, such as an --env that is not there
    if not refused:
        traceback.print_exc()
    hint = getattr(error, "hint", None)
    answer = {
        "schema": "envsetup.agent/1",
        "host": _name(options),
        "error": "crashed" if not refused else "not-made" if options.command == "create" else "refused",
        "detail": f"{refused} ({hint})" if refused and hint else refused or f"{type(error).__name__}: {error}",
    }
    return json.dumps(answer).encode()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="envsetup.pyz", description="envsetup as one file; it answers in JSON.")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="the only form there is; accepted so that scripts agree")
    common.add_argument("--env", metavar="PATH", help="a venv, conda prefix or python; default: the active one")
    common.add_argument("--host", metavar="NAME", help="the name to answer under; default: the host's own")
    commands = parser.add_subparsers(dest="command", required=True)
    doctor = commands.add_parser("doctor", parents=[common], help="say whether deep learning works here")
    doctor.add_argument("--reason", action="store_true", help="one line in place of the report, for a scheduler")
    doctor.add_argument("--require", choices=["gpu", "cuda", "rocm", "none"], help="what must work here")
    doctor.add_argument("--timeout", type=float, default=5.0, metavar="S", help="seconds in all")
    doctor.add_argument("--root", default="", metavar="DIR", help="where the host is mounted, inside a container")
    smoke = commands.add_parser("smoke", parents=[common], help="train in an environment and prove that it works")
    smoke.add_argument("--framework", help="pytorch, tensorflow, jax; default: the one that is installed")
    smoke.add_argument("--device", default="auto", help="auto, cpu, cuda, rocm, mps, xpu")
    smoke.add_argument("--level", default="quick", help="quick, standard")
    smoke.add_argument("--check", dest="checks", action="append", default=[], metavar="ID", help="only this one")
    smoke.add_argument("--peers", metavar="NAME=ADDRESS,...", help="all hosts that take part together, this one too")
    smoke.add_argument("--port", type=int, default=29500, help="where they meet on the first host")
    smoke.add_argument("--seconds", type=float, default=120.0, metavar="S", help="what together may take")
    create = commands.add_parser("create", parents=[common], help="make an environment and verify it")
    create.add_argument("path", help="where; relative to the home folder")
    create.add_argument("--framework", dest="frameworks", action="append", default=[], metavar="NAME")
    create.add_argument("--device", choices=["auto", "gpu", "cpu"], default="auto", help="what it must use")
    create.add_argument("--with", dest="extras", action="append", default=[], metavar="NAME,...")
    create.add_argument("--python", metavar="VERSION|PATH", help="default: the one that runs this")
    create.add_argument("--source", help="where packages come from; default: pip's configuration")
    create.add_argument("--no-verify", action="store_true", help="do not look at what was built")
    return parser


if __name__ == "__main__":
    sys.exit(main())
