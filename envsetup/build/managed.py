"""Interpreters that uv brings: fetched only where the user says so, and only when none that is installed will do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from envsetup.build import interpreters
from envsetup.build.steps import Step, perform
from envsetup.model.errors import InputError
from envsetup.model.plan import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.build.steps import Progress

DEADLINE = 1800.0  # seconds; some 30 MB, unpacked 100 MB


def ensure(python: str | None, progress: Progress) -> None:
    """Fetch Python `python` (X.Y, X.Y.Z, either with a t) where it is not installed, with pip's proxy and certificates.

    Raises InputError for another form, BuildError with uv's reason when it cannot be fetched.
    """
    if python is None or not re.fullmatch(r"3\.\d{1,2}(\.\d+)?t?", python):
        raise InputError("--install-python needs --python X.Y beside it: which Python is fetched")
    if next(interpreters.candidates(python), None) is not None:
        return

    def fetch(tick: Callable[[], None]) -> str:
        from envsetup.build.decide import engine  # noqa: PLC0415 - only where something is fetched

        _, uv = engine(Request(), [])
        uv = msgspec.structs.replace(uv, env=uv.env | {"UV_PYTHON_DOWNLOADS": "manual"})
        uv.must(f"Python {python}", "python", "install", "--no-bin", python, timeout=DEADLINE, tick=tick)
        return ""

    perform([Step(id="python", title=f"fetch Python {python}", run=fetch)], progress)
