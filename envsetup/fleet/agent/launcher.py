"""Runs as `__main__` of the bundle, with the standard library alone: unpack what this Python needs, run, clean up.

A zip cannot load compiled modules, and the look at NVML runs in a child; so the parts are laid out as a private venv
(one link, one file, the modules) in a temporary folder that only this user can enter, and it is removed at the end.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

TEMPORARY = (os.environ.get("TMPDIR"), "/tmp", "/var/tmp", "/dev/shm", os.environ.get("HOME"))  # noqa: S108
COMMON = "site/"


def platform_tag() -> str:
    """Which compiled parts this Python can load: cpython-312-x86_64-glibc."""
    libc = "glibc" if _glibc() else "musl"
    flags = getattr(sys, "abiflags", "")
    return f"{sys.implementation.cache_tag}{flags}-{os.uname().machine}-{libc}"


def _glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (OSError, ValueError):
        return False


def workplace() -> str | None:
    """A folder below which files can be written and compiled modules loaded, or None."""
    for folder in TEMPORARY:
        if folder and os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK):  # noqa: PTH112
            flags = os.statvfs(folder).f_flag
            if not flags & (os.ST_NOEXEC | os.ST_RDONLY):
                return folder
    return None


def unpack(archive: str, folder: Path, tag: str) -> Path | None:
    """Lay the bundle out as a venv; its Python, or None where the bundle holds nothing for `tag`."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    site = folder / "lib" / version / "site-packages"
    native, platform = f"native/{tag}/", tag.split("-", 2)[2]
    programs = f"programs/{platform}/"
    wanted = (COMMON, native, f"native/abi3-{platform}/", programs)
    with zipfile.ZipFile(archive) as bundle:
        names = bundle.namelist()
        if not any(name.startswith(native) for name in names):
            return None
        made: set[Path] = set()
        for name in names:
            prefix = next((prefix for prefix in wanted if name.startswith(prefix)), None)
            if prefix:
                path = (folder / "bin" if prefix == programs else site) / name[len(prefix) :]
                if path.parent not in made:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    made.add(path.parent)
                path.write_bytes(bundle.read(name))
                if prefix == programs:
                    path.chmod(0o700)
    base = getattr(sys, "_base_executable", "") or sys.executable
    (folder / "pyvenv.cfg").write_text(f"home = {os.path.dirname(base)}\n", encoding="utf-8")  # noqa: PTH120
    python = folder / "bin" / "python"
    python.parent.mkdir(exist_ok=True)
    python.symlink_to(base)
    return python


def run(python: Path, arguments: list[str]) -> int:
    """Run the doctor; its exit status, negative for a signal. A signal to end ends it too."""
    process = subprocess.Popen(  # noqa: S603 - our own program
        [python, "-I", "-B", "-m", "envsetup.fleet.agent.main", *arguments],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )

    def stop(number: int, _frame: object) -> None:
        os.killpg(process.pid, signal.SIGKILL)
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, stop)
    return process.wait()


def fail(error: str, detail: str) -> int:
    """Answer that the doctor could not run here."""
    answer = {"schema": "envsetup.agent/1", "host": os.uname().nodename, "error": error, "detail": detail}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 3


def main() -> int:
    """Unpack, run, clean up."""
    tag = platform_tag()
    place = workplace()
    if place is None:
        return fail("crashed", "no temporary folder that can be written and executed from")
    folder = Path(tempfile.mkdtemp(prefix="envsetup-agent-", dir=place))
    try:
        python = unpack(sys.argv[0], folder, tag)
        if python is None:
            return fail("not-carried", tag)
        status = run(python, sys.argv[1:])
    except OSError as error:
        return fail("crashed", f"{type(error).__name__}: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return fail("crashed", f"the doctor was ended by signal {-status}") if status < 0 else status


if __name__ == "__main__":
    sys.exit(main())
