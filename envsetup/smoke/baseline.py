"""A run that is saved on a machine, for later runs to be held against: the report itself, at a place of its own."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from envsetup.model.codec import to_json
from envsetup.model.errors import InputError
from envsetup.smoke.catalogue import ACCELERATORS
from envsetup.smoke.rates import read_report

if TYPE_CHECKING:
    from envsetup.model.proof import SmokeReport


def own_place(framework: str, kind: str) -> Path:
    """Where this user's baseline of this host, framework and kind of device lies when no file is named."""
    import platform  # noqa: PLC0415 - only where a baseline is saved or looked for

    from platformdirs import user_state_path  # noqa: PLC0415

    name = "-".join(re.sub(r"[^\w.]+", "_", part) for part in (platform.node() or "host", framework, kind))
    return user_state_path("envsetup") / "baselines" / f"{name}.json"


def save(report: SmokeReport, path: Path | None) -> Path:
    """Write the report where later runs find it; the file.

    Raises InputError when it is not a pass (nothing slow or wrong may become the measure) or cannot be written.
    """
    if report.verdict != "pass":
        raise InputError(f"--save-baseline: nothing saved: the verdict is {report.verdict}, only a pass is a measure")
    target = path or own_place(str(report.framework.get("name")), report.device)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=target.parent, delete=False, encoding="utf-8") as file:
            file.write(to_json(report))
        Path(file.name).replace(target)
    except OSError as error:
        raise InputError(f"--save-baseline {target}: {error.strerror}") from error
    return target


def load(path: str | None, framework: str, kind: str) -> tuple[SmokeReport, str] | None:
    """The baseline to hold a run against: the file that was named, else the one saved at its own place, else none.

    Where any accelerator will do, the place of each kind is looked at.

    Raises InputError when a file that was named is no report.
    """
    if path is not None:
        return read_report(Path(path), option="--baseline"), path
    kinds = ACCELERATORS if kind == "auto" else (kind,)
    own = next((place for place in (own_place(framework, name) for name in kinds) if place.is_file()), None)
    return None if own is None else (read_report(own, option="--baseline"), str(own))
