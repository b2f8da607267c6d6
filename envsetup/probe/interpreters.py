"""Python interpreters: those on PATH, and the version of one from its files. None is ever run."""

from __future__ import annotations

import re
from posixpath import dirname, join
from typing import TYPE_CHECKING

from envsetup.model.machine import Machine
from envsetup.model.maybe import UNKNOWN, Maybe
from envsetup.model.software import Python

if TYPE_CHECKING:
    from envsetup.probe.look import Look

NAMES = ("python3", "python", *(f"python3.{minor}" for minor in range(8, 16)))
BINARY = re.compile(r"(python|pypy)(\d+\.\d+)(t?)")
MANAGED = re.compile(r"(?:cpython|pypy)-(\d+\.\d+\.\d+)(\+freethreaded)?-")  # a folder name of uv
MACHINES = {0x03: "i686", 0x28: "armv7l", 0x3E: "x86_64", 0xB7: "aarch64", 0xF3: "riscv64", 0x15: "ppc64le"}
OF_A_TOOL = re.compile(r"/(?:uv/(?:tools|archive-v\d+|environments-v\d+)|pipx/venvs)/")
ELF_HEAD = 20
LIBRARY = re.compile(r"python(\d+\.\d+)(t?)")


def probe_interpreters(look: Look) -> Machine:
    """Fact `pythons`: each interpreter on PATH once, in the order of `NAMES`."""
    found: dict[str, Python] = {}
    for name in NAMES:
        path = on_path(look, name)
        if path is not None:
            found.setdefault(look.real_path(path), python_at(look, path))
    return Machine(pythons=list(found.values()))


def on_path(look: Look, name: str) -> str | None:
    """The interpreter that a name on PATH starts. A shim of pyenv is a script: what it would start is looked up."""
    path = look.world.which(name)
    if path is not None and OF_A_TOOL.search(path):
        path = _behind(look, name)
    if path is None or not path.endswith(f"/shims/{name}"):
        return path
    root, cwd = path.removesuffix(f"/shims/{name}"), str(look.system("cwd") or "/")
    chosen = (
        look.variable("PYENV_VERSION") or look.text(join(cwd, ".python-version")) or look.text(join(root, "version"))
    )
    binaries = [join(root, "versions", version, "bin", name) for version in re.split(r"[:\s]+", chosen.strip())]
    return next((binary for binary in binaries if look.exists(binary)), None)


def _behind(look: Look, name: str) -> str | None:
    """The next one on PATH: `uvx` puts the environment of the tool itself first, and nobody asks about that."""
    folders = [folder for folder in look.variable("PATH").split(":") if folder and not OF_A_TOOL.search(f"{folder}/")]
    return next((path for path in (join(folder, name) for folder in folders) if look.exists(path)), None)


def python_at(look: Look, executable: str) -> Python:
    """An interpreter by its real path, its folder and the header files beside it."""
    real = look.real_path(executable)
    prefix = dirname(dirname(real))
    version, threaded = version_at(look, real, prefix)
    bits, arch = _elf(look, real)
    return Python(
        bits=bits,
        arch=arch,
        version=version,
        free_threaded=threaded,
        implementation="pypy" if "pypy" in real.rsplit("/", 1)[-1] else "cpython",
        executable=executable,
    )


def _elf(look: Look, path: str) -> tuple[Maybe[int], Maybe[str]]:
    """Word size and processor of an ELF file: a 32-bit or foreign interpreter finds no wheels."""
    try:
        head = look.world.read_bytes(path, limit=ELF_HEAD)
    except OSError:
        return UNKNOWN, UNKNOWN
    if len(head) < ELF_HEAD or not head.startswith(b"\x7fELF"):
        return UNKNOWN, UNKNOWN
    machine = int.from_bytes(head[18:20], "little" if head[5] == 1 else "big")
    return {1: 32, 2: 64}.get(head[4], UNKNOWN), MACHINES.get(machine, UNKNOWN)


def version_at(look: Look, real: str, prefix: str) -> tuple[Maybe[str], Maybe[bool]]:
    """Version and whether it is a free-threaded build; X.Y.Z where a file says so, else X.Y."""
    managed = MANAGED.search(real)
    if managed:
        return managed[1], bool(managed[2])
    named = BINARY.fullmatch(real.rsplit("/", 1)[-1])
    minors = [(found[1], found[2]) for found in map(LIBRARY.fullmatch, look.names(join(prefix, "lib"))) if found]
    short, threaded = (named[2], named[3]) if named else minors[0] if len(minors) == 1 else ("", "")
    if not short:
        look.unknown("pythons.version", f"{real}: neither its name nor its folder tells the version")
        return UNKNOWN, UNKNOWN
    return _patch(look, prefix, short + threaded) or short, bool(threaded)


def _patch(look: Look, prefix: str, minor: str) -> str:
    """X.Y.Z from the header, where the development files are installed."""
    header = look.text(join(prefix, "include", f"python{minor}", "patchlevel.h"))
    found = re.search(r'^#define PY_VERSION\s+"(\d+\.\d+\.\d+)', header, re.MULTILINE)
    return found[1] if found else ""
