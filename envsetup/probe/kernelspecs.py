"""Notebook kernels of an environment and of the user: which program each of them starts."""

from __future__ import annotations

import json
from posixpath import isabs, join
from typing import TYPE_CHECKING

from envsetup.model.maybe import UNKNOWN
from envsetup.model.software import Kernelspec

if TYPE_CHECKING:
    from envsetup.probe.look import Look

KERNELS = "share/jupyter/kernels"
MOST = 50  # kernels in one folder that are worth a look


def kernelspecs(look: Look, prefix: str) -> list[Kernelspec]:
    """Those of the environment first, as Jupyter looks for them when it runs in it."""
    home = str(look.system("home") or "/")
    folders = {"environment": join(prefix, KERNELS), "user": join(home, ".local", KERNELS)}
    return [
        _kernel(look, join(folder, name), name, where)
        for where, folder in folders.items()
        for name in look.names(folder)[:MOST]
    ]


def _kernel(look: Look, folder: str, name: str, where: str) -> Kernelspec:
    try:
        command = json.loads(look.text(join(folder, "kernel.json"), limit=1 << 16))["argv"]
        program = command[0]
    except (ValueError, KeyError, IndexError, TypeError):
        return Kernelspec(name=name, where=where)
    if not isinstance(program, str):
        return Kernelspec(name=name, where=where)
    exists = look.exists(program) if isabs(program) else UNKNOWN
    return Kernelspec(name=name, where=where, program=program, exists=exists)
