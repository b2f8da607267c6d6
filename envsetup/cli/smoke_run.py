"""What `envsetup smoke` does: one run, a soak, a comparison or a self-test, and how each is presented."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from envsetup.model.errors import Exit, InputError

if TYPE_CHECKING:
    from envsetup.model.proof import FaultRow, SmokeReport
    from envsetup.smoke.runner import Request

FRAMEWORKS = ("pytorch", "tensorflow", "jax")
HOUR = 60.0  # minutes of a soak, unless it is said
Options = dict[str, Any]


def run(options: Options) -> int:
    """Prove, present, and say by the exit code what came out."""
    _refuse_contradictions(options)
    _refuse_places(options)
    request = _request(options)
    report = _proven(request, options)
    code = _present(report, options)
    if options["save_baseline"] is not None:
        _save(report, options)
    return code


def _save(report: SmokeReport, options: Options) -> None:
    """A pass becomes the measure of later runs; anything else has been shown, and its exit code stands."""
    from envsetup.smoke import baseline

    if report.verdict != "pass":
        said = f"no baseline saved: the verdict is {report.verdict}, only a pass is a measure"
    else:
        said = f"baseline saved: {baseline.save(report, Path(p) if (p := options['save_baseline']) else None)}"
    if not options["quiet"]:
        click.echo(said, err=True)


def _refuse_contradictions(options: Options) -> None:
    if options["level"] != "soak":
        for name in ("minutes", "journal"):
            if options[name] is not None:
                raise InputError(f"--{name}: only --level soak has rounds")
    elif options["framework"] == "all":
        raise InputError("--level soak: takes one --framework, not all")
    if options["join"] and (options["checks"] or options["level"] == "soak"):
        raise InputError("--join: is one check, ranks, with other processes; it takes no --check and no soak")
    if options["save_baseline"] is not None and options["framework"] == "all":
        raise InputError("--save-baseline: takes one --framework, not all")


def _refuse_places(options: Options) -> None:
    """Where a page cannot be written, that is said before minutes of training, not after."""
    for name in ("html", "junit"):
        if not options[name]:
            continue
        place, option = Path(options[name]), f"--{name} {options[name]}"
        if place.is_dir():
            raise InputError(f"{option}: Is a directory")
        if not place.parent.is_dir():
            raise InputError(f"{option}: there is no folder {place.parent}")
        if not os.access(place if place.exists() else place.parent, os.W_OK):
            raise InputError(f"{option}: cannot be written there")


def _request(options: Options) -> Request:
    from envsetup.smoke import baseline
    from envsetup.smoke.catalogue import catalogue
    from envsetup.smoke.dataset import data_root
    from envsetup.smoke.launch import place
    from envsetup.smoke.runner import Request
    from envsetup.smoke.target import first_framework, interpreter

    python = interpreter(options["env"])
    framework = options["framework"] or first_framework(python)
    if framework not in (*FRAMEWORKS, "all"):
        raise InputError(f"--framework {framework}: no smoke test for it; accepted: {', '.join(FRAMEWORKS)}, all")
    checks = [catalogue().find(check).id for check in options["checks"]]
    request = Request(
        python=python,
        framework=framework,
        device=options["device"],
        level="standard" if options["join"] else options["level"],
        checks=["ranks"] if options["join"] else checks,
        seed=options["seed"],
        data=options["data"],
        data_root=data_root(options["data"], options["data_root"]),
        place=place(os.environ) if options["join"] else None,
    )
    if framework == "all":
        return request
    import msgspec

    found = baseline.load(options["baseline"], framework, options["device"])
    return msgspec.structs.replace(request, baseline=found, baseline_asked=options["baseline"] is not None)


def _proven(request: Request, options: Options) -> SmokeReport:
    import msgspec

    from envsetup.report.smoke_progress import Silent, SmokeProgress
    from envsetup.report.terminal import colour_wanted
    from envsetup.smoke.every import every
    from envsetup.smoke.host import look_at
    from envsetup.smoke.runner import planned, prove
    from envsetup.smoke.soak import Journal, soak
    from envsetup.world.live import LiveWorld

    world = LiveWorld()

    def once(framework: str) -> SmokeReport:
        asked = msgspec.structs.replace(request, framework=framework)
        progress = SmokeProgress(sys.stderr, live=colour_wanted(sys.stderr), total=len(planned(asked)))
        watcher = Silent() if options["quiet"] else progress
        try:
            return prove(asked, look=lambda: look_at(world), watcher=watcher)
        finally:
            watcher.close()

    if request.level == "soak":
        journal = Journal(Path(options["journal"]) if options["journal"] else _journal_place())
        if not options["quiet"]:
            click.echo(f"journal: {journal.path}", err=True)
        minutes = HOUR if options["minutes"] is None else options["minutes"]
        return soak(lambda: once(request.framework), journal, minutes, asked=request.device)
    return every(FRAMEWORKS, once) if request.framework == "all" else once(request.framework)


def _journal_place() -> Path:
    """A file of its own for every soak, among the user's state or, where that cannot be written, temporary files."""
    import tempfile

    from platformdirs import user_state_path

    name = time.strftime("soak-%Y%m%dT%H%M%SZ.jsonl", time.gmtime())
    folder = user_state_path("envsetup") / "soak"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir())
    return (folder if os.access(folder, os.W_OK) else Path(tempfile.gettempdir())) / name


def _present(report: SmokeReport, options: Options) -> int:
    from envsetup.model.codec import to_json
    from envsetup.report.terminal import colour_wanted, unicode_wanted
    from envsetup.smoke.verdict import exit_code

    if options["html"]:
        from envsetup.report.smoke_html import smoke_html

        _write(Path(options["html"]), smoke_html(report))
    if options["junit"]:
        from envsetup.report.smoke_junit import smoke_junit

        _write(Path(options["junit"]), smoke_junit(report))
    if options["nagios"]:
        from envsetup.report.smoke_nagios import smoke_nagios

        line, code = smoke_nagios(report)
        click.echo(line, nl=False)
        return code
    if options["as_json"]:
        click.echo(to_json(report), nl=False)
    else:
        from envsetup.report.smoke_text import smoke_text

        out, verbose = sys.stdout, options["verbose"]
        page = smoke_text(report, colour=colour_wanted(out), ascii_only=not unicode_wanted(out), verbose=verbose)
        click.echo(page, nl=False)
    return int(exit_code(report))


def compare(options: Options) -> int:
    """Two reports side by side; nothing is run, and a difference is no failure."""
    from envsetup.model.codec import to_json
    from envsetup.report.smoke_comparison import comparison_text
    from envsetup.smoke.comparison import compare as beside
    from envsetup.smoke.rates import read_report

    one, two = (read_report(Path(path), option="--compare") for path in options["compare"])
    found = beside(one, two, options["compare"])
    if options["html"]:
        from envsetup.report.smoke_html import comparison_html

        _write(Path(options["html"]), comparison_html(found, one, two))
    text = to_json(found) if options["as_json"] else comparison_text(found, verbose=options["verbose"])
    click.echo(text, nl=False)
    return int(Exit.OK)


def self_test(options: Options) -> int:
    """Plant every fault; 0 when every promise was kept."""
    from envsetup.model.codec import to_json
    from envsetup.report.smoke_matrix import self_test_holds, smoke_matrix
    from envsetup.report.terminal import unicode_wanted
    from envsetup.smoke import selftest

    request = _request({**options, "join": False})
    if request.checks or request.data != "generated" or request.device not in ("auto", "cpu"):
        raise InputError(
            "--self-test: plants faults on the CPU in every check; it takes no --check, --data or --device"
        )

    def say(row: FaultRow) -> None:
        if not options["quiet"]:
            click.echo(f"{row.fault}: caught by {', '.join(row.caught_by) or 'nothing'}", err=True)

    report = selftest.self_test(request, say)
    if options["html"]:
        from envsetup.report.smoke_html import smoke_html

        _write(Path(options["html"]), smoke_html(report))
    text = to_json(report) if options["as_json"] else smoke_matrix(report, ascii_only=not unicode_wanted(sys.stdout))
    click.echo(text, nl=False)
    return int(Exit.OK if self_test_holds(report) else Exit.FINDINGS)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
