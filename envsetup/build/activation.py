"""A venv is built in one folder and used from another: what names the folder is set to the final one.

Console scripts find their interpreter by their own place (`relocatable` in pyvenv.cfg, read by uv when it installs).
Activation scripts could as well, but not for plain sh and csh, so they get the final path, quoted for their shell.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envsetup.render.quoting import csh, fish, nushell, sh

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LINES: dict[str, tuple[str, Callable[[str], str]]] = {
    "activate": (r"^VIRTUAL_ENV=(?=['\"]).*$", lambda path: f"VIRTUAL_ENV={sh(path)}"),
    "activate.csh": (r"^setenv VIRTUAL_ENV (?=['\"]).*$", lambda path: f"setenv VIRTUAL_ENV {csh(path)}"),
    "activate.fish": (r"^set -gx VIRTUAL_ENV (?=['\"]).*$", lambda path: f"set -gx VIRTUAL_ENV {fish(path)}"),
    "activate.nu": (r"^(\s*)const virtual_env = .*$", lambda path: f"    const virtual_env = {nushell(path)}"),
    "activate.bat": (r"^@for %%i in \(.*\) do", lambda _: '@for %%i in ("%~dp0..") do'),
}


def make_relocatable(env: Path) -> None:
    """Tell uv, before it installs, that this venv will move."""
    with (env / "pyvenv.cfg").open("a", encoding="utf-8") as file:
        file.write("relocatable = true\n")


def point_to(env: Path, final: Path) -> None:
    """Set the path in every activation script of `env` to `final`."""
    for name, (pattern, line) in _LINES.items():
        script = env / "bin" / name
        if script.exists():
            text = script.read_text(encoding="utf-8")
            new = re.sub(pattern, lambda _, line=line: line(str(final)), text, flags=re.MULTILINE)  # type: ignore[misc]
            script.write_text(new, encoding="utf-8")
