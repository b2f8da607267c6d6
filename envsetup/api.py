"""The Python API, whole: `envsetup.doctor()`, `envsetup.diagnose(text)`, `envsetup.probe()`. Documented in docs/api.md.

`import envsetup` imports none of this; it is loaded when one of its names is used.
"""

from __future__ import annotations

import sys
from html import escape
from typing import TYPE_CHECKING, Any

from envsetup.model.errors import InputError
from envsetup.model.finding import DoctorReport, Evidence, Finding, Remedy, Verdict
from envsetup.model.machine import Machine

if TYPE_CHECKING:
    from pathlib import Path

    from envsetup.doctor.case import Require
    from envsetup.doctor.subject import Subject

__all__ = [
    "Diagnosis",
    "DoctorReport",
    "Evidence",
    "Finding",
    "InputError",
    "Machine",
    "Remedy",
    "Verdict",
    "diagnose",
    "doctor",
    "probe",
]

LOOK_S, IMPORT_S = 5.0, 60.0  # as in the command
FRAME_PX = 560


class Diagnosis:
    """A report with the machine that it speaks of. Prints as the terminal shows it, and in Jupyter as the page.

    True where nothing is wrong that the doctor could see: `if not envsetup.doctor(require="gpu"): ...`.
    """

    def __init__(self, report: DoctorReport, machine: Machine, home: str = "") -> None:
        self.report = report
        self.machine = machine
        self._home = home

    @property
    def verdict(self) -> Verdict:
        """Status, headline and the code to fix first."""
        return self.report.verdict

    @property
    def findings(self) -> list[Finding]:
        """In the order in which to read them."""
        return self.report.findings

    def __bool__(self) -> bool:
        return self.report.verdict.status in ("ready", "degraded")

    def __repr__(self) -> str:
        return f"<envsetup.Diagnosis {self.verdict.status}: {self.verdict.headline}>"

    def __str__(self) -> str:
        from envsetup.report.doctor_screen import Style, screen  # noqa: PLC0415 - each form loads what it needs

        code = 0 if self else 1
        return screen(self.report, self.machine, Style(), exit_code=code, seconds=self.report.ms / 1000).rstrip("\n")

    def _repr_html_(self) -> str:
        # In a frame of its own: the page's style and script must not meet those of the notebook.
        page = escape(self.html(), quote=True)
        return (
            f'<iframe title="envsetup doctor" sandbox="allow-scripts" srcdoc="{page}" '
            f'style="width:100%;height:{FRAME_PX}px;border:0"></iframe>'
        )

    def html(self) -> str:
        """The self-contained page of `envsetup doctor --html`."""
        from envsetup.report.doctor_html import html  # noqa: PLC0415

        return html(self.report, self.machine, home=self._home)

    def markdown(self) -> str:
        """The block to paste into an issue, of `envsetup doctor --markdown`."""
        from envsetup.report.doctor_markdown import markdown  # noqa: PLC0415

        return markdown(self.report, self.machine, home=self._home)

    def to_json(self) -> str:
        """The document of `envsetup doctor --json`, schema envsetup.doctor/1."""
        from envsetup.model.codec import to_json  # noqa: PLC0415
        from envsetup.report.clean import escape_json  # noqa: PLC0415

        return escape_json(to_json(self.report))


def doctor(
    env: str | Path | None = None, *, require: Require | None = None, deep: bool = False, timeout: float | None = None
) -> Diagnosis:
    """Diagnose this machine and an environment: a venv, conda prefix or python, by default the one that is running.

    `require` is what must work: gpu, cuda, rocm or none. `deep` imports the frameworks in a child process and uses
    each GPU once. `timeout` in seconds: 5 in all, with `deep` 60 for each import. Raises InputError when `env` is not
    there or another argument means nothing, and for nothing that is wrong with the machine.
    """
    import os  # noqa: PLC0415

    from envsetup.doctor.subject import Subject  # noqa: PLC0415
    from envsetup.probe.collect import probe as look  # noqa: PLC0415
    from envsetup.world.live import LiveWorld  # noqa: PLC0415

    _accept(require, timeout)
    for_all, for_imports = (LOOK_S, timeout or IMPORT_S) if deep else (timeout or LOOK_S, None)
    machine = look(LiveWorld(), env=_env(env), timeout=for_all, deep=for_imports)
    return _examined(Subject(machine, "live"), require, home=os.path.expanduser("~"))  # noqa: PTH111 - no HOME is no error


def diagnose(text: str, *, error: str = "", require: Require | None = None) -> Diagnosis:
    """Diagnose another machine from text: a snapshot, a collect_env report, nvidia-smi, a log, a whole issue.

    `error` is the error text that its user got. Raises InputError for a snapshot that cannot be read.
    """
    from envsetup.doctor.subject import given  # noqa: PLC0415

    _accept(require)
    return _examined(given(text, "text", error, "error"), require)


def probe(env: str | Path | None = None, *, timeout: float = LOOK_S) -> Machine:
    """The facts of this machine and an environment, as `doctor` looks at them; nothing is judged or imported."""
    from envsetup.probe.collect import probe as look  # noqa: PLC0415
    from envsetup.world.live import LiveWorld  # noqa: PLC0415

    _accept(timeout=timeout)
    return look(LiveWorld(), env=_env(env), timeout=timeout)


def _accept(require: str | None = None, timeout: float | None = None) -> None:
    """Raise InputError for what the command line refuses: ignored, it would be an answer to another question."""
    from typing import get_args  # noqa: PLC0415

    from envsetup.doctor.case import Require  # noqa: PLC0415

    if require is not None and require not in get_args(Require):
        raise InputError(f"require {require!r}: accepted are {', '.join(get_args(Require))}")
    if timeout is not None and not timeout > 0:
        raise InputError(f"timeout {timeout!r}: seconds above 0 are accepted")


def _env(env: str | Path | None) -> str | None:
    """In a program the environment that matters is its own, whatever is active in the shell that started it."""
    return str(env) if env is not None else sys.executable or None


def _examined(subject: Subject, require: Require | None, home: str = "") -> Diagnosis:
    from envsetup.doctor.examine import examine  # noqa: PLC0415

    how: dict[str, Any] = {"symptoms": subject.symptoms, "weak": subject.weak, "notes": subject.notes}
    return Diagnosis(examine(subject.machine, require=require, target=subject.kind, **how), subject.machine, home)
